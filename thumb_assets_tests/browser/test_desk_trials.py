"""Videos tried in Chromium as a person does: chosen, watched, kept or thrown away, two tabs at once, and an export."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from thumb_assets_tests.support.film import Film, write
from thumb_assets_tests.support.processes import engine_processes, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]
_WORK_MS = 120_000


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    films = [Film(seconds=3 + number, shot_seconds=1) for number in range(2)]
    return [write(tmp_path / f"holiday {number}.mp4", film) for number, film in enumerate(films)]


def choose(page: "Page", *paths: Path) -> None:
    page.locator("input[type=file]").set_input_files([str(path) for path in paths])


def uploads(library: Path) -> list[str]:
    return sorted(path.name for path in (library / "videos").rglob("*") if path.is_file())


def test_one_is_kept_another_thrown_away_and_all_exported(open_page: Open, library: Path, clips: list[Path]) -> None:
    page = open_page("/try")
    choose(page, clips[0])
    kept = page.locator(".trial", has_text="holiday 0.mp4")
    kept.locator(".picks li").first.wait_for(timeout=_WORK_MS)
    assert "rank 1 of" in kept.locator(".picks li").first.inner_text()
    with page.expect_download() as download:
        kept.get_by_role("link", name="Download").first.click()
    assert Path(download.value.path()).read_bytes().startswith(b"\xff\xd8")
    kept.get_by_role("button", name="Keep in the library").click()
    page.locator(".note", has_text="is kept").wait_for()
    kept.wait_for(state="detached")

    choose(page, clips[1])
    thrown = page.locator(".trial", has_text="holiday 1.mp4")
    thrown.locator(".picks li").first.wait_for(timeout=_WORK_MS)
    assert len(uploads(library)) == 2
    thrown.get_by_role("button", name="Throw away").click()
    page.locator(".note", has_text="is thrown away").wait_for()
    assert uploads(library) == ["holiday-0.mp4"]

    page.get_by_role("link", name="Library").click()
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Format").select_option("folder")
    dialog.get_by_label("Name of its folder").fill("mine")
    dialog.get_by_role("button", name="Export").click()
    dialog.get_by_text("Written:").wait_for(timeout=_WORK_MS)
    assert dialog.locator(".place").first.inner_text() == str(library / "datasets" / "mine")
    assert list((library / "datasets" / "mine").rglob("*holiday-0*/*.jpg"))


def test_an_export_takes_what_is_asked_for_and_a_digest_keeps_to_its_budget(open_page: Open, library: Path) -> None:
    page = open_page("/", refusals="400 (Bad Request)")
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog")

    def export(name: str) -> dict[str, Any]:
        dialog.get_by_label("Name of its folder").fill(name)
        dialog.get_by_role("button", name="Export").click()
        dialog.locator(".place", has_text=f"datasets/{name}").first.wait_for(timeout=_WORK_MS)
        found: dict[str, Any] = json.loads((library / "datasets" / name / "thumb_assets.json").read_text())
        return found

    dialog.get_by_label("Format").select_option("csv")
    assert dialog.get_by_label("Tokens").count() == 0 or not dialog.get_by_label("Tokens").is_visible()
    dialog.get_by_label("Most of each video").fill("1")
    dialog.get_by_label("Of stills that are alike").uncheck()
    dialog.get_by_label("validation").fill("0")
    dialog.get_by_label("Seed").fill("7")
    of_csv = export("one-each")
    asked = {name: of_csv["settings"][name] for name in ("what", "per_video", "is_deduplicated", "splits", "seed")}
    shares = {"train": 0.8, "validation": 0, "test": 0.1}
    assert asked == {"what": "selections", "per_video": 1, "is_deduplicated": False, "splits": shares, "seed": 7}
    assert sum(of_csv["num_stills"].values()) == 30
    dialog.get_by_label("Least score").fill("-1")
    dialog.get_by_role("button", name="Export").click()
    dialog.locator(".bad", has_text="min_score").wait_for()
    dialog.get_by_label("Least score").fill("0")
    dialog.get_by_label("Format").select_option("llm")
    assert not dialog.get_by_label("Seed").is_visible()
    dialog.get_by_label("Tokens").fill("2000")
    export("for-a-model")
    digest = json.loads((library / "datasets" / "for-a-model" / "digest.json").read_text())
    assert 0 < digest["num_tokens"] <= digest["budget"] == 2000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_form_of_an_export_fits_the_screen(open_page: Open, width: int, scheme: str) -> None:
    page = open_page("/", width=width, scheme=scheme)
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Seed").scroll_into_view_if_needed()
    assert dialog.evaluate("e => e.scrollWidth <= e.clientWidth && e.getBoundingClientRect().right <= innerWidth")
    assert dialog.evaluate("e => [...e.querySelectorAll('input, select')].filter(i => !i.labels.length).length") == 0


@pytest.mark.parametrize("desk", [("video.is_isolated=true",)], indirect=True)
def test_work_is_cancelled_by_button_or_key_then_begun_again_or_thrown_away(
    open_page: Open, library: Path, clips: list[Path]
) -> None:
    page = open_page("/try")
    for clip in clips:
        choose(page, clip)
        if clip == clips[0]:  # stopped, so that no machine is fast enough to be done before the button is pressed
            wait_until(engine_processes, "the engine of the first runs", seconds=_WORK_MS / 1000)
            (engine,) = engine_processes()
            os.kill(engine, signal.SIGSTOP)
        page.get_by_role("listitem").filter(has_text=clip.name).get_by_role("button").wait_for(timeout=_WORK_MS)
    first, second = (page.get_by_role("listitem").filter(has_text=clip.name) for clip in clips)
    page.keyboard.press("Escape")  # the latest
    second.get_by_text("Cancelled.").wait_for(timeout=20_000)
    first.get_by_role("button", name="Cancel").click()
    first.get_by_text("Nothing was made of it.").wait_for(timeout=20_000)
    assert page.locator(".picks").count() == 0
    second.get_by_role("button", name="Throw away").click()
    second.wait_for(state="detached")
    first.get_by_role("button", name="Start again").click()
    first.locator(".picks li").first.wait_for(timeout=_WORK_MS)
    assert uploads(library) == ["holiday-0.mp4"]


def test_two_tabs_try_at_once_and_see_each_other(open_page: Open, library: Path, clips: list[Path]) -> None:
    pages = [open_page("/try") for _ in clips]
    for page, clip in zip(pages, clips, strict=True):
        choose(page, clip)
    for page in pages:
        page.locator(".picks").nth(1).wait_for(timeout=_WORK_MS)
        assert page.locator(".trial").count() == 2
    pages[0].locator(".trial", has_text="holiday 1.mp4").get_by_role("button", name="Throw away").click()
    pages[1].locator(".trial", has_text="holiday 1.mp4").wait_for(state="detached", timeout=20_000)
    assert uploads(library) == ["holiday-0.mp4"]


def test_a_file_of_the_library_is_tried_by_its_path(open_page: Open, library: Path, clips: list[Path]) -> None:
    (library / "videos").mkdir(exist_ok=True)
    clips[0].rename(library / "videos" / "here.mp4")
    page = open_page("/try")
    page.get_by_label("by its path").fill("here.mp4")
    page.get_by_role("button", name="Try it").click()
    page.locator(".picks li").first.wait_for(timeout=_WORK_MS)
    assert page.get_by_role("button", name="Throw away").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(open_page: Open, clips: list[Path], width: int, scheme: str) -> None:
    page = open_page("/try", width=width, scheme=scheme)
    choose(page, clips[0])
    page.locator(".picks li").first.wait_for(timeout=_WORK_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = "[...document.querySelectorAll('button, a, select, input')].filter(e => !(e.innerText || e.ariaLabel || "
    assert page.evaluate(unnamed + "e.title || e.labels?.length)).length") == 0


def test_what_is_refused_is_said_and_nothing_comes(open_page: Open, library: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "letter.mp4"
    wrong.write_text("Dear all,\nthis is no video.\n")
    page = open_page("/try", refusals="400 (Bad Request)")
    choose(page, wrong)
    page.locator(".note.bad", has_text="is text, not video").wait_for()
    markup = tmp_path / "<b>bold<b>.mp4"
    markup.write_bytes(b"\0" * 100)
    choose(page, markup)
    page.locator(".note.bad", has_text="markup").wait_for()
    assert page.locator("b").count() == 0
    assert not (library / "videos").exists() or uploads(library) == []
