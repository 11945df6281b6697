"""Costs of a process so far: CPU time with that of its children, resident memory and its peak."""

import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

_STATUS = Path("/proc/self/status")
_PROCESSES = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
# Shared pages are looked at again where resident memory is so many times that of the last look: a look takes some
# milliseconds for each hundred megabytes.
_GROWTH_TO_LOOK = 1.1
# Device, inode and offset of a mapping.
_Place = tuple[str, str, str]
_NO_FILE: _Place = ("", "", "")
# Of each mapping in `smaps`: resident, its share where pages are shared, and what is not of a file or no longer.
_FIGURES = ("Rss:", "Pss:", "Anonymous:")


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
    """Memory of a process and of all that it started and that live; 0 where there is no /proc.

    A page that several of them share is counted once, whoever else has it: a fork and its parent share most of what
    they loaded, and the sum of their resident sizes says it twice. To be asked many times at little cost: a process's
    parent is read when the process is first seen, and what is shared when processes come or go, or memory grew.
    """

    def __init__(self, process: int) -> None:
        self._members = {process}
        self._others: set[int] = set()
        self._looked_at: set[int] = set()
        self._looked_bytes, self._repeated_bytes = 0, 0

    def bytes(self) -> int:
        """That of this moment."""
        self._find_members()
        resident = sum(map(_resident_bytes_of, self._members))
        if self._members != self._looked_at or resident > _GROWTH_TO_LOOK * self._looked_bytes:
            self._looked_at, self._looked_bytes = set(self._members), resident
            self._repeated_bytes = max(0, resident - _bytes_once(self._members)) if len(self._members) > 1 else 0
        return max(0, resident - self._repeated_bytes)

    def _find_members(self) -> None:
        alive = {int(folder.name) for folder in _PROCESSES.glob("[0-9]*")}
        new = {process: _parent_of(process) for process in alive - self._members - self._others}
        self._members &= alive
        before = -1
        while len(self._members) > before:
            before = len(self._members)
            self._members |= {process for process, parent in new.items() if parent in self._members}
        self._others = alive - self._members


def _bytes_once(processes: Iterable[int]) -> int:
    """Memory of processes, shared pages once: of memory by its proportional size, of a file by who has most of it.

    A file's proportional size would not do: other programs have the same libraries.
    """
    own, of_files = 0, Counter[_Place]()
    for process in processes:
        figures = {name: Counter[_Place]() for name in _FIGURES}
        for place, name, value in _mapped(process):
            figures[name][place] += value
        resident, proportional, written = (figures[name] for name in _FIGURES)
        for place in resident:
            own += proportional[place] if place == _NO_FILE else written[place]
            if place != _NO_FILE:
                of_files[place] = max(of_files[place], resident[place] - written[place])
    return own + of_files.total()


def _mapped(process: int) -> Iterator[tuple[_Place, str, int]]:
    """The figures of each mapping of a process: (place in a file, name, bytes)."""
    place = _NO_FILE
    try:
        lines = (_PROCESSES / str(process) / "smaps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # it has just ended
        return
    for line in lines:
        if line.startswith(_FIGURES):
            name, value, _unit = line.split()
            yield place, name, int(value) * 1024
        elif not line[0].isupper():  # addresses, rights, offset, device, inode, path
            _, _, offset, device, inode, *_ = line.split(maxsplit=5)
            place = _NO_FILE if inode == "0" else (device, inode, offset)


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
