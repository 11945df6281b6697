"""The engine as a fork of a command: it does the same, dies as well as any, and loads no more than it uses."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thumb_assets_tests.support.running import register

MakeVideo = Callable[[str], Path]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the engine is a new interpreter")


def forked_run(data_dir: Path, video_ids: list[str], *, strike: int = 0) -> dict[str, Any]:
    command = [sys.executable, "-m", "thumb_assets_tests.support.forking", str(data_dir), str(int(strike)), *video_ids]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_a_default_run_loads_neither_pandas_nor_scipy(data_dir: Path, synthetic_videos: MakeVideo) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    said = forked_run(data_dir, [video_id])
    assert said == {"failed": [], "done": [video_id], "is_forked": [True], "libraries": ["cv2", "pyarrow"]}


@pytest.mark.parametrize("strike", [signal.SIGSEGV, signal.SIGKILL])
def test_a_fork_that_dies_costs_its_video_and_a_new_interpreter_goes_on(
    data_dir: Path, synthetic_videos: MakeVideo, strike: signal.Signals
) -> None:
    first, *others = register(data_dir, [synthetic_videos(name) for name in ("multi_shot", "cfr", "portrait")])
    said = forked_run(data_dir, [first, *others], strike=strike)
    ((failed, reason),) = said["failed"]
    assert (failed, said["done"], said["is_forked"]) == (first, sorted(others), [True, False])
    assert ("SIGSEGV" if strike == signal.SIGSEGV else "was killed") in reason
