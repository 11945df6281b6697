"""A library of thirty small videos, run once, and Chromium."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from thumb_assets_tests.support.browser import chromium
from thumb_assets_tests.support.desk import Asking, desk_of
from thumb_assets_tests.support.film import Film, write
from thumb_assets_tests.support.running import register, run_stages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NUM_VIDEOS = 30
HOSTILE_NAME = "<img src=x onerror=document.title='owned'> & “'.mp4"
# The first frame waits for a process to start, which takes its time where many tests share the cores.
_MOST_MILLISECONDS = 120_000
_STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "selections", "stills", "catalog")


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def made_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty videos that were run; the first has a name made to be taken for markup."""
    folder = tmp_path_factory.mktemp("thirty")
    data_dir = folder / "data"
    data_dir.mkdir()
    paths = []
    for number in range(NUM_VIDEOS):
        name = HOSTILE_NAME if number == 0 else f"clip {number:02}.mp4"
        film = Film(seconds=3 + number / 25, shot_seconds=1, size=(320, 180))
        paths.append(write(folder / f"{number}.mp4", film).rename(folder / name))
    run_stages(data_dir, register(data_dir, paths), stages=_STAGES)
    return data_dir


@pytest.fixture
def library(made_library: Path, tmp_path: Path) -> Path:
    """The same for one test alone, which may decide as it likes."""
    return Path(shutil.copytree(made_library, tmp_path / "data"))


@pytest.fixture
def desk(library: Path, request: pytest.FixtureRequest) -> Iterator[Asking]:
    """A desk over that library; a test may parametrize it with settings."""
    with desk_of(library, *getattr(request, "param", ())) as asking:
        yield asking


@pytest.fixture
def open_page(browser: "Browser", desk: Asking) -> Iterator[Callable[..., "Page"]]:
    """Opens a path of the desk; at the end no page may have complained, but of what it was told will be refused."""
    complaints: list[str] = []
    expected = ["409"]  # Chromium reports every refused request
    contexts = []

    def opened(
        path: str, *, width: int = 1280, height: int = 800, scheme: str = "light", refusals: str = "409"
    ) -> "Page":
        expected.append(refusals)
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme))
        contexts[-1].set_default_timeout(_MOST_MILLISECONDS)
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.goto(desk.address + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [text for text in complaints if not any(status in text for status in expected)] == []
