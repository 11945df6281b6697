"""Videos one after the other, each by one process at a time: those that another process works on come last."""

from collections.abc import Iterable, Iterator
from functools import partial

from thumb_assets.errors import ContractError
from thumb_assets.events import Events
from thumb_assets.files import NamedLock
from thumb_assets.store.parquet import TableStore


class Turns:
    """The videos of one run and the locks of those that are worked on now.

    It never waits for a video while it holds another: two runs over the same videos cannot wait for each other.

    Args:
        events: a note for each video that is waited for, and a sign of life again and again while it is.
    """

    def __init__(self, store: TableStore, events: Events) -> None:
        self._store, self._events = store, events
        self._held: dict[str, NamedLock] = {}
        self._busy: list[str] = []

    def free(self, video_ids: Iterable[str]) -> Iterator[str]:
        """The videos that no other process works on, each once."""
        seen: set[str] = set()
        for video_id in video_ids:
            if video_id not in seen:
                seen.add(video_id)
                if self._try(video_id):
                    yield video_id
                else:
                    self._busy.append(video_id)

    def busy(self) -> Iterator[str]:
        """The others, each once its turn has come; the caller is done with one before it asks for the next."""
        for video_id in self._busy:
            if not self._try(video_id):
                self._events.note(f"{video_id}: another process works on it; waiting for it to finish")
                self._held[video_id] = self._store.video_lock(video_id)
                self._held[video_id].acquire(on_wait=partial(self._events.video, video_id))
            yield video_id

    def done(self, video_id: str) -> None:
        """Lets others work on a video."""
        lock = self._held.pop(video_id, None)
        if lock is not None:
            lock.release()

    def end(self) -> None:
        """Lets others work on all of them."""
        for video_id in list(self._held):
            self.done(video_id)

    def _try(self, video_id: str) -> bool:
        try:
            lock = self._store.video_lock(video_id)
            if not lock.try_acquire():
                return False
        except (ContractError, OSError):  # no video, or a disk that cannot be written: the work itself says so
            return True
        self._held[video_id] = lock
        return True
