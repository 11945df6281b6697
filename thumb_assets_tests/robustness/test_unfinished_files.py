"""Remains of a killed writer, and files that must not be taken for them."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from thumb_assets.errors import StorageError
from thumb_assets.files import replaced_file
from thumb_assets.folders import replaced_folder
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.unit.store.builders import FOOTER, table

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no file locks of this kind")

VIDEO = "clip-01234567"
WRITER = """
    import sys, time
    from pathlib import Path
    from thumb_assets.files import replaced_file
    with replaced_file(Path(sys.argv[1])) as handle:
        handle.write(b"half")
        handle.flush()
        print("writing", flush=True)
        time.sleep(60)
"""


def _start_writer(path: Path) -> "subprocess.Popen[str]":
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    return writer


def test_a_killed_writers_file_goes_at_once_and_a_living_ones_stays(data_dir: Path) -> None:
    store = TableStore(data_dir)
    dead, living = (_start_writer(store.table_path("shots", video_id)) for video_id in ("dead-1", "living-1"))
    try:
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        cleaned = store.clean_temporary_files()
        assert [path.name.startswith(".dead-1.") for path in cleaned] == [True]
        assert store.clean_temporary_files() == []
    finally:
        living.kill()
        living.wait()
    assert len(store.clean_temporary_files()) == 1
    assert list((store.tables_dir / "shots").iterdir()) == []


def test_a_cleaner_between_making_and_locking_costs_nothing(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    store = TableStore(data_dir)
    flock, cleaned = fcntl.flock, []

    def late(handle: object, kind: int) -> None:
        if kind == fcntl.LOCK_EX and not cleaned:  # the writer's first
            monkeypatch.setattr(fcntl, "flock", flock)
            cleaned.extend(store.clean_temporary_files())
        flock(handle, kind)

    monkeypatch.setattr(fcntl, "flock", late)
    store.write("shots", table("shots", 1, VIDEO), video_id=VIDEO, footer=FOOTER)
    assert len(cleaned) == 1
    assert store.read("shots", VIDEO).num_rows == 1


def test_a_file_system_without_locks_is_no_obstacle(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    store = TableStore(data_dir)
    store.write("shots", table("shots", 1, VIDEO), video_id=VIDEO, footer=FOOTER)
    with replaced_file(store.table_path("shots", VIDEO)):
        assert store.clean_temporary_files() == []
    assert [path.name for path in (store.tables_dir / "shots").iterdir()] == [f"{VIDEO}.parquet"]


def test_reading_a_table_leaves_no_thread_of_arrows_behind(data_dir: Path) -> None:
    """One that still holds Python's file when the process ends aborts it: `terminate called without...`, exit 134."""
    script = """
        import os, sys, time
        from pathlib import Path
        from thumb_assets.store.parquet import TableStore
        def threads():
            names = [Path(f"/proc/self/task/{task}/comm").read_text().strip() for task in os.listdir("/proc/self/task")]
            return len([name for name in names if not name.startswith("jemalloc")])
        before = threads()
        TableStore(Path(sys.argv[1])).read("frames", sys.argv[2])
        time.sleep(0.3)  # jemalloc's own thread gives itself its name a moment after its start
        print(threads() - before)
    """
    if not Path("/proc/self/task").is_dir():
        pytest.skip("no /proc to count threads in")
    TableStore(data_dir).write("frames", table("frames", 9, VIDEO), video_id=VIDEO, footer=FOOTER)
    command = [sys.executable, "-c", textwrap.dedent(script), str(data_dir), VIDEO]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "0\n"


def test_an_error_of_the_work_is_not_the_disks(tmp_path: Path) -> None:
    """Libraries raise OSError for what is no matter of the disk, as Pillow for a picture that JPEG cannot hold."""
    target = tmp_path / "clip-01234567"
    with pytest.raises(OSError, match="broken data stream") as caught, replaced_folder(target):
        raise OSError("broken data stream when writing image file")
    assert not isinstance(caught.value, StorageError)
    assert list(tmp_path.iterdir()) == []
