"""Fixtures of all tests: synthetic videos made once, the shared clips where they are, an empty data folder."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from thumb_assets_tests.support.synthetic import make
from thumb_assets_tests.support.tiny_clip import TinyModel, make_tiny_model

_REPOSITORY = Path(__file__).resolve().parent.parent
_SHARED_DIR = _REPOSITORY.parent / "shared"

# Hundreds of tests start a command: where Python is told to keep nothing, each would compile all of the project anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Timing of an example says more about the machine's load than about the code.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session", autouse=True)
def ffmpeg_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    """The one FFmpeg all tests and their child processes find: the package's, whatever the machine has installed.

    `THUMB_ASSETS_TESTS_FFMPEG` names another one by its path, or the system's by the word `system`.
    """
    named = os.environ.get("THUMB_ASSETS_TESTS_FFMPEG")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
        program = _packaged_ffmpeg() if named is None else shutil.which("ffmpeg" if named == "system" else named)
        if named is not None and program is None:
            pytest.fail(f"THUMB_ASSETS_TESTS_FFMPEG={named}: there is no such program here")
        if program is not None and os.name == "posix":
            folder = tmp_path_factory.mktemp("ffmpeg")
            (folder / "ffmpeg").symlink_to(Path(program).absolute())
            patch.setenv("PATH", str(folder), prepend=os.pathsep)
        yield None if program is None else Path(program)


@pytest.fixture(scope="session", autouse=True)
def no_dagster_home() -> Iterator[None]:
    """Each test's data folder holds Dagster's storage, whatever home the machine's user has set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def program_on_path() -> Iterator[None]:
    """Commands name others as where the environment is activated, however the tests were started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("UV", raising=False)
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        yield


def _packaged_ffmpeg() -> str | None:
    try:
        import imageio_ffmpeg
    except ImportError:
        return None
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def synthetic_videos(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`synthetic_videos("cfr")` is the path of that recipe's file, made at first use; do not change the file."""
    folder = tmp_path_factory.mktemp("synthetic")
    return lambda name: make(name, folder)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """A real open_clip model with random weights, made at first use."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny-clip"))


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real clips and weights beside the repository."""
    if _SHARED_DIR.is_dir():
        return _SHARED_DIR
    message = f"the shared test inputs are not at {_SHARED_DIR}"
    if os.environ.get("THUMB_ASSETS_REQUIRE_SHARED") == "1":
        pytest.fail(message + ", and THUMB_ASSETS_REQUIRE_SHARED=1 asks for them")
    pytest.skip(message)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty data folder of this test alone."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder
