"""Files that appear whole or not at all, and locks between processes.

What belongs here: the one way this project locks, files that replace others in one step, errors of the disk in our own
words, and what of all that differs between systems. What does not: what is stored, and what is done where a lock is
not free. The system releases a lock when its holder ends, however it ends, so a killed process leaves nothing to clear.
Where a disk has no locks, as some network disks, nothing is held and nobody waits.
"""

import errno
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from thumb_assets.errors import StorageError

try:
    import fcntl
except ImportError:  # Windows locks bytes of a file, but no folder, and no file that is then renamed
    import msvcrt

    fcntl = None  # type: ignore[assignment]

HAS_LOCKS = fcntl is not None  # of open files and folders
_BUSY = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}
_SECONDS_BETWEEN_TRIES = 0.05
_SUFFIX = ".tmp"
# In the names of files whose writer held the lock from the beginning, so that one that nobody holds is nobody's.
_LOCKED = ".locked"
_NAME = re.compile(rf"\..+\.[0-9a-f]{{16}}(?P<is_locked>{re.escape(_LOCKED)})?{re.escape(_SUFFIX)}")


@contextmanager
def storage_errors(path: Path, problem: str = "cannot be written", *, advice: str = "check the disk") -> Iterator[None]:
    """Raises the system's errors as a StorageError that says which file, what is wrong and what to do."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: {problem}: {error.strerror or error}; {advice}") from error


@contextmanager
def replaced_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends well; a reader sees the old or the new one.

    It is locked while its writer lives, which tells a killed writer's file from one in work.

    Raises:
        OSError: the disk is full, read-only or gone; `path` is as it was and nothing is left beside it.
    """
    temporary, handle = _create(path)
    try:
        with handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())  # else a power cut may leave the new name on an empty file
            if HAS_LOCKS:  # renamed while locked: a cleaner must not come in between
                os.replace(temporary, path)  # noqa: PTH105 - what a test makes fail, on every version of Python
        if not HAS_LOCKS:
            os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_abandoned(path: Path, *, older_than_seconds: float) -> bool:
    """Removes an unfinished file whose writer is dead, or that is so old; False where it is neither or another's.

    Raises:
        OSError: the disk does not let us.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        return False
    with suppress(FileNotFoundError, BlockingIOError):  # its writer finished in between, or holds it
        if path.stat().st_mtime <= time.time() - older_than_seconds:
            path.unlink()
            return True
        if match["is_locked"] and HAS_LOCKS:
            with path.open("rb") as handle:
                if hold(handle.fileno(), is_waiting=False):
                    path.unlink()
                    return True
    return False


def read_json(path: Path) -> dict[str, str]:
    """A small file of names and texts; empty where it is not there or cannot be read."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def write_json(path: Path, values: dict[str, str]) -> None:
    """Puts such a file in the place of the old one.

    Raises:
        StorageError: the disk is full, read-only or gone.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(path) as handle:
            handle.write(json.dumps(values, indent=1, sort_keys=True).encode())


def link_or_copy(source: Path, target: Path) -> None:
    """Puts a file behind another name: a link, or a copy where the system lets only some users make links, as Windows.

    Raises:
        OSError: neither can be made.
    """
    try:
        target.symlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def max_open_files() -> int | None:
    """Returns the number of files that this process may hold open; None where the system has no such limit."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if most == resource.RLIM_INFINITY else most


def hold(handle: int, *, is_waiting: bool = True) -> bool:
    """Locks an open file or folder until its handle is closed; False where there are no such locks.

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


def is_at(path: Path, handle: int) -> bool:
    """Returns True while an open file or folder is still the one at a path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


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
                _hold_name(handle)
            except BlockingIOError:
                os.close(handle)
                return False
            except BaseException:
                os.close(handle)
                raise
            if is_at(self.path, handle):
                self._handle = handle
            else:
                os.close(handle)  # its former holder removed the file in between
        return True

    def acquire(self, *, on_wait: Callable[[], object] = lambda: None) -> None:
        """Waits for the lock.

        Args:
            on_wait: called again and again while another holds it; what it raises ends the waiting.
        """
        while not self.try_acquire():
            on_wait()
            time.sleep(_SECONDS_BETWEEN_TRIES)

    def is_held(self) -> bool:
        """True where anybody holds it now; False also where there are no locks."""
        try:
            handle = os.open(self.path, os.O_RDWR)
        except OSError:  # nobody holds it, or nobody can tell
            return False
        try:
            _hold_name(handle)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def release(self) -> None:
        """Releases the lock; nothing happens where it is not held."""
        if self._handle is not None:
            with suppress(OSError):  # removed while held: who waits for it sees that and makes another
                self.path.unlink()
            os.close(self._handle)
            self._handle = None


@contextmanager
def locked(path: Path, *, max_wait_seconds: float | None = None) -> Iterator[None]:
    """Lets one process after the other in; see `NamedLock`.

    Raises:
        BlockingIOError: another holds it for longer than `max_wait_seconds`. OSError: the file cannot be made.
    """
    lock, begin = NamedLock(path), time.monotonic()

    def require_time() -> None:
        if max_wait_seconds is not None and time.monotonic() - begin > max_wait_seconds:
            raise BlockingIOError(errno.EAGAIN, "another process holds it", str(path))

    lock.acquire(on_wait=require_time)
    try:
        yield
    finally:
        lock.release()


def _hold_name(handle: int) -> None:
    """As `hold` without waiting, also on Windows; for files that hold nothing."""
    if fcntl is not None:
        hold(handle, is_waiting=False)
        return
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except PermissionError as error:
        raise BlockingIOError(error.errno, error.strerror) from error


def _create(path: Path) -> tuple[Path, BinaryIO]:
    # A leading dot: no video id begins with one, so no reader takes it for a table. In the same folder, because a
    # rename is atomic only within one file system.
    while True:
        kind = _LOCKED if HAS_LOCKS else ""
        temporary = path.with_name(f".{path.stem}.{secrets.token_hex(8)}{kind}{_SUFFIX}")
        handle = temporary.open("xb")
        hold(handle.fileno())  # where there are no locks a cleaner gets none either, and age alone tells
        if not HAS_LOCKS or os.fstat(handle.fileno()).st_nlink:
            return temporary, handle
        handle.close()  # a cleaner came before the lock and took the file away
