"""Locks between processes: of open files and folders, and of names.

What belongs here: the one way this project locks. The system lets go of a lock when its holder ends, however it ends,
so nothing of a killed process has to be cleared. What does not: what is locked, and what is done where it is not free.
Where there are no such locks, as on Windows and on some network disks, nothing is held and nobody waits.
"""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HAS_LOCKS = fcntl is not None
_BUSY = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}
_SECONDS_BETWEEN_TRIES = 0.05


def hold(handle: int, *, is_waiting: bool = True) -> bool:
    """Locks an open file or folder until its handle is closed; False where there are no locks.

    Raises:
        BlockingIOError: another holds it; only where it is not waited for.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if is_waiting else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if not is_waiting and error.errno in _BUSY:
            raise BlockingIOError(error.errno, error.strerror) from error
        return False
    return True


class NamedLock:
    """A lock that is known by the path of a file, which is there while it is held or waited for.

    Raises:
        OSError: from any method but `release`: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def try_acquire(self) -> bool:
        """Takes the lock if nobody has it; True also where there are no locks."""
        while self._handle is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                hold(handle, is_waiting=False)
            except BlockingIOError:
                os.close(handle)
                return False
            except BaseException:
                os.close(handle)
                raise
            if _is_at(self.path, handle):
                self._handle = handle
            else:
                os.close(handle)  # its former holder removed the file in between
        return True

    def acquire(self, *, on_wait: Callable[[], object] = lambda: None) -> None:
        """Waits for the lock.

        Args:
            on_wait: called again and again while another holds it.
        """
        while not self.try_acquire():
            on_wait()
            time.sleep(_SECONDS_BETWEEN_TRIES)

    def release(self) -> None:
        """Lets go of the lock; nothing happens where it is not held."""
        if self._handle is not None:
            with suppress(OSError):  # removed while held: who waits for it sees that and makes another
                self.path.unlink()
            os.close(self._handle)
            self._handle = None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lets one process after the other in; see `NamedLock`.

    Raises:
        OSError: the file cannot be made.
    """
    lock = NamedLock(path)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
