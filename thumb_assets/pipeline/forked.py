"""The engine's process as a fork of this one: what is imported already is not imported again.

A fork copies one thread and the locks of all, so it is safe only before others were started. `may_fork` says so;
everybody else (Dagster, the desk, other systems than Linux) starts a new interpreter.
"""

import ctypes
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from thumb_assets.pipeline.environment import ARENAS, engine_environment, has_glibc, set_malloc

_SET_NAME = 15  # PR_SET_NAME of prctl(2)
# Fifteen letters, by which `top` and `ps -e` show it.
NAME = "thumb-assets-en"
# Keys that the terminal sends to both processes until the fork has a session of its own.
_KEYS = {signal.SIGINT, signal.SIGTSTP}

_is_prepared = False


def prepare() -> None:
    """To be called before NumPy and Arrow are imported, where a fork of this process may become an engine's.

    Their threads have malloc settle on how many arenas there may be; an engine has one (see `environment`).
    """
    global _is_prepared  # noqa: PLW0603 - the process's own
    if has_glibc():
        set_malloc({name: value for name, value in engine_environment(os.environ).items() if name == ARENAS})
        _is_prepared = True


def may_fork() -> bool:
    """True in the only thread of a process that was prepared and has worked with no tables yet.

    Threads of libraries are counted as well: OpenBLAS ends its own before a fork, and jemalloc, inside Arrow, takes
    care of its one. More than these are Arrow's, once it has read a file, or nobody knows whose.
    """
    if not _is_prepared or threading.current_thread() is not threading.main_thread():
        return False
    with suppress(OSError):
        num_known = len(os.sched_getaffinity(0)) + 1
        return threading.active_count() == 1 and len(list(Path("/proc/self/task").iterdir())) <= num_known
    return False


def fork(work: Callable[[], None], *, environment: Mapping[str, str], kept: tuple[int, ...]) -> int:
    """Forks this process; the new one does the work and ends.

    It has a session of its own, no input, the signals of a new process and of the open files only these and the output.

    Args:
        environment: added to its environment; `MALLOC_*` holds from then on as if it had started with it.
        kept: descriptors that stay open.

    Returns:
        The new process's id.
    """
    for stream in (sys.stdout, sys.stderr):  # else both would write what waits
        stream.flush()
    with held_keys() as mask:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on: jemalloc's thread counts there
            pid = os.fork()
        if not pid:
            _work_and_end(work, environment, kept, mask - _KEYS)
    return pid


@contextmanager
def held_keys() -> Iterator[set[Any]]:
    """Ctrl+C and Ctrl+Z wait until the context ends; gives the signals that waited before."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _KEYS)
    try:
        yield mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _work_and_end(
    work: Callable[[], None], environment: Mapping[str, str], kept: tuple[int, ...], mask: set[Any]
) -> NoReturn:
    """Never returns: all that lies below on the stack is the other process's."""
    code = 1
    try:
        os.setsid()
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        _close_all_but({0, 1, 2, *kept})
        os.environ.update(environment)
        ctypes.CDLL(None).prctl(_SET_NAME, NAME.encode(), 0, 0, 0)
        set_malloc(environment)
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - as a new interpreter prints it; the parent sees the exit code
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _close_all_but(kept: set[int]) -> None:
    first = 0
    for descriptor in sorted(kept):
        if first < descriptor:  # CPython takes the empty range below 0 for all that there is
            os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


class ForkedProcess:
    """The process behind an id that `fork` gave, with what `subprocess.Popen` has of it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative where a signal ended it; None while it runs."""
        return self._code if self._code is not None else self._waited(os.WNOHANG)

    def wait(self) -> int:
        """Waits for its end; gives the exit code as `poll`."""
        while self._code is None:
            self._waited(0)
        return self._code

    def kill(self) -> None:
        """Ends it at once."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _waited(self, options: int) -> int | None:
        try:
            pid, status = os.waitpid(self.pid, options)
        except ChildProcessError:  # somebody else waited for all children
            self._code = 0
        else:
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code
