"""Commands at a real terminal with job control: each ends, Ctrl+C ends each at once, Ctrl+Z pauses the work."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from thumb_assets_tests.support.processes import descendants_of
from thumb_assets_tests.support.terminal import Terminal

MakeVideo = Callable[[str], Path]
THUMB_ASSETS = f"{sys.executable} -m thumb_assets.cli"
# No model: what is tested is the terminal.
STAGES = "videos,frames,shots,candidate_frames,sharpness,selections,stills"


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal() as opened:
        yield opened


def test_run_ends(terminal: Terminal, synthetic_videos: MakeVideo, data_dir: Path) -> None:
    video = synthetic_videos("multi_shot")
    start = terminal.type(f"{THUMB_ASSETS} run {video} --stages {STAGES} --data-dir {data_dir}")
    assert terminal.wait_for_exit(start=start) == 0
    assert len(list((data_dir / "stills").rglob("*.jpg"))) == 3
    assert descendants_of(terminal.pid) == []
