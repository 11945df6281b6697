"""A disk that fills up at any step, or cannot be written: one clear line, the old files whole, and it goes on later.

`uv run pytest -m kills`; needs the right to mount a small tmpfs, and skips with a reason where there is none.
"""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.robustness.commands import Ended, finish, run_arguments
from thumb_assets_tests.robustness.test_kills import completed_problems
from thumb_assets_tests.robustness.whole import leftovers, table_problems
from thumb_assets_tests.unit.dataset.builders import library

pytestmark = [
    pytest.mark.kills,
    pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's"),
]

# What is left free, from not even a folder's page to nearly enough for everything (about 900 kB are needed).
FREE_KILOBYTES = (0, 8, 24, 48, 80, 120, 200, 300, 450, 700)
WHOLE_SIZE = "64m"
OTHER_STILLS = ("--set", "stills.jpeg_quality=70", "--set", "selection.top_k=2")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of this test alone."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={WHOLE_SIZE}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command")
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def shrink(disk: Path, free_kilobytes: int) -> None:
    """Makes the disk so small that this much is free."""
    status = os.statvfs(disk)
    used = (status.f_blocks - status.f_bfree) * status.f_frsize
    remount(disk, f"size={max(4, used // 1024 + free_kilobytes)}k")


@pytest.fixture(scope="module")
def video(synthetic_videos: Callable[[str], Path]) -> Path:
    return synthetic_videos("multi_shot")


def assert_clear_lines(ended: Ended) -> None:
    """One line of the disk, and a second one where the catalog, which is tried in any case, met the same."""
    assert ended.code == 1, ended.errors
    lines = ended.error_lines
    others = [line for line in ended.errors.strip().splitlines() if line not in lines]
    # What was replaced and how the settings differ; nothing else, no traceback.
    assert all(re.match("replaced .+|differs from the library's settings: ", line) for line in others), ended.errors
    assert len(lines) == 1 or (len(lines) == 2 and "catalog.sqlite" in lines[1]), ended.errors
    assert all("free" in line or "disk" in line for line in lines), ended.errors


def stills_of(data_dir: Path) -> dict[str, str]:
    return {
        str(path.relative_to(data_dir)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((data_dir / "stills").rglob("*_f*.jpg"))
    }


@pytest.mark.parametrize("free_kilobytes", FREE_KILOBYTES)
def test_a_new_data_folder_on_a_full_disk(free_kilobytes: int, video: Path, disk: Path) -> None:
    data_dir = disk / "data"
    shrink(disk, free_kilobytes)
    assert_clear_lines(finish(run_arguments(data_dir, [video]), data_dir))
    assert list(table_problems(TableStore(data_dir))) == []
    assert stills_of(data_dir) == {}
    assert leftovers(data_dir, with_database_logs=False) == []
    remount(disk, f"size={WHOLE_SIZE}")
    ended = finish(run_arguments(data_dir, [video]), data_dir)
    assert ended.code == 0, ended.errors
    assert completed_problems(data_dir, [video]) == []


@pytest.mark.parametrize("free_kilobytes", FREE_KILOBYTES)
def test_a_filled_data_folder_on_a_full_disk(free_kilobytes: int, video: Path, disk: Path) -> None:
    data_dir = disk / "data"
    assert finish(run_arguments(data_dir, [video]), data_dir).code == 0
    before = stills_of(data_dir)
    assert before
    shrink(disk, free_kilobytes)
    ended = finish(run_arguments(data_dir, [video], *OTHER_STILLS), data_dir)
    if ended.code == 0:  # what is replaced is not needed twice, so this much can be enough
        assert free_kilobytes >= FREE_KILOBYTES[-4]
    else:
        assert_clear_lines(ended)
    assert list(table_problems(TableStore(data_dir))) == []  # the stills that the table names are there, old or new
    assert leftovers(data_dir, with_database_logs=False) == []
    remount(disk, f"size={WHOLE_SIZE}")
    ended = finish(run_arguments(data_dir, [video], *OTHER_STILLS), data_dir)
    assert ended.code == 0, ended.errors
    assert completed_problems(data_dir, [video]) == []


@pytest.mark.parametrize("is_filled", [False, True])
def test_a_disk_that_cannot_be_written(video: Path, disk: Path, *, is_filled: bool) -> None:
    data_dir = disk / "data"
    if is_filled:
        assert finish(run_arguments(data_dir, [video]), data_dir).code == 0
    before = stills_of(data_dir)
    remount(disk, "ro")
    ended = finish(run_arguments(data_dir, [video], *OTHER_STILLS), data_dir)
    assert_clear_lines(ended)
    assert stills_of(data_dir) == before
    assert list(table_problems(TableStore(data_dir))) == []
    remount(disk, "rw")
    assert finish(run_arguments(data_dir, [video]), data_dir).code == 0
    assert completed_problems(data_dir, [video]) == []


def test_a_dataset_on_a_disk_that_fills_up_in_the_middle(disk: Path, tmp_path: Path) -> None:
    store, out = library(tmp_path / "data", 10), disk / "set"
    arguments = ["export", "folder", str(out), "--data-dir", str(store.data_dir)]
    arguments += ["--set", "dataset.stills_per_shard=2", "--set", "export.min_free_bytes=0"]
    shrink(disk, 100)
    assert_clear_lines(finish(arguments, store.data_dir))  # known before anything is written
    assert list(disk.iterdir()) == []
    remount(disk, f"size={WHOLE_SIZE}")
    last = max(store.stills_root.rglob("*.jpg"))
    content = last.read_bytes()
    last.write_bytes(bytes(len(content)))
    assert finish(arguments, store.data_dir).code == 1
    last.write_bytes(content)
    (part,) = disk.iterdir()
    shrink(disk, 0)
    ended = finish(arguments, store.data_dir)
    assert_clear_lines(ended)
    assert f"what was written is kept in {part}" in ended.errors
    assert list(disk.iterdir()) == [part], "never half a dataset"
    remount(disk, "ro")
    assert_clear_lines(finish(arguments, store.data_dir))
    remount(disk, f"rw,size={WHOLE_SIZE}")
    ended = finish(arguments, store.data_dir)
    assert ended.code == 0, ended.errors
    assert "stills kept from an export that was interrupted" in ended.output
    assert list(disk.iterdir()) == [out]
    assert len(list(out.rglob("*_f*.jpg"))) == 20
