"""Every test here runs on a machine without weights; `local_hub` is a hub it can ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from thumb_assets_tests.support.local_hub import LocalHub, empty_the_machine, serve_local_hub


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the hub's empty cache."""
    return empty_the_machine(tmp_path, monkeypatch)


@pytest.fixture
def local_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A hub on the loopback interface."""
    with serve_local_hub(monkeypatch) as hub:
        yield hub
