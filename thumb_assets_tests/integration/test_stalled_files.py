"""Files of which the disk does not answer: each fails for itself within its time, and the others go on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.settings.load import load_settings
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore

STALL = "video.stall_seconds=3"
# A lease on a file has whoever opens it wait until it is given back, or the kernel breaks it after 45 s.
_HOLD = """
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
held = [os.open(path, os.O_RDWR) for path in sys.argv[1:]]
for each in held:
    fcntl.fcntl(each, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("held", flush=True)
time.sleep(300)
"""


@contextmanager
def blocked(*paths: Path) -> Iterator[None]:
    """Inside, nobody gets an answer who opens one of the files."""
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, *map(str, paths)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != "held\n":
            pytest.skip("files cannot be leased here")
        yield
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()


@pytest.fixture
def folder(synthetic_videos: Callable[[str], Path], data_dir: Path) -> Path:
    videos = data_dir / "videos"
    videos.mkdir()
    for name in ("a-stalled", "b-stalled", "c-well"):
        shutil.copyfile(synthetic_videos("cfr"), videos / f"{name}.mp4")
    old = time.time() - 3600
    for path in videos.iterdir():
        os.utime(path, (old, old))
    return videos


def test_a_run_goes_on_with_the_others(folder: Path, data_dir: Path) -> None:
    command = ["run", "--stages", "videos", "--set", STALL, "--set", "video.is_isolated=false"]
    with blocked(folder / "a-stalled.mp4", folder / "b-stalled.mp4"):
        began = time.monotonic()
        result = CliRunner().invoke(main, [*command, str(folder), "--data-dir", str(data_dir)])
        assert time.monotonic() - began < 60
    assert result.exit_code == 1
    errors = [line for line in result.output.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert "a-stalled.mp4': the disk or mount did not answer for 3 s" in errors[0]
    assert [video_id[:6] for video_id in TableStore(data_dir).video_ids("videos")] == ["c-well"]


def test_the_sensor_goes_on_with_the_others(folder: Path, data_dir: Path) -> None:
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=[STALL])
    with blocked(folder / "a-stalled.mp4"):
        found = resource.library.discover(resource.settings.library)
    assert [video.path.stem for video in found.videos] == ["b-stalled", "c-well"]
    assert ["did not answer" in str(error) for error in found.errors] == [True]


def test_a_file_that_is_too_large_is_refused_before_it_is_read(folder: Path, data_dir: Path) -> None:
    large = folder / "large.mp4"
    with large.open("wb") as file:
        file.write((folder / "c-well.mp4").read_bytes()[:4096])
        file.truncate(1 << 40)  # 1 TB of nothing: hashing it would take an hour
    settings = load_settings("default", ["video.max_file_bytes=1000000"])
    videos, errors = Library(data_dir, video=settings.video).register([folder])
    assert [video.path.stem for video in videos] == ["a-stalled", "b-stalled", "c-well"]
    assert ["more than video.max_file_bytes" in str(error) for error in errors] == [True]
