"""Runs the real command in a process group of its own: to its end, or until it is killed."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]
_BOUND_SECONDS = 180.0

# No model: what is tested is what stays on the disk.
STAGES = "videos,frames,shots,candidate_frames,sharpness,selections,stills,catalog"


@dataclass(frozen=True)
class Ended:
    """End of a command; `begin_seconds` is the time until it recorded that it begins, if it ever did."""

    code: int
    output: str
    errors: str
    seconds: float
    begin_seconds: float | None

    @property
    def error_lines(self) -> list[str]:
        return [line for line in self.errors.splitlines() if line.startswith(("error: ", "failed: "))]


def run_arguments(data_dir: Path, videos: list[Path], *more: str) -> list[str]:
    """`thumb-assets run` of the files."""
    return ["run", *map(str, videos), "--data-dir", str(data_dir), "--stages", STAGES, *more]


def backfill_arguments(data_dir: Path, *more: str) -> list[str]:
    """`thumb-assets backfill` of the library in the data folder, through Dagster."""
    return ["backfill", "--all", "--data-dir", str(data_dir), "--assets", STAGES, *more]


def finish(arguments: list[str], data_dir: Path) -> Ended:
    """Runs the command to its end."""
    return _run(arguments, data_dir, kill_after_start=None, kill_after_begin=None)


def kill(
    arguments: list[str],
    data_dir: Path,
    *,
    after_start_seconds: float | None = None,
    after_begin_seconds: float | None = None,
) -> Ended:
    """Runs the command and kills its whole process group, so long after its start or after its work began.

    A command that is done before ends on its own; its code then is not -9.
    """
    return _run(arguments, data_dir, kill_after_start=after_start_seconds, kill_after_begin=after_begin_seconds)


def _run(
    arguments: list[str], data_dir: Path, *, kill_after_start: float | None, kill_after_begin: float | None
) -> Ended:
    environ = {name: value for name, value in os.environ.items() if name not in {"DAGSTER_HOME", "COLUMNS"}}
    before = _newest_outcome(data_dir)
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "thumb_assets.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=_REPOSITORY,
        env=environ,
        start_new_session=True,
    )
    begin_seconds = None
    is_killing = kill_after_start is not None or kill_after_begin is not None
    try:
        while process.poll() is None:
            elapsed = time.monotonic() - start
            if begin_seconds is None and _newest_outcome(data_dir) != before:
                begin_seconds = elapsed
            is_due = kill_after_start is not None and elapsed >= kill_after_start
            if kill_after_begin is not None and begin_seconds is not None:
                is_due |= elapsed - begin_seconds >= kill_after_begin
            if (is_killing and is_due) or elapsed > _BOUND_SECONDS:
                break
            time.sleep(0.002)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Ended(process.returncode, output, errors, time.monotonic() - start, begin_seconds)


def _newest_outcome(data_dir: Path) -> int:
    """The first thing a run writes for a video is that it was interrupted; this is when the last such was written."""
    folder = data_dir / "tables" / "outcomes"
    newest = 0
    for path in folder.glob("*.parquet"):
        try:
            newest = max(newest, path.stat().st_mtime_ns)
        except FileNotFoundError:
            continue
    return newest
