"""The two loops beside the web service, for requests and for messages, and the lock that keeps them alone."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from thumb_assets.errors import SettingsError, ThumbAssetsError
from thumb_assets.files import NamedLock, storage_errors
from thumb_assets.serve.delivery import Delivery
from thumb_assets.serve.intake import Intake

_POLL_SECONDS = 0.5
_LOGGER = logging.getLogger(__name__)


@contextmanager
def only_service(data_dir: Path) -> Iterator[None]:
    """Holds `serve.lock` of a data folder: two services would fetch into the same files, and send everything twice.

    Raises:
        SettingsError: another process holds it.
        StorageError: the file cannot be made.
    """
    lock = NamedLock(data_dir / "serve.lock")
    with storage_errors(lock.path, "cannot be made"):
        is_alone = lock.try_acquire()
    if not is_alone:
        raise SettingsError(f"another `thumb-assets serve` works on {data_dir}; stop it, or name another --data-dir")
    try:
        yield
    finally:
        lock.release()


class Service:
    """Runs both until it is stopped."""

    def __init__(self, intake: Intake, delivery: Delivery) -> None:
        self._intake = intake
        self._delivery = delivery
        works: Sequence[Callable[..., None]] = (intake.run_once, delivery.run_once)
        self._threads = [threading.Thread(target=self._loop, args=(work,), daemon=True) for work in works]
        self._stopped = threading.Event()

    def start(self) -> None:
        """Starts both loops."""
        for thread in self._threads:
            thread.start()

    @property
    def is_alive(self) -> bool:
        """True while both loops run."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Ends both after what they do now."""
        self._stopped.set()
        self._delivery.stop()
        self._intake.stop()
        for thread in self._threads:
            thread.join(timeout=60)

    def _loop(self, work: Callable[..., None]) -> None:
        while not self._stopped.is_set():
            try:
                work(clock=time.time)
            except ThumbAssetsError as error:
                _LOGGER.error("%s", error)  # noqa: TRY400 - one line; a full disk is tried again
            except Exception:
                _LOGGER.exception("the loop goes on")
            self._stopped.wait(_POLL_SECONDS)
