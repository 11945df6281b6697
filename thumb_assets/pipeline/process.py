"""The engine's own process: how it starts, pauses and ends.

It has a session of its own and no input, so no program below it can touch the terminal (a background program that does
is stopped by the system, and everything waits for it). The terminal's keys do not reach it either: the parent passes
on a pause (Ctrl+Z), and ends it (Ctrl+C).
"""

import gc
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import Any

from thumb_assets.pipeline.environment import engine_environment
from thumb_assets.pipeline.forked import ForkedProcess, fork


class EngineProcess:
    """A process that runs `thumb_assets.pipeline.child`, and the connection to it.

    It ends with this process, however that ends: its end of a pipe is closed then.

    Args:
        is_forked: whether it is a fork of this one (see `forked`), which imports the engine with the first job only.
    """

    def __init__(self, *, is_forked: bool = False) -> None:
        self.connection, theirs = Pipe()
        watched, self._lifeline = os.pipe()
        try:
            ends = theirs.fileno(), watched
            self._process = _forked(theirs, watched) if is_forked else _started(*ends)
        finally:
            theirs.close()  # else the child's end of the pipe would never be the last
            os.close(watched)
        _pauses.add(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> int:
        """Its exit code, once it ended; negative where a signal ended it."""
        return self._process.wait()

    def stop(self) -> None:
        """Ends it and what it started."""
        _pauses.discard(self)
        self.signal_all(signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self.connection.close()
        with suppress(OSError):
            os.close(self._lifeline)
            self._lifeline = -1

    def signal_all(self, number: int) -> None:
        """Sends a signal to the process and what it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def programs(self) -> list[str]:
        """Names of the programs it started that still run, those that are stopped marked; empty where none can tell."""
        names = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError, ValueError, IndexError):
                name, _, rest = stat.read_text(errors="replace").partition("(")[2].rpartition(")")
                state, _parent, _group, session = rest.split()[:4]
                if int(session) == self.pid and stat.parent.name != str(self.pid):
                    names.append(f"{name} (stopped)" if state == "T" else name)
        return sorted(set(names))


def _started(connection: int, lifeline: int) -> "subprocess.Popen[bytes]":
    """A new interpreter; the descriptors are the child's end of the connection, and of the pipe that it watches."""
    # The same interpreter and import path; `-c` alone would look in the working directory.
    code = (
        f"import gc, sys; gc.disable(); sys.path[:] = {sys.path!r}; "
        f"from thumb_assets.pipeline.child import serve_jobs; serve_jobs({connection}, {lifeline})"
    )
    return subprocess.Popen(  # noqa: S603 - a list, no shell: this interpreter
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        env={**os.environ, **engine_environment(os.environ)},
        pass_fds=(connection, lifeline),
        start_new_session=True,
    )


def _forked(theirs: "Connection[Any, Any]", lifeline: int) -> ForkedProcess:
    """As `_started`, a fork of this process."""

    def work() -> None:
        if lifeline in wait([theirs, lifeline]):  # a run that finds nothing to do sends no job, and needs no engine
            return
        gc.disable()
        from thumb_assets.pipeline.child import serve_jobs

        serve_jobs(os.dup(theirs.fileno()), lifeline)  # it makes a connection of its own, which closes what it is given

    ends = theirs.fileno(), lifeline
    return ForkedProcess(fork(work, environment=engine_environment(os.environ), kept=ends))


class _Pauses:
    """Pauses the engine's processes with this one, where its main thread may handle Ctrl+Z and nobody else does."""

    def __init__(self) -> None:
        self._processes: set[EngineProcess] = set()

    def add(self, process: EngineProcess) -> None:
        self._processes.add(process)
        self.handle()

    def discard(self, process: EngineProcess) -> None:
        self._processes.discard(process)

    def handle(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, self._pause)

    def _pause(self, number: int, _frame: FrameType | None) -> None:
        for process in list(self._processes):
            process.signal_all(signal.SIGSTOP)
        signal.signal(number, signal.SIG_DFL)
        # Here this process stops, until the shell's `fg`. Without a terminal the system would ignore the polite signal.
        os.kill(os.getpid(), number if _has_terminal() else signal.SIGSTOP)
        signal.signal(number, self._pause)
        for process in list(self._processes):
            process.signal_all(signal.SIGCONT)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


_pauses = _Pauses()


def pause_with_terminal() -> None:
    """From now on Ctrl+Z pauses the engine's processes too; for a main thread whose other threads start them."""
    _pauses.handle()


def end_with_parent(lifeline: int) -> None:
    """In the engine's process: ends it and what it started as soon as the parent is gone."""

    def watch() -> None:
        os.read(lifeline, 1)  # nobody writes: it returns when the parent's end is closed
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def connection_of(descriptor: int) -> "Connection[Any, Any]":
    """In the engine's process: the connection to the parent."""
    return Connection(descriptor)
