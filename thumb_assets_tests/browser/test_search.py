"""The desk's search in Chromium: by words and by example, what is found pinned and collected."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from thumb_assets.library.decide import decisions_of
from thumb_assets.store.collections import collections
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.browser.conftest import HOSTILE_NAME
from thumb_assets_tests.support.desk import Asking
from thumb_assets_tests.support.film import Film, Text, write
from thumb_assets_tests.support.running import register, run_stages

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]
_STAGES = (
    *("videos", "frames", "shots", "subtitles", "candidate_frames", "sharpness", "appearance", "selections", "stills"),
    "catalog",
)
_GOAL = "What a <b>goal</b> & more!"


@pytest.fixture(scope="module")
def made_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos that look alike; in the one with a name made of markup something is said."""
    folder = tmp_path_factory.mktemp("three")
    data_dir = folder / "data"
    data_dir.mkdir()
    paths = []
    for number, name in enumerate((HOSTILE_NAME.replace(".mp4", ".mkv"), "second.mkv", "third.mkv")):
        texts = [Text([(1.2, 1.8, "They begin."), (2.2, 2.8, _GOAL)])] if number == 0 else []
        film = Film(seconds=4, shot_seconds=1, texts=texts)
        paths.append(write(folder / f"{number}.mkv", film).rename(folder / name))
    run_stages(data_dir, register(data_dir, paths), stages=_STAGES)
    return data_dir


def press(page: "Page", *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def decided(data_dir: Path) -> list[tuple[str, int, str]]:
    store = TableStore(data_dir)
    return [(each, *pair) for each in store.video_ids("decisions") for pair in decisions_of(store, each).items()]


def test_words_are_quoted_one_frame_is_pinned_and_taken_back(open_page: Open, library: Path, desk: Asking) -> None:
    page = open_page("/search")
    page.keyboard.type("goal")
    press(page, "Enter")
    found = page.locator(".found")
    found.first.wait_for()
    assert found.count() == 1
    assert found.locator(".name").inner_text() == HOSTILE_NAME.replace(".mp4", ".mkv")
    assert found.locator(".reason").inner_text().startswith("subtitle at 2.2 s: ")
    assert "goal" in found.locator(".reason").inner_text()
    page.locator(".notices", has_text="pictures are not searched by words").wait_for()
    press(page, "Escape", "ArrowRight", "p")
    found.locator(".badge", has_text="pinned").wait_for()
    ((_, frame, word),) = decided(library)
    assert word == "pin"
    found.locator(f"img[alt^='Frame {frame} at']").wait_for()
    press(page, "u")
    page.locator(".note", has_text="Taken back").wait_for()
    assert decided(library) == []
    desk.wait_for_stills()


def test_more_like_the_frame_of_a_video_is_collected(open_page: Open, library: Path) -> None:
    page = open_page("/")
    page.locator(".card", has_text="second.mkv").click()
    page.locator(".tile").first.wait_for()
    press(page, "m")
    found = page.locator(".found")
    found.first.wait_for()
    example = parse_qs(urlsplit(page.url).query)["like"][0]
    assert example.startswith("second-")
    first = found.first
    assert first.locator(".name").inner_text() != "second.mkv"
    assert first.locator(".reason").inner_text().startswith("like the example (cosine ")
    page.locator(".example img").wait_for()
    press(page, "ArrowRight", "x", "ArrowRight", "x", "k")
    page.get_by_text("2 selected").wait_for()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").fill("<i>night</i>")
    press(page, "Enter")
    page.locator(".note", has_text="2 new in the collection “<i>night</i>”").wait_for()
    assert [len(frames) for frames in collections(TableStore(library)).values()] == [2]
    assert list(collections(TableStore(library))) == ["<i>night</i>"]
    frame = first.locator("a").get_attribute("href").partition("@")[2]
    first.locator("a").click()
    page.locator(".panel .frame", has_text=f"Frame {frame} ·").wait_for()
    page.go_back()
    found.first.wait_for()
    assert parse_qs(urlsplit(page.url).query)["like"] == [example]


def test_ranges_keep_to_what_they_say(open_page: Open) -> None:
    page = open_page("/search?where=pts_seconds<1&per_video=1")
    found = page.locator(".found")
    found.first.wait_for()
    assert found.count() == 3
    assert "within the ranges" in page.locator(".count").inner_text()
    assert all(text.startswith("pts_seconds 0") for text in found.locator(".reason").all_inner_texts())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(open_page: Open, width: int, scheme: str) -> None:
    page = open_page("/search?where=pts_seconds>=0", width=width, scheme=scheme)
    page.locator(".found").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = "[...document.querySelectorAll('button, a, select, input')].filter(e => !(e.innerText || e.ariaLabel || "
    assert page.evaluate(unnamed + "e.title || e.labels?.length)).length") == 0
