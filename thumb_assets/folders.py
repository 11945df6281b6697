"""Replaces a folder of files as a whole: a failure leaves the old one, the next run puts a crash right or goes on.

What belongs here: the swap of two folders, what a crash in it leaves, and the locks of folders. What does not: what
lies in a folder.
"""

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from thumb_assets.errors import StorageError, UnavailableError
from thumb_assets.files import HAS_LOCKS, hold, is_at

# Names cannot be mistaken for a video's folder: a video_id never begins with a dot.
_NEW, _OLD, _PART = ".tmp", ".old", ".part"
# Where the disk has no locks, an unfinished folder that nobody wrote to for so long is nobody's.
_ABANDONED_SECONDS = 3600.0


@contextmanager
def replaced_folder(target: Path, *, on_swap: Callable[[], object] = lambda: None) -> Iterator[Path]:
    """A new empty folder beside `target` that takes its place when the block ends well.

    Args:
        target: `stills/{video_id}`; need not exist.
        on_swap: called right before; forgets what is recorded of the old folder, so that a process that dies between
            the swap and the new record leaves no record rather than a false one.

    Raises:
        StorageError: the disk is full, read-only or gone; `target` is as it was.
    """
    try:
        recover_folder(target)
        new, handle = _create(target)
    except OSError as error:
        raise StorageError(f"{target}: cannot be prepared ({_reason(error)}); free or mount the disk") from error
    try:
        yield new
        on_swap()
        _swap(target, new)
    except OSError as error:
        if error.errno not in errno.errorcode:  # a library's own, not the system's: Pillow's and FFmpeg's are OSErrors
            raise
        raise StorageError(f"{target}: cannot be written ({_reason(error)}); free or mount the disk") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
        _let_go(handle)


@contextmanager
def resumed_folder(target: Path, *, key: str) -> Iterator[Path]:
    """As `replaced_folder`, for work that takes long: a failure leaves the unfinished folder to the next call.

    Args:
        target: need not exist; of its unfinished folders those with other keys are removed.
        key: hex digits that stand for what is to be written; the next call with the same key finds what was written.

    Raises:
        StorageError: the disk is full, read-only or gone; `target` is as it was.
        UnavailableError: another process is writing the same.
    """
    part = unfinished_folder(target, key=key)
    try:
        recover_folder(target)
        for other in _abandoned(target, _PART):
            if other != part:
                shutil.rmtree(other)
        part.mkdir(parents=True, exist_ok=True)
        handle = _hold(part, is_waiting=False)
    except BlockingIOError:
        raise UnavailableError(f"{target}: another process is writing it; wait until that one is done") from None
    except OSError as error:
        raise StorageError(f"{target}: cannot be prepared ({_reason(error)}); free or mount the disk") from error
    try:
        yield part
        _swap(target, part)
    except OSError as error:
        if error.errno not in errno.errorcode:
            raise
        kept = f"; what was written is kept in {part} and the same command goes on with it"
        raise StorageError(
            f"{target}: cannot be written ({_reason(error)}); free or mount the disk{kept if part.exists() else ''}"
        ) from error
    finally:
        _let_go(handle)


def unfinished_folder(target: Path, *, key: str) -> Path:
    """The folder that `resumed_folder` works in, whether it is there or not."""
    return target.with_name(f"{_PART}-{target.name}-{key}")


def recover_folder(target: Path) -> None:
    """Puts right what a crash left: brings an old folder back that was not replaced yet, removes unfinished ones.

    Folders that a process still works on are left alone.

    Raises:
        OSError: the disk does not let us.
    """
    for old in _abandoned(target, _OLD):
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)
    for new in _abandoned(target, _NEW):
        shutil.rmtree(new)


def _swap(target: Path, new: Path) -> None:
    # Two renames, since no portable call exchanges two folders; between them a crash leaves `.old`, see above.
    handle = _hold_target(target)
    if not target.exists():
        _let_go(handle)
        new.rename(target)
        return
    try:
        old = _sibling(target, _OLD)
        target.rename(old)
        try:
            new.rename(target)
        except BaseException:
            old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        _let_go(handle)


def _hold_target(target: Path) -> int | None:
    while True:
        try:
            handle = _hold(target)
        except FileNotFoundError:
            return None
        if handle is None or is_at(target, handle):
            return handle
        _let_go(handle)  # its former holder put another folder in its place


def _create(target: Path) -> tuple[Path, int | None]:
    while True:
        new = _sibling(target, _NEW)
        new.mkdir(parents=True)
        with suppress(FileNotFoundError):
            handle = _hold(new)
            if handle is None or is_at(new, handle):
                return new, handle
            _let_go(handle)  # a cleaner came before the lock and took the folder away


def _sibling(target: Path, kind: str) -> Path:
    return target.with_name(f"{kind}-{target.name}-{secrets.token_hex(8)}")


def _abandoned(target: Path, kind: str) -> Iterator[Path]:
    """Unfinished folders that nobody holds; each is held here while the caller has it."""
    if not target.parent.is_dir():
        return
    pattern = re.compile(rf"\{kind}-{re.escape(target.name)}-[0-9a-f]+")
    for path in sorted(target.parent.iterdir()):
        if not pattern.fullmatch(path.name):
            continue
        with suppress(FileNotFoundError, BlockingIOError):  # its owner or another cleaner was faster, or holds it
            handle = _hold(path, is_waiting=False)
            try:
                is_aged = path.stat().st_mtime <= time.time() - _ABANDONED_SECONDS
                if is_aged or handle is not None:
                    yield path
            finally:
                _let_go(handle)


def _hold(folder: Path, *, is_waiting: bool = True) -> int | None:
    """Locks a folder under whatever name; the system lets go of it when the process ends, however it ends.

    Returns:
        What `_let_go` takes; None where the disk has no locks for folders, as on Windows and on some network disks.

    Raises:
        FileNotFoundError: the folder is gone.
        BlockingIOError: another holds it; only where it is not waited for.
    """
    if not HAS_LOCKS:  # where a folder cannot be opened either
        return None
    handle = os.open(folder, os.O_RDONLY)
    with ExitStack() as closing:
        closing.callback(os.close, handle)
        if not hold(handle, is_waiting=is_waiting):
            return None
        closing.pop_all()
    return handle


def _let_go(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
