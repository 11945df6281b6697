"""Folders that are written over several tries: what stays, what goes, who may come in."""

import errno
from pathlib import Path

import pytest

from thumb_assets.errors import StorageError, UnavailableError
from thumb_assets.files import HAS_LOCKS
from thumb_assets.folders import resumed_folder, unfinished_folder


def write_and_fail(target: Path, key: str, name: str, failure: BaseException) -> None:
    with resumed_folder(target, key=key) as folder:
        (folder / name).write_text(name)
        raise failure


def interrupted(target: Path, key: str, name: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_and_fail(target, key, name, KeyboardInterrupt())


def test_what_was_written_is_there_at_the_next_try(tmp_path: Path) -> None:
    target = tmp_path / "set"
    interrupted(target, "aa", "first")
    assert not target.exists()
    with resumed_folder(target, key="aa") as folder:
        assert (folder / "first").read_text() == "first"
        (folder / "second").write_text("second")
    assert sorted(path.name for path in target.iterdir()) == ["first", "second"]
    assert list(tmp_path.iterdir()) == [target]


def test_another_key_begins_anew_and_removes_the_old_try(tmp_path: Path) -> None:
    target = tmp_path / "set"
    interrupted(target, "aa", "first")
    with resumed_folder(target, key="bb") as folder:
        assert list(folder.iterdir()) == []
        assert not unfinished_folder(target, key="aa").exists()
    interrupted(target, "cc", "third")
    assert list(target.iterdir()) == [], "a try that failed leaves what is there"


@pytest.mark.skipif(not HAS_LOCKS, reason="no locks of folders here")
def test_two_do_not_write_the_same(tmp_path: Path) -> None:
    target = tmp_path / "set"
    with resumed_folder(target, key="aa"):
        with pytest.raises(UnavailableError, match="another process is writing it"), resumed_folder(target, key="aa"):
            pass
        with resumed_folder(target, key="bb") as other:
            assert unfinished_folder(target, key="aa").exists(), "it is held"
            (other / "b").write_text("b")
    assert list(target.iterdir()) == [], "the last one counts"


def test_a_disk_that_fails_keeps_what_was_written_and_says_where(tmp_path: Path) -> None:
    target = tmp_path / "set"
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StorageError, match=r"what was written is kept in .*\.part-set-aa"):
        write_and_fail(target, "aa", "there", full)
    assert (unfinished_folder(target, key="aa") / "there").exists()
