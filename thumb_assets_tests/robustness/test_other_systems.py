"""Files and locks where the system has no `fcntl`, as Windows, by a stand-in for its `msvcrt`."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from thumb_assets.files import link_or_copy

pytest.importorskip("fcntl")  # the stand-in is made of it

# Windows locks bytes of open files; such a lock is not seen by the calls that the stand-in takes away.
WINDOWS = """
    import fcntl, os, sys, time, types
    from pathlib import Path

    def locking(handle, mode, num_bytes):
        assert (mode, num_bytes) == (1, 1)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PermissionError(13, "Permission denied") from error

    sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=1)
    sys.modules["fcntl"] = sys.modules["resource"] = None
    from thumb_assets.files import HAS_LOCKS, NamedLock, locked, max_open_files, remove_abandoned, replaced_file
    from thumb_assets.folders import recover_folder, replaced_folder
    assert not HAS_LOCKS
    folder = Path(sys.argv[1])
"""


def run_there(script: str, folder: Path) -> str:
    command = [sys.executable, "-c", textwrap.dedent(WINDOWS) + textwrap.dedent(script), str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_lock_with_a_name_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    script = """
        lock, other = NamedLock(folder / "locks" / "a"), NamedLock(folder / "locks" / "a")
        print(lock.try_acquire(), other.try_acquire())
        try:
            with locked(folder / "locks" / "a", max_wait_seconds=0.1):
                print("both hold it")
        except BlockingIOError:
            print("waited")
        lock.release()
        print(other.try_acquire())
        other.release()
    """
    assert run_there(script, tmp_path).split() == ["True", "False", "waited", "True"]


def test_a_file_is_replaced_and_only_its_age_makes_one_abandoned(tmp_path: Path) -> None:
    script = """
        with replaced_file(folder / "a.txt") as handle:
            handle.write(b"new")
            unfinished = Path(handle.name)
            print(remove_abandoned(unfinished, older_than_seconds=3600), unfinished.exists())
        print((folder / "a.txt").read_text(), len(list(folder.iterdir())))
        left = folder / ".a.0123456789abcdef.tmp"
        left.write_bytes(b"half")
        os.utime(left, (0, 0))
        print(remove_abandoned(left, older_than_seconds=3600), left.exists())
    """
    assert run_there(script, tmp_path).split() == ["False", "True", "new", "1", "True", "False"]


def test_a_folder_is_replaced_and_only_its_age_makes_one_abandoned(tmp_path: Path) -> None:
    script = """
        target = folder / "a-1"
        for name in ("old", "new"):
            with replaced_folder(target) as work:
                recover_folder(target)
                (work / name).mkdir()
        print(*[path.name for path in target.iterdir()])
        target.rename(folder / ".old-a-1-0123456789abcdef")
        os.utime(folder / ".old-a-1-0123456789abcdef", (0, 0))
        recover_folder(target)
        print(*[path.name for path in folder.iterdir()])
    """
    assert run_there(script, tmp_path).split() == ["new", "a-1"]


def test_there_is_no_limit_on_open_files(tmp_path: Path) -> None:
    assert run_there("print(max_open_files())", tmp_path) == "None\n"


def test_a_file_is_copied_where_it_cannot_be_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    (tmp_path / "a").write_text("content")
    link_or_copy(tmp_path / "a", tmp_path / "link")
    monkeypatch.setattr(os, "symlink", refuse)
    link_or_copy(tmp_path / "a", tmp_path / "copy")
    assert [(tmp_path / name).is_symlink() for name in ("link", "copy")] == [True, False]
    assert [(tmp_path / name).read_text() for name in ("link", "copy")] == ["content", "content"]
