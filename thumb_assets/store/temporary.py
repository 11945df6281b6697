"""Unfinished files: each is locked while its writer lives, so that what a killed one left is told from one in work."""

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from thumb_assets.locks import HAS_LOCKS, hold, locked

_SUFFIX = ".tmp"
_FOLDER_LOCK = ".lock"
# In the names of files whose writer held the lock from the beginning, so that one that nobody holds is nobody's.
_LOCKED = ".locked"
_NAME = re.compile(rf"\..+\.[0-9a-f]{{16}}(?P<is_locked>{re.escape(_LOCKED)})?{re.escape(_SUFFIX)}")


@contextmanager
def replaced_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends well; a reader sees the old or the new one.

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


@contextmanager
def held_folder(folder: Path) -> Iterator[None]:
    """Lets one process after the other into a folder, which is made; where the disk has no locks, all at once.

    Raises:
        OSError: the folder cannot be made.
    """
    with locked(folder / _FOLDER_LOCK):
        yield


def remove_abandoned(path: Path, *, older_than_seconds: float) -> bool:
    """Removes an unfinished file whose writer is dead, or that is so old; False where it is neither or another's.

    Raises:
        OSError: the disk does not let us.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        return False
    try:
        if path.stat().st_mtime <= time.time() - older_than_seconds:
            path.unlink()
            return True
        if match["is_locked"] and HAS_LOCKS:
            with path.open("rb") as handle:
                if _is_free(handle):
                    path.unlink()
                    return True
    except FileNotFoundError:  # its writer finished in between
        pass
    return False


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


def _is_free(handle: BinaryIO) -> bool:
    """Whether nobody holds the lock; the system takes it from a process that ends, however it ends."""
    try:
        return hold(handle.fileno(), is_waiting=False)
    except BlockingIOError:
        return False
