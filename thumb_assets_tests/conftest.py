"""Fixtures of all tests: synthetic videos made once, the shared clips where they are, an empty data folder."""

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from thumb_assets_tests.support.synthetic import make
from thumb_assets_tests.support.tiny_clip import TinyModel, make_tiny_model

_REPOSITORY = Path(__file__).resolve().parent.parent
_SHARED_DIR = _REPOSITORY.parent / "shared"

# Timing of an example says more about the machine's load than about the code.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


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
