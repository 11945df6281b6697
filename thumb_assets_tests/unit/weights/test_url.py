"""Downloads from plain addresses: continued where they were cut off, whole or not there at all."""

import os
from pathlib import Path

import pytest

from thumb_assets.errors import ModelUnavailableError, StorageError
from thumb_assets.events import Events
from thumb_assets.weights.url import download_url
from thumb_assets_tests.support.events import Heard
from thumb_assets_tests.support.local_hub import LocalHub

CONTENT = os.urandom(600_000)


@pytest.fixture
def url(local_hub: LocalHub) -> str:
    local_hub.files["/a/model.pth"] = CONTENT
    return f"{local_hub.endpoint}/a/model.pth"


def part_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def test_a_download_is_whole_and_tells_its_progress(url, tmp_path):
    heard = Heard()
    target = download_url(url, tmp_path / "new" / "model.pth", events=heard)
    told = heard.progressed
    assert target.read_bytes() == CONTENT
    assert told[0] == ("model.pth", 0, len(CONTENT))
    assert told[-1] == ("model.pth", len(CONTENT), len(CONTENT))
    assert [number for _, number, _ in told] == sorted(number for _, number, _ in told)
    assert {path.name for path in target.parent.iterdir()} == {"model.pth", ".locks"}


def test_a_connection_that_breaks_is_continued_within_the_same_call(url, tmp_path, local_hub):
    local_hub.num_bytes_before_cut = 400_000
    assert download_url(url, tmp_path / "model.pth").read_bytes() == CONTENT
    assert local_hub.requests == ["GET /a/model.pth", "GET /a/model.pth bytes=400000-"]


@pytest.fixture
def interrupted(url, tmp_path, local_hub) -> Path:
    """The target of a download that was interrupted in the middle, as by Ctrl+C."""

    class Interrupting(Events):
        def progress(self, name: str, done: int, total: int | None) -> None:
            if done > 300_000:
                raise KeyboardInterrupt

    target = tmp_path / "model.pth"
    with pytest.raises(KeyboardInterrupt):
        download_url(url, target, events=Interrupting())
    assert not target.exists()
    assert 0 < part_of(target).stat().st_size < len(CONTENT)
    local_hub.requests.clear()
    return target


def test_the_next_call_continues_an_interrupted_download(url, interrupted, local_hub):
    num_here = part_of(interrupted).stat().st_size
    assert download_url(url, interrupted).read_bytes() == CONTENT
    assert local_hub.requests == [f"GET /a/model.pth bytes={num_here}-"]
    assert not part_of(interrupted).exists()


def test_a_file_that_changed_meanwhile_is_downloaded_anew(url, interrupted, local_hub):
    local_hub.files["/a/model.pth"] = other = os.urandom(len(CONTENT))
    assert download_url(url, interrupted).read_bytes() == other


def test_a_server_without_ranges_sends_it_all_again(url, interrupted, local_hub):
    local_hub.has_ranges = False
    assert download_url(url, interrupted).read_bytes() == CONTENT


def test_a_part_that_is_as_long_as_the_file_is_no_obstacle(url, interrupted, local_hub):
    part_of(interrupted).write_bytes(os.urandom(len(CONTENT)))
    assert download_url(url, interrupted).read_bytes() == CONTENT


def test_a_file_that_fails_its_check_gets_no_name_and_leaves_nothing(url, tmp_path):
    def refuse(path: Path) -> None:
        assert path.suffix == ".pth"
        raise ModelUnavailableError("not the one")

    with pytest.raises(ModelUnavailableError, match="not the one"):
        download_url(url, tmp_path / "model.pth", check=refuse)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_a_missing_file_is_told_with_its_address(local_hub, tmp_path):
    with pytest.raises(ModelUnavailableError, match=r"/a/none\.pth answers 404"):
        download_url(f"{local_hub.endpoint}/a/none.pth", tmp_path / "none.pth")


def test_nothing_is_asked_for_when_downloads_are_forbidden(url, tmp_path, local_hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelUnavailableError, match="HF_HUB_OFFLINE"):
        download_url(url, tmp_path / "model.pth")
    assert local_hub.requests == []


def test_a_place_that_cannot_be_written_is_told(url, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        download_url(url, tmp_path / "file" / "model.pth")
