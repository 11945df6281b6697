"""Two processes on one video: one works, the other waits and then finds nothing to do; no outcome is lost."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from thumb_assets.stages import STAGES
from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import register

MakeVideo = Callable[[str], Path]
# Enough to have every kind of stage, with no model to load.
NAMED = "videos,frames,shots,candidate_frames,sharpness,selections,stills"
WAITING = "another process works on it; waiting for it to finish"


def start(data_dir: Path, video: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "thumb_assets.cli", "run", str(video), "--stages", NAMED]
    return subprocess.Popen(
        [*command, "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ignored where the tests run in the background of a shell, and inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )


@pytest.fixture
def video(synthetic_videos: MakeVideo, data_dir: Path) -> tuple[Path, str]:
    """A file and its id."""
    path = synthetic_videos("multi_shot")
    (video_id,) = register(data_dir, [path])
    return path, video_id


def test_work_is_done_once(video: tuple[Path, str], data_dir: Path) -> None:
    running = [start(data_dir, video[0]) for _ in range(2)]
    ended = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0, 0], ended
    unchanged = sorted(int(found[1]) if (found := re.search(r"(\d+) of 7 stages", out)) else 0 for out, _ in ended)
    assert unchanged == [0, 7], ended  # and the catalog, which each brings up to date
    outcomes = {outcome.stage: outcome.status for outcome in read_outcomes(TableStore(data_dir), video[1])}
    assert outcomes == dict.fromkeys([*NAMED.split(","), "catalog"], "done")


def test_one_that_waits_says_so_and_goes_on(video: tuple[Path, str], data_dir: Path) -> None:
    lock = TableStore(data_dir).video_lock(video[1])
    assert lock.try_acquire()
    process = start(data_dir, video[0])
    assert process.stderr is not None
    line = next(line for line in process.stderr if WAITING in line)
    assert line == f"note: {video[1]}: {WAITING}\n"
    lock.release()
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, WAITING in errors) == (0, False), errors
    assert "1 video" in output
    assert list((data_dir / "locks").iterdir()) == []


def test_ctrl_c_ends_the_waiting(video: tuple[Path, str], data_dir: Path) -> None:
    lock = TableStore(data_dir).video_lock(video[1])
    assert lock.try_acquire()
    process = start(data_dir, video[0])
    assert process.stderr is not None
    next(line for line in process.stderr if WAITING in line)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode not in {0, None}
    assert "Traceback" not in errors
    assert read_outcomes(TableStore(data_dir), video[1]) == []
    lock.release()


def test_the_lock_of_a_killed_process_is_free(video: tuple[Path, str], data_dir: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from thumb_assets.store.parquet import TableStore\n"
        "lock = TableStore(Path(sys.argv[1])).video_lock(sys.argv[2]); lock.acquire(); print('held', flush=True)\n"
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", script, str(data_dir), video[1]]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    lock = TableStore(data_dir).video_lock(video[1])
    assert not lock.try_acquire()
    holder.kill()
    holder.wait()
    assert lock.try_acquire()
    lock.release()


def test_two_writers_lose_no_outcome(data_dir: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from thumb_assets.store.outcomes import Outcome, record_outcomes\n"
        "from thumb_assets.store.parquet import TableStore\n"
        "store = TableStore(Path(sys.argv[1])); input()\n"
        "for number in range(20):\n"
        "    rows = [Outcome(f'clip-{number:08d}', stage, 'done', None, None, 1, '') for stage in sys.argv[2:]]\n"
        "    for row in rows: record_outcomes(store, row.video_id, [row])\n"
    )
    halves = [tuple(STAGES)[::2], tuple(STAGES)[1::2]]
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(data_dir), *half], stdin=subprocess.PIPE, text=True)
        for half in halves
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.close()
    assert [writer.wait(timeout=300) for writer in writers] == [0, 0]
    for number in range(20):
        found = [outcome.stage for outcome in read_outcomes(TableStore(data_dir), f"clip-{number:08d}")]
        assert found == list(STAGES), number
