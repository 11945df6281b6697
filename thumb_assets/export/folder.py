"""Replaces a video's folder of stills as a whole: a failure leaves the old one, the next run puts a crash right."""

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from thumb_assets.errors import StorageError

# Names cannot be mistaken for a video's folder: a video_id never begins with a dot.
_NEW, _OLD = ".tmp", ".old"


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
        new = _sibling(target, _NEW)
        new.mkdir(parents=True)
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


def recover_folder(target: Path) -> None:
    """Puts right what a crash left: brings an old folder back that was not replaced yet, removes unfinished ones.

    Folders of processes that still run are left alone.

    Raises:
        OSError: the disk does not let us.
    """
    for old in _leftovers(target, _OLD):
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)
    for new in _leftovers(target, _NEW):
        shutil.rmtree(new)


def _swap(target: Path, new: Path) -> None:
    # Two renames, since no portable call exchanges two folders; between them a crash leaves `.old`, see above.
    if not target.exists():
        new.rename(target)
        return
    old = _sibling(target, _OLD)
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sibling(target: Path, kind: str) -> Path:
    return target.with_name(f"{kind}-{target.name}-{os.getpid()}")


def _leftovers(target: Path, kind: str) -> list[Path]:
    if not target.parent.is_dir():
        return []
    pattern = re.compile(rf"\{kind}-{re.escape(target.name)}-(\d+)")
    found = []
    for path in sorted(target.parent.iterdir()):
        match = pattern.fullmatch(path.name)
        if match and not _is_other_running_process(int(match[1])):
            found.append(path)
    return found


def _is_other_running_process(process_id: int) -> bool:
    if process_id == os.getpid() or os.name != "posix":  # on Windows, signal 0 would end the process
        return False
    try:
        os.kill(process_id, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
