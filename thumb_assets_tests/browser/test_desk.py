"""The desk in Chromium, used as a person uses it: by keys alone, in two tabs, on a narrow screen."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from thumb_assets.library.decide import decisions_of
from thumb_assets.settings.config import read_configuration
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.browser.conftest import HOSTILE_NAME, NUM_VIDEOS
from thumb_assets_tests.support.desk import Asking, desk_of
from thumb_assets_tests.support.processes import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]
_MOST_SECONDS = 180.0


def shown_video(page: "Page") -> str:
    return page.locator(".panel h1").inner_text()


def press(page: "Page", *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def decided(data_dir: Path) -> dict[str, dict[int, str]]:
    store = TableStore(data_dir)
    found = {video_id: decisions_of(store, video_id) for video_id in store.video_ids("decisions")}
    return {video_id: decisions for video_id, decisions in found.items() if decisions}


def first_chosen(page: "Page") -> str | None:
    return page.locator(".strip[aria-label=Chosen] li:first-child img").get_attribute("alt")


def ban_the_first(page: "Page") -> str | None:
    before = first_chosen(page)
    page.locator(".strip[aria-label=Chosen] .tile").first.click()
    press(page, "b")
    return before


def test_thirty_videos_are_reviewed_by_keys_alone(
    open_page: Open, library: Path, record_property: Callable[[str, object], None]
) -> None:
    page = open_page("/review")
    count = page.locator(".reviewbar .count")
    page.locator(".tile").first.wait_for()
    begin = time.monotonic()
    for number in range(NUM_VIDEOS):
        page.get_by_text(f"{number} of {NUM_VIDEOS}", exact=True).wait_for()
        if number % 3 == 1:  # the second picture is the better cover
            press(page, "ArrowRight", "c")
            page.locator(".decided", has_text="cover").wait_for()
        if number % 3 == 2:  # nobody may see the first one
            press(page, "b")
            page.locator(".decided", has_text="banned").wait_for()
        press(page, "Enter")
    page.get_by_text("Every video is reviewed.").wait_for()
    seconds = time.monotonic() - begin
    record_property("seconds", round(seconds, 1))
    print(f"{NUM_VIDEOS} videos reviewed by keys in {seconds:.1f} s")
    assert count.inner_text() == f"{NUM_VIDEOS} of {NUM_VIDEOS}"
    assert seconds < _MOST_SECONDS
    words = [word for decisions in decided(library).values() for word in decisions.values()]
    assert (words.count("cover"), words.count("ban")) == (20, 10)


def test_places_of_a_slider_do_not_queue_up(open_page: Open) -> None:
    page = open_page("/compare")
    page.locator(".count", has_text="would change").wait_for()
    asked: list[float | None] = []
    awaited, most_awaited = 0, 0

    def begin(request: Any) -> None:
        nonlocal awaited, most_awaited
        if "select" in request.url:
            # Not a change where it is as it was.
            asked.append(request.post_data_json["changes"].get("selection.weights.sharpness"))
            awaited += 1
            most_awaited = max(most_awaited, awaited)

    def end(request: Any) -> None:
        nonlocal awaited
        awaited -= "select" in request.url

    page.on("request", begin)
    page.on("requestfinished", end)
    slider = page.locator(".slider", has_text="sharpness").locator("input")
    moved = (
        "input => { for (let i = 0; i < 40; i++) { input.value = i / 20; input.dispatchEvent(new Event('input')); } }"
    )
    slider.evaluate(moved)
    wait_until(lambda: page.wait_for_timeout(50) or asked[-1:] == [1.95], "the last place is asked for")
    assert most_awaited == 1
    assert len(asked) <= 3
    page.locator(".count", has_text="would change").wait_for()


def test_every_step_back_is_taken_by_undo(open_page: Open, library: Path, desk: Asking) -> None:
    page = open_page("/review")
    page.locator(".tile").first.wait_for()
    first = shown_video(page)
    press(page, "p")
    page.locator(".decided", has_text="pinned").wait_for()
    press(page, "ArrowRight", "c")
    page.locator(".decided", has_text="cover").wait_for()
    press(page, "Enter")
    page.get_by_text(f"1 of {NUM_VIDEOS}", exact=True).wait_for()
    press(page, "Enter")
    page.get_by_text(f"2 of {NUM_VIDEOS}", exact=True).wait_for()
    assert len(decided(library)) == 2
    press(page, "u")
    page.get_by_text(f"1 of {NUM_VIDEOS}", exact=True).wait_for()
    press(page, "u")
    wait_until(
        lambda: sorted(*decided(library).values()) and "cover" not in str(decided(library)), "the cover is undone"
    )
    page.locator(".decided", has_text="pinned").wait_for()
    assert shown_video(page) == first
    press(page, "u")
    page.get_by_text(f"0 of {NUM_VIDEOS}", exact=True).wait_for()
    assert decided(library) == {}
    page.locator(".panel button", has_text="Undo").and_(page.locator(":disabled")).wait_for()
    desk.wait_for_stills()


def test_a_decision_shows_at_once_and_its_still_when_it_is_made(open_page: Open, library: Path, desk: Asking) -> None:
    page = open_page("/")
    page.locator(".card").nth(3).click()
    page.locator(".tile").first.wait_for()
    name = shown_video(page)
    (video_id,) = (card["video_id"] for card in desk.json("/api/library/videos")[1]["videos"] if card["name"] == name)
    lock = TableStore(library).video_lock(video_id)
    assert lock.try_acquire()  # so that no machine is done before the page shows it
    press(page, "ArrowRight", ".", "c")
    page.locator(".decided", has_text="cover").wait_for()
    ((frame, _),) = decided(library)[video_id].items()
    page.locator("#work").wait_for()
    assert "Remaking stills" in page.locator("#work").inner_text()
    lock.release()
    page.locator("#work").wait_for(state="hidden", timeout=120_000)
    # The page shows what is stored now: the frame is the first of the chosen ones, and its picture is there.
    page.locator(f".strip[aria-label=Chosen] li:first-child img[alt^='Frame {frame} at']").wait_for()
    press(page, "l")
    page.locator(".card", has_text=name).locator(".badge", has_text="cover set").wait_for()


def test_stills_that_are_made_before_the_page_asks_again_are_shown(
    open_page: Open, library: Path, desk: Asking
) -> None:
    page = open_page("/")
    asked: list[str] = []

    def answer_when_all_is_done(route: "Route") -> None:
        asked.append(route.request.url)
        desk.wait_for_stills()
        route.continue_()

    page.locator(".card").nth(3).click()
    page.locator(".strip[aria-label=Chosen] img").first.wait_for()
    page.wait_for_timeout(1000)  # it has asked what is worked on, and heard of nothing
    page.route("**/api/work", answer_when_all_is_done)
    for turn in (1, 2):
        banned = ban_the_first(page)
        wait_until(lambda turn=turn: page.wait_for_timeout(50) or len(asked) >= turn, "the page asks what is worked on")
        wait_until(lambda banned=banned: first_chosen(page) != banned, "the page shows what is chosen instead")


def test_work_that_begins_while_the_page_waits_for_an_answer_is_shown(open_page: Open) -> None:
    page = open_page("/")
    page.add_init_script(
        """const real = window.fetch;
        window.fetch = async (url, options) => {
            const answer = await real(url, options);
            if (!String(url).startsWith("/api/work")) return answer;
            document.body.dataset.isAsked = "yes";
            await new Promise((resolve) => setTimeout(resolve, 4000));
            return answer;
        };"""
    )
    page.reload()
    page.locator(".card").nth(3).click()
    page.locator(".strip[aria-label=Chosen] img").first.wait_for()
    page.locator("body[data-is-asked]").wait_for()
    banned = ban_the_first(page)
    wait_until(lambda: first_chosen(page) != banned, "the page shows what is chosen instead")


def test_two_tabs_do_not_overwrite_each_other(open_page: Open, library: Path) -> None:
    pages = [open_page("/"), open_page("/")]
    for page in pages:
        page.locator(".card").nth(5).click()
        page.locator(".tile").first.wait_for()
    press(pages[0], "c")
    pages[0].locator(".decided", has_text="cover").wait_for()
    press(pages[1], "b")
    pages[1].locator(".note", has_text="somebody else decided").wait_for()
    pages[1].locator(".decided", has_text="cover").wait_for()
    assert [list(decisions.values()) for decisions in decided(library).values()] == [["cover"]]
    press(pages[1], "ArrowRight", "b")  # it was shown what is decided: now it may
    pages[1].locator(".decided", has_text="banned").wait_for()


def test_two_reviewers_have_different_videos(open_page: Open) -> None:
    pages = [open_page("/review"), open_page("/review")]
    for page in pages:
        page.locator(".tile").first.wait_for()
    assert shown_video(pages[0]) != shown_video(pages[1])
    pages[1].get_by_text("1 with somebody else").wait_for()


def test_settings_are_compared_as_a_slider_moves_and_kept(open_page: Open, library: Path) -> None:
    page = open_page("/compare")
    summary = page.locator(".reviewbar .count")
    page.get_by_text(f"0 of {NUM_VIDEOS} videos would change").wait_for()
    number = page.locator(".slider", has_text="frames per video").locator("input")
    number.focus()
    press(page, "ArrowLeft", "ArrowLeft")
    page.get_by_text(f"{NUM_VIDEOS} of {NUM_VIDEOS} videos would change").wait_for()
    print(summary.inner_text())
    assert page.locator(".change").count() == NUM_VIDEOS
    page.locator(".badge", has_text="2 goes").first.wait_for()
    page.get_by_role("button", name="Keep for the library").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("selection.top_k: 3 → 1").wait_for()
    dialog.get_by_text(f"make the stills of {NUM_VIDEOS} videos again now").click()
    dialog.get_by_role("button", name="Keep", exact=True).click()
    page.locator(".note", has_text="Kept in thumb_assets.toml").wait_for()
    assert read_configuration(library).settings.selection.top_k == 1


def test_a_name_made_of_markup_is_shown_as_it_is(open_page: Open) -> None:
    page = open_page("/?words=onerror")
    card = page.locator(".card")
    card.first.wait_for()
    assert page.locator(".count").inner_text().startswith("1 video")
    assert card.locator(".name").inner_text() == HOSTILE_NAME
    card.click()
    page.locator(".tile").first.wait_for()
    assert shown_video(page) == HOSTILE_NAME
    assert page.title() == f"{HOSTILE_NAME} - desk"


def test_the_library_is_walked_and_filtered_by_keys(open_page: Open) -> None:
    page = open_page("/")
    page.locator(".card").first.wait_for()
    press(page, "/")
    page.keyboard.type("clip 07")
    page.get_by_text("1 video", exact=False).first.wait_for()
    page.locator(".card", has_text="clip 07.mp4").wait_for()
    assert page.locator(".card").count() == 1
    press(page, "Escape", "ArrowRight", "Enter")
    page.locator(".tile").first.wait_for()
    assert shown_video(page) == "clip 07.mp4"
    press(page, "?")
    page.get_by_role("dialog").get_by_text("Make the frame the cover").wait_for()


@pytest.mark.parametrize(
    ("path", "advice"),
    [("/", "run: uv run thumb-assets run --data-dir /"), ("/review", "run `uv run thumb-assets run` first")],
)
def test_pages_name_commands_as_they_can_be_typed(browser: "Browser", tmp_path: Path, path: str, advice: str) -> None:
    with desk_of(tmp_path / "data", program="uv run thumb-assets") as asking, browser.new_page() as page:
        page.goto(asking.address + path)
        page.get_by_text(advice).wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", ["/", "/review", "/compare"])
def test_nothing_is_wider_than_the_screen(open_page: Open, path: str, width: int, scheme: str) -> None:
    page = open_page(path, width=width, scheme=scheme)
    page.locator(".card, .tile, .slider").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = (
        "[...document.querySelectorAll('.top nav a')].filter(e => e.getBoundingClientRect().right > innerWidth).length"
    )
    assert page.evaluate(cut) == 0
    without_text = page.evaluate("[...document.images].filter(image => !image.hasAttribute('alt')).length")
    assert without_text == 0
    unnamed = "[...document.querySelectorAll('button, a, select, input')].filter(e => !(e.innerText || e.ariaLabel || "
    assert page.evaluate(unnamed + "e.title || e.labels?.length)).length") == 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(16, 19, 22)") == (scheme == "dark")
    press(page, "Tab", "Tab", "Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
