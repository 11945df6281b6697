"""Cost of the desk's library page: `uv run python -m benchmarks.desk [--videos N]`.

A catalog of made-up videos with a still each, the desk as its command starts it, and Chromium. Measured are the time
from opening the page to the first picture on screen and to a full screen, and whether scrolling shows gaps.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
from PIL import Image

from benchmarks.machine import describe_machine
from thumb_assets.desk.app import build_app
from thumb_assets.desk.desk import Desk
from thumb_assets.desk.door import LOOPBACK
from thumb_assets.desk.library_view import Filters, window
from thumb_assets.stages import STAGES
from thumb_assets.store import catalog_schema as schema
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.contracts import TABLES
from thumb_assets_tests.support.browser import chromium
from thumb_assets_tests.support.web import serving
from thumb_assets_tests.unit.store.builders import row

NUM_VIDEOS, NUM_CANDIDATES = 10_000, 30
_NUM_PICTURES = 40
_SCROLL_STEPS, _SCROLL_PIXELS, _STEP_SECONDS = 30, 700, 0.35
# Cards on screen, and those of them without a picture.
_GAPS = """() => { const cards = [...document.querySelectorAll('.card')].filter(card => {
  const box = card.getBoundingClientRect(); return box.bottom > 60 && box.top < innerHeight; });
  return [cards.length, cards.filter(card => { const i = card.querySelector('img');
    return !i || !i.complete || !i.naturalWidth; }).length]; }"""
_HAS_PICTURE = "() => [...document.images].some(image => image.complete && image.naturalWidth > 0)"


def make_library(data_dir: Path, num_videos: int) -> TableStore:
    """Writes a catalog with rows of every table that the page asks, and a still of 1280x720 per video."""
    store = TableStore(data_dir)
    pictures = list(_pictures(data_dir))
    (store.tables_dir / "outcomes").mkdir(parents=True)
    with closing(sqlite3.connect(store.catalog_path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in schema.create_statements():
            connection.execute(statement)
        key = (schema.FINGERPRINT_KEY, schema.fingerprint())
        connection.execute(f"INSERT INTO {schema.META_TABLE} VALUES (?, ?)", key)  # noqa: S608 - a constant
        for number in range(num_videos):
            video_id = f"made-up-{number:06d}"
            for name, rows in _rows(video_id, number).items():
                names = TABLES[name].column_names
                values = [tuple(_stored(each[column]) for column in names) for each in rows]
                connection.executemany(schema.insert_statement(TABLES[name]), values)
            folder = store.stills_dir(video_id)
            folder.mkdir(parents=True)
            os.link(pictures[number % len(pictures)], folder / "best.jpg")
            store.table_path("outcomes", video_id).touch()
    return store


def _pictures(folder: Path) -> Iterator[Path]:
    rng = np.random.default_rng(0)
    for number in range(_NUM_PICTURES):
        path = folder / f"picture-{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (9, 16, 3), np.uint8)).resize((1280, 720)).save(path)
        yield path


def _rows(video_id: str, number: int) -> Mapping[str, list[dict[str, Any]]]:
    def of(name: str, position: int, **values: Any) -> dict[str, Any]:
        return row(name, position, video_id, **values)

    path = f"/videos/made up {number:06d}.mp4"
    return {
        "videos": [of("videos", 0, source_path=path, duration_seconds=float(number % 4000))],
        "outcomes": [
            of("outcomes", 0, stage=stage, status="done", source_path=path, blocked_by=None) for stage in STAGES
        ],
        "candidate_frames": [of("candidate_frames", i) for i in range(NUM_CANDIDATES)],
        "faces": [of("faces", i) for i in range(number % 3)],
        "rejections": [of("rejections", i, stage="rank", reason="lower_score") for i in range(3, NUM_CANDIDATES)],
        "selections": [of("selections", i, rank=i + 1, combined_score=0.9 - i / 10) for i in range(3)],
        "stills": [of("stills", 0, rank=1, file_name="best.jpg", file_sha256=f"{number:064x}"[::-1])],
    }


def _stored(value: Any) -> Any:
    return str(value) if isinstance(value, list) else value


def measure(store: TableStore) -> dict[str, float]:
    """Seconds to the first picture and to a full screen, cold (no small picture is made yet) and warm, and gaps."""
    desk = Desk(store)
    found: dict[str, float] = {}
    with serving(build_app(desk, hosts=LOOPBACK)) as address, chromium() as browser:
        for name in ("cold", "warm"):
            page = browser.new_page(viewport={"width": 1280, "height": 800}, bypass_csp=True)
            begin = time.perf_counter()
            page.goto(address, wait_until="commit")
            page.wait_for_function(_HAS_PICTURE, polling="raf")
            found[f"first picture, {name} (s)"] = time.perf_counter() - begin
            page.wait_for_function(
                f"() => {{ const [all, gaps] = ({_GAPS})(); return all > 0 && gaps === 0; }}", polling="raf"
            )
            found[f"full screen, {name} (s)"] = time.perf_counter() - begin
            gaps = list(_scrolled(page))
            found[f"cards on screen without a picture while scrolling, {name} (share)"] = sum(
                missing for _, missing in gaps
            ) / sum(number for number, _ in gaps)
            found[f"empty screens while scrolling, {name}"] = sum(not number for number, _ in gaps)
            page.close()
    return found


def _scrolled(page: Any) -> Iterator[tuple[int, int]]:
    """Scrolls on by nearly a screen, three times a second, and looks at each before the next."""
    for _ in range(_SCROLL_STEPS):
        page.mouse.wheel(0, _SCROLL_PIXELS)
        page.wait_for_timeout(1000 * _STEP_SECONDS)
        number, missing = page.evaluate(_GAPS)
        yield number, missing


def queries(store: TableStore) -> dict[str, float]:
    """Seconds of the page's questions, the median of five."""
    desk = Desk(store)
    asked: dict[str, dict[str, Any]] = {
        "by name": {},
        "by name, the last": {"start": 9900},
        "doubtful first": {"order": "doubtful"},
        "with faces, not decided": {"filters": Filters(has_faces="yes", is_decided="no")},
        "a word": {"filters": Filters(words="0042")},
    }
    times = {}
    for name, options in asked.items():
        taken = []
        for _ in range(5):
            begin = time.perf_counter()
            window(
                desk.catalog, options.get("filters", Filters()), **{k: v for k, v in options.items() if k != "filters"}
            )
            taken.append(time.perf_counter() - begin)
        times[f"question: {name} (s)"] = median(taken)
    return times


@click.command()
@click.option("--videos", "num_videos", default=NUM_VIDEOS, show_default=True)
def main(num_videos: int) -> None:
    """Print the figures."""
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        store = make_library(Path(folder), num_videos)
        for name, value in {**queries(store), **measure(store)}.items():
            print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
