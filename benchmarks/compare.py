"""Cost of a move of a slider at the desk: `uv run python -m benchmarks.compare LIBRARY [--videos N] [--runs N]`.

The tables of a library that was run, copied under other ids as often as it takes; the desk as its command starts it,
asked as its page asks. Measured are one video, a page of 50 and all of the copies, after a change of a weight, of the
number of frames and of the words that are looked for: seconds on the clock and of the processor.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
import pyarrow as pa

from benchmarks.machine import describe_machine
from thumb_assets.desk.comparing import compare, overrides_of
from thumb_assets.settings.config import read_settings
from thumb_assets.store.identity import verify_video_id
from thumb_assets.store.kept_candidates import KeptCandidates
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.stored_form import OWN_FOOTER_KEYS
from thumb_assets.tables.conform import content_sha256
from thumb_assets.tables.contracts import TABLES

NUM_VIDEOS, NUM_RUNS, PAGE = 1000, 7, 50
# That every model reads: the one that ships with the package knows few words.
_WORDS = ("a sharp frame", "the main subject", "a blurry frame", "a video", "a dark frame", "a subject", "a frame")


@dataclass(frozen=True)
class Cost:
    """Cost of one move, the median of the runs: seconds on the clock, and of the processor."""

    change: str
    num_videos: int
    wall_seconds: float
    cpu_seconds: float


def copy_library(source: Path, target: Path, num_videos: int) -> TableStore:
    """Copies the tables of a library's videos under other ids, one video after the other, until there are enough.

    Raises:
        click.ClickException: nothing was selected there.
    """
    of_source, store = TableStore(source), TableStore(target)
    own = list(of_source.video_ids("selections"))
    if not own:
        raise click.ClickException(f"{source}: has no selections; run thumb-assets run first")
    for number in range(num_videos):
        video_id = verify_video_id(f"copy-{number:08x}")
        for name in TABLES:
            if name != "rejections" and of_source.has(name, own[number % len(own)]):
                _copy(name, of_source, own[number % len(own)], store, video_id)
    return store


def _copy(name: str, of_source: TableStore, source_id: str, store: TableStore, video_id: str) -> None:
    table, footer = of_source.read(name, source_id), of_source.footer(name, source_id) or {}
    place = table.schema.get_field_index("video_id")
    ids = pa.array([video_id] * table.num_rows, table.schema.field(place).type)
    copy = table.set_column(place, table.schema.field(place), ids)
    own = {key: value for key, value in footer.items() if key not in OWN_FOOTER_KEYS}
    store.write(name, copy, video_id=video_id, footer=own | {"content_sha256": content_sha256(copy)})


def measure(store: TableStore, *, num_runs: int = NUM_RUNS) -> Iterator[Cost]:
    """Costs of each change, of one video, of a page and of all, when they were asked for once before."""
    ids = sorted(store.video_ids("selections"))
    for num_videos in sorted({1, min(PAGE, len(ids)), len(ids)}):
        kept = KeptCandidates(store)
        asked = None if num_videos == len(ids) > PAGE else ids[:num_videos]

        def move(changes: Mapping[str, Any], asked: list[str] | None = asked, kept: KeptCandidates = kept) -> None:
            settings = read_settings(store.data_dir, overrides=overrides_of(changes))
            found = compare(store, settings, asked, kept=kept)
            if found.left_out:
                raise click.ClickException("; ".join(found.left_out))

        yield _cost("the first time", num_videos, move, [{}])
        for name, changes in _moves(num_runs).items():
            yield _cost(name, num_videos, move, changes)


def _moves(num_runs: int) -> dict[str, list[dict[str, Any]]]:
    words = [_WORDS[run % len(_WORDS)] for run in range(num_runs)]
    weights = [{"selection.weights.sharpness": 0.3 + run / 20} for run in range(num_runs)]
    return {
        "a weight": weights,
        "frames per video": [{"selection.top_k": 1 + run} for run in range(num_runs)],
        "other words": [{"selection.looking_for": each} for each in words],
        "a weight beside words": [each | {"selection.looking_for": words[0]} for each in weights],
    }


def _cost(name: str, num_videos: int, move: Callable[[Mapping[str, Any]], None], changes: list[dict[str, Any]]) -> Cost:
    walls, cpus = [], []
    for each in changes:
        wall, cpu = time.perf_counter(), time.process_time()
        move(each)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return Cost(name, num_videos, median(walls), median(cpus))


@click.command()
@click.argument("library", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--videos", "num_videos", default=NUM_VIDEOS, show_default=True)
@click.option("--runs", "num_runs", default=NUM_RUNS, show_default=True)
def main(library: Path, num_videos: int, num_runs: int) -> None:
    """Print the figures."""
    print(describe_machine())
    print("| videos | change | wall ms | CPU ms |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="thumb-assets-compare-") as folder:
        for cost in measure(copy_library(library, Path(folder), num_videos), num_runs=num_runs):
            wall, cpu = 1000 * cost.wall_seconds, 1000 * cost.cpu_seconds
            print(f"| {cost.num_videos} | {cost.change} | {wall:.1f} | {cpu:.1f} |", flush=True)


if __name__ == "__main__":
    main()
