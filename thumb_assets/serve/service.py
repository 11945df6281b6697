"""The two loops beside the web service: one takes requests on, the other tells of them."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.serve.delivery import Delivery
from thumb_assets.serve.intake import Intake

_POLL_SECONDS = 0.5
_LOGGER = logging.getLogger(__name__)


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
        """Whether both loops run."""
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
