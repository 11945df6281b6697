"""The page of the collections in Chromium: by keys alone, on narrow screens, and a dataset of one."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from thumb_assets.store.collections import collect, collections
from thumb_assets.store.parquet import TableStore

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]
NAME = "<img src=x onerror=document.title='owned'> “night”"


def names_and_sizes(data_dir: Path) -> dict[str, int]:
    return {name: len(frames) for name, frames in collections(TableStore(data_dir)).items()}


@pytest.fixture
def library(library: Path) -> Path:
    """Two collections: one of six frames of three videos, one of a single frame."""
    store = TableStore(library)
    for video_id in store.video_ids("selections")[:3]:
        frames = store.read("candidate_frames", video_id).column("frame_index").to_pylist()
        collect(store, NAME, video_id, [frames[0], frames[-1]])
    collect(store, "second", store.video_ids("selections")[0], [0])
    return library


def press(page: "Page", *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_collection_is_looked_at_changed_and_deleted_by_keys(open_page: Open, library: Path) -> None:
    page = open_page("/collections")
    page.get_by_text("6 frames of 3 videos").wait_for()
    page.wait_for_function("() => [...document.querySelectorAll('.found img')].every(i => i.naturalWidth > 0)")
    press(page, "ArrowRight", "ArrowRight", "x")
    page.get_by_text("5 frames of 3 videos").wait_for()
    assert names_and_sizes(library)[NAME] == 5
    press(page, "u")
    page.get_by_text("6 frames of 3 videos").wait_for()
    press(page, "]")
    page.get_by_text("1 frame of 1 video").wait_for()
    press(page, "[")
    page.get_by_text("6 frames of 3 videos").wait_for()
    press(page, "r")
    page.get_by_role("dialog").get_by_role("textbox").fill("third")
    press(page, "Enter")
    page.locator("option", has_text="third (6)").wait_for(state="attached")
    assert names_and_sizes(library) == {"second": 1, "third": 6}
    press(page, "d")
    page.get_by_role("dialog").get_by_text("“third” and its list of 6 frames").wait_for()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("1 frame of 1 video").wait_for()
    assert names_and_sizes(library) == {"second": 1}
    press(page, "ArrowRight", "Enter")
    page.locator(".panel .frame", has_text="Frame 0 ·").wait_for()


def test_a_collection_is_exported(open_page: Open, library: Path) -> None:
    page = open_page("/collections")
    page.get_by_text("6 frames of 3 videos").wait_for()
    press(page, "e")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Format").select_option("imagefolder")
    folder = dialog.get_by_label("Name of its folder").input_value()
    dialog.get_by_role("button", name="Export").click()
    dialog.get_by_text("Written: ").wait_for(timeout=120_000)
    written = pd.concat(map(pd.read_parquet, (library / "datasets" / folder).rglob("metadata.parquet")))
    wanted = {(each.video_id, each.frame_index) for each in collections(TableStore(library))[NAME]}
    assert set(zip(written["video_id"], written["frame_index"], strict=True)) <= wanted
    assert len(written) > 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(open_page: Open, width: int, scheme: str) -> None:
    page = open_page("/collections", width=width, scheme=scheme)
    page.locator(".found").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = "[...document.querySelectorAll('button, a, select, input')].filter(e => !(e.innerText || e.ariaLabel || "
    assert page.evaluate(unnamed + "e.title || e.labels?.length)).length") == 0
