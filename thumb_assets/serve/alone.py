"""One service per data folder: two would fetch into the same files, and send everything twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from thumb_assets.errors import SettingsError, StorageError
from thumb_assets.locks import NamedLock


@contextmanager
def only_service(data_dir: Path) -> Iterator[None]:
    """Holds `serve.lock` of a data folder; the system lets go of it when the process ends, however it does.

    Raises:
        SettingsError: another process holds it.
        StorageError: the file cannot be made.
    """
    lock = NamedLock(data_dir / "serve.lock")
    try:
        is_alone = lock.try_acquire()
    except OSError as error:
        raise StorageError(f"{lock.path}: cannot be made: {error.strerror}; check the disk") from error
    if not is_alone:
        raise SettingsError(
            f"another `thumb-assets serve` works on {data_dir}; stop it, or name another --data-dir"
        ) from None
    try:
        yield
    finally:
        lock.release()
