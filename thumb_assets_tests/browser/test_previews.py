"""The tiles of a seek bar in Chromium: its own reader of WebVTT, a page of ours, what is seen on hover."""

import io
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.drawing import read_frame_index
from thumb_assets_tests.support.film import Film, write
from thumb_assets_tests.support.running import register, run_stages

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
_PAGE = Path(__file__).resolve().parents[2] / "docs" / "previews.html"
_STAGES = ("videos", "frames", "shots", "previews")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, list[dict]]]:
    """A folder with the page, a film of 12 s and its tiles, on a port of this machine; the rows of the tiles."""
    folder = tmp_path / "site"
    folder.mkdir()
    shutil.copy(_PAGE, folder)
    film = write(folder / "film.mp4", Film(seconds=12, shot_seconds=3, size=(640, 360)))
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (video_id,) = register(data_dir, [film])
    overrides = ['previews.kinds=["sprites"]', "previews.interval_seconds=1", "previews.columns=4", "previews.rows=2"]
    run_stages(data_dir, [video_id], _STAGES, settings=load_settings(overrides=overrides))
    store = TableStore(data_dir)
    shutil.copytree(store.previews_dir(video_id), folder / "previews")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    rows = [row for row in store.read("previews", video_id).to_pylist() if row["kind"] == "sprite"]
    address = f"http://127.0.0.1:{server.server_port}/previews.html?video=film.mp4&tiles=previews/sprites-320.vtt"
    yield address, rows
    server.shutdown()
    server.server_close()


def test_the_tile_of_the_moment_is_shown_on_hover(
    browser: "Browser", site: tuple[str, list[dict]], tmp_path: Path
) -> None:
    address, rows = site
    page = browser.new_page(viewport={"width": 900, "height": 600})
    page.goto(address)
    page.wait_for_function("document.querySelector('video').duration > 0")
    page.wait_for_function("document.querySelector('track').track.cues?.length > 0")
    assert page.evaluate("document.querySelector('track').track.cues.length") == len(rows) == 12
    box = page.locator("#bar").bounding_box()
    assert box is not None
    for row in (rows[0], rows[5], rows[11]):
        middle = (row["start_seconds"] + row["end_seconds"]) / 2
        page.mouse.move(box["x"] + box["width"] * middle / 12, box["y"] + 6)
        page.wait_for_load_state("networkidle")
        page.locator("#tile").wait_for()
        page.screenshot(path=str(tmp_path / f"hover-{row['tile_index']}.png"))
        seen = np.asarray(Image.open(io.BytesIO(page.locator("#tile").screenshot())).convert("RGB"))
        assert read_frame_index(seen[2:-2, 2:-2]) == row["frame_index"]
    page.close()
