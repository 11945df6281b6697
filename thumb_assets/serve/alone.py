"""One service per data folder: two would fetch into the same files, and send everything twice."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from thumb_assets.errors import SettingsError, StorageError

_LOGGER = logging.getLogger(__name__)
_HELD = {errno.EAGAIN, errno.EACCES}


@contextmanager
def only_service(data_dir: Path) -> Iterator[None]:
    """Holds `serve.lock` of a data folder; the system lets go of it when the process ends, however it does.

    Where there are no such locks, as on Windows and on some network disks, nothing is held.

    Raises:
        SettingsError: another process holds it.
        StorageError: the file cannot be made.
    """
    path = data_dir / "serve.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise StorageError(f"{path}: cannot be made: {error.strerror}; check the disk") from error
    with file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            _LOGGER.warning("%s: there are no locks on this system; start one service only", path)
        except OSError as error:
            if error.errno in _HELD:
                raise SettingsError(
                    f"another `thumb-assets serve` works on {data_dir}; stop it, or name another --data-dir"
                ) from None
            _LOGGER.warning("%s: cannot be locked (%s); start one service only", path, error.strerror)
        yield
