"""Costs of a process so far: CPU time with that of its children, resident memory and its peak."""

import os
import sys
import time
from collections import defaultdict
from pathlib import Path

_STATUS = Path("/proc/self/status")
_PROCESSES = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def cpu_seconds() -> float:
    """User plus system time of this process and of all it started, ended or not."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system + _seconds_of_living_children()


def resident_bytes() -> int | None:
    """Memory of this process (not of its children) at this moment; None where the system does not say."""
    return _from_status("VmRSS:")


def reset_peak() -> None:
    """Lets the peak begin anew where the system can (Linux); elsewhere it is that since the process's start."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_bytes() -> int | None:
    """Most memory of this process (not of its children) since `reset_peak`; None where the system does not say."""
    # Linux's ru_maxrss would not do: it begins with that of the parent.
    if _STATUS.exists():
        return _from_status("VmHWM:")
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes everywhere but on macOS


class TreeMemory:
    """Resident memory of a process and of all that it started and that live; 0 where there is no /proc.

    Pages that two of them share are counted twice. To be asked many times at little cost: a process's parent is read
    when the process is first seen.
    """

    def __init__(self, process: int) -> None:
        self._members = {process}
        self._others: set[int] = set()

    def bytes(self) -> int:
        """That of this moment."""
        alive = {int(folder.name) for folder in _PROCESSES.glob("[0-9]*")}
        new = {process: _parent_of(process) for process in alive - self._members - self._others}
        self._members &= alive
        before = -1
        while len(self._members) > before:
            before = len(self._members)
            self._members |= {process for process, parent in new.items() if parent in self._members}
        self._others = alive - self._members
        return sum(map(_resident_bytes_of, self._members))


def _parent_of(process: int) -> int:
    """0 where it has just ended."""
    try:
        # Behind the name, which may hold anything: state, parent, ...
        text = (_PROCESSES / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[1])


def _resident_bytes_of(process: int) -> int:
    try:
        return int((_PROCESSES / str(process) / "statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:  # it has just ended
        return 0


def _from_status(key: str) -> int | None:
    if not _STATUS.exists():
        return None
    found = [line.split()[1] for line in _STATUS.read_text(encoding="ascii").splitlines() if line.startswith(key)]
    return int(found[0]) * 1024 if found else None


def _seconds_of_living_children() -> float:
    """0 where there is no /proc; there only children that have ended are counted."""
    children: dict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for folder in _PROCESSES.glob("[0-9]*"):
        try:
            # Behind the name, which may hold anything: state, parent, ..., utime, stime, cutime, cstime.
            fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        process = int(folder.name)
        children[int(fields[1])].append(process)
        ticks[process] = sum(map(int, fields[11:15]))
    total, pending = 0, list(children[os.getpid()])
    while pending:
        process = pending.pop()
        total += ticks[process]
        pending += children[process]
    return total / os.sysconf("SC_CLK_TCK") if total else 0.0
