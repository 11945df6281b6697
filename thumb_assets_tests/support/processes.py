"""Processes as the system lists them: who started whom, and who still runs."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from thumb_assets.pipeline.forked import NAME


def _stat(process_id: int | str) -> list[str]:
    """State, parent, group, session and so on; empty where the process is gone."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def state_of(process_id: int) -> str:
    """`R`, `S`, `T` (stopped) and so on; `Z` also where it is gone."""
    return (_stat(process_id) or ["Z"])[0]


def is_running(process_id: int) -> bool:
    return state_of(process_id) != "Z"


def children_of(process_id: int) -> list[int]:
    """The processes that a process started and that still run."""
    everybody = [(int(path.name), _stat(path.name)) for path in Path("/proc").glob("[0-9]*")]
    return sorted(pid for pid, stat in everybody if stat and stat[0] != "Z" and int(stat[1]) == process_id)


def descendants_of(process_id: int) -> list[int]:
    """Its children, theirs, and so on."""
    found = children_of(process_id)
    return [*found, *(below for child in found for below in descendants_of(child))]


def is_engine(process_id: int) -> bool:
    """True if a process runs the engine for another one."""
    try:
        is_forked = Path(f"/proc/{process_id}/comm").read_text() == f"{NAME}\n"
        return is_forked or b"thumb_assets.pipeline.child" in Path(f"/proc/{process_id}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def engine_processes() -> list[int]:
    """The children of this process that run the engine."""
    return [process_id for process_id in children_of(os.getpid()) if is_engine(process_id)]


def cpu_seconds(process_id: int) -> float:
    """CPU seconds that a process has used so far."""
    stat = _stat(process_id)
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") if stat else 0.0


def wait_until(condition: Callable[[], object], what: str, *, seconds: float = 60) -> None:
    """Waits for a condition; an assertion fails where it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
