"""A watch: a recorder, the segments it closes, the thread that works on them, and word of the best picture."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from thumb_assets.errors import SettingsError
from thumb_assets.files import storage_errors
from thumb_assets.live.arrivals import Stop
from thumb_assets.live.best import BestPicture, best_picture
from thumb_assets.live.recorder import Recorder
from thumb_assets.live.ring import Ring
from thumb_assets.live.sources import open_source
from thumb_assets.live.worker import Worker
from thumb_assets.settings.config import Configuration
from thumb_assets.store.outbox import Outbox
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.segments import Segment


class Watch:
    """Records a source and keeps its best picture known, until it is stopped or the source ends.

    Args:
        source: what a person named.
        name: of the source.
        store: the data folder.
        read: gives the settings.
        on_segment: called with each segment that was worked on, and the best picture then.
    """

    def __init__(
        self,
        source: str,
        name: str,
        store: TableStore,
        read: Callable[[], Configuration],
        *,
        on_segment: Callable[[Segment, BestPicture | None], None],
    ) -> None:
        self._store, self._on_segment = store, on_segment
        self._settings = read().settings
        self.stop = Stop()
        self.ring = Ring(store, name, self._settings)
        self._worker = Worker(self.ring, store, read, on_done=self._done)
        self._source = source
        self._best: BestPicture | None = None

    def run(self, *, is_finished: bool) -> int:
        """Records until the end; gives how often the source was lost.

        Args:
            is_finished: work on what is left before it returns.

        Raises:
            BadInputError, SettingsError: the source cannot be recorded, or another watch has its name.
            StorageError: the disk is full, read-only or gone.
        """
        with _alone(self.ring):
            self.ring.open()
            last = self.ring.segments.last(self.ring.name)
            last_end = None if last is None else last.ends_at
            source = open_source(self._source, self.ring.name, self._settings, last_end=last_end)
            recorder = Recorder(
                source, self.ring.folder, self._settings.live, self.stop, on_segment=self._closed, last_end=last_end
            )
            self._worker.start()
            try:
                recorder.record()
            except BaseException:
                self._worker.stop()
                raise
            if is_finished:
                self._worker.finish()
            else:
                self._worker.stop()
            return recorder.num_lost

    def _closed(self, path: Path, segment: Segment) -> None:
        self.ring.take(path, segment)
        self.ring.make_room()
        self._worker.wake()

    def _done(self, segment: Segment) -> None:
        now = time.time()
        live = self._settings.live
        selection = self._settings.selection
        best = best_picture(self._store, self.ring.name, now=now, minutes=live.best_minutes, selection=selection)
        if best is not None and (self._best is None or best.path != self._best.path):
            self._best = best
            if url := self._settings.serve.notify_url:
                Outbox(self._store.outbox_path).announce(
                    _message_id(best), url, _message(best, now), now=now, instead_of=f"live_{self.ring.name}_"
                )
        self._on_segment(segment, best)


@contextmanager
def _alone(ring: Ring) -> Iterator[None]:
    lock = ring.lock()
    with storage_errors(lock.path, "cannot be made"):
        is_alone = lock.try_acquire()
    if not is_alone:
        raise SettingsError(f"another `thumb-assets watch` records {ring.name!r}; stop it, or give another --name")
    try:
        yield
    finally:
        lock.release()


def _message_id(best: BestPicture) -> str:
    return f"live_{best.source}_{best.video_id}_{best.frame_index}"


def _message(best: BestPicture, now: float) -> bytes:
    """`live.best`: a picture that is the best of the last minutes from now on."""
    created_at = datetime.fromtimestamp(now, tz=timezone.utc).isoformat(timespec="seconds")
    message = {"id": _message_id(best), "type": "live.best", "created_at": created_at, "data": best.as_json()}
    return json.dumps(message).encode()
