"""The candidates of videos that are chosen from again and again, kept in memory between the choices."""

import threading
from collections.abc import Iterable, Sequence

from thumb_assets.events import UNWATCHED, Events
from thumb_assets.store.candidate_cache import CandidateCache, StoredCandidates, versions_read
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.table_versions import Versions

# A page, the one before, and the whole library; together no more candidates than these, of some kilobytes each.
_NUM_KEPT, _MOST_CANDIDATES = 3, 150_000
# Videos in the order asked, and tables that each must have.
_Asked = tuple[tuple[str, ...] | None, tuple[str, ...]]


class KeptCandidates:
    """Results of `CandidateCache`, kept as long as no table of these videos changes.

    Args:
        store: the tables.
    """

    def __init__(self, store: TableStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: dict[_Asked, tuple[Versions, StoredCandidates]] = {}

    def candidates(
        self, video_ids: Iterable[str] | None, *, required: Sequence[str] = (), events: Events = UNWATCHED
    ) -> StoredCandidates:
        """Returns the candidates of the videos; the very same object where nothing changed since the last time.

        Args:
            video_ids: None for all that have a table.
            required: tables of scores without which a video is left out.
            events: see `CandidateCache`.

        Raises:
            StorageError: the disk does not answer.
        """
        asked = (None if video_ids is None else tuple(video_ids), tuple(required))
        with self._lock:
            known = self._kept.pop(asked, None)
            if known is None or self._has_changed(asked[0], *known):
                cache = CandidateCache(self._store, asked[0], events=events)
                known = cache.files, cache.candidates(required=required)
            if not known[1].errors:  # they may pass
                self._kept[asked] = known
                self._trim()
            return known[1]

    def _has_changed(self, video_ids: tuple[str, ...] | None, files: Versions, stored: StoredCandidates) -> bool:
        # A run that ends writes a table; one that is killed does not.
        is_ended = not all(self._store.video_lock(video_id).is_held() for video_id in stored.in_work)
        return is_ended or versions_read(self._store, video_ids) != files

    def _trim(self) -> None:
        """Forgets what was asked for longest ago."""
        sizes = {asked: _num_candidates(stored) for asked, (_, stored) in self._kept.items()}
        for asked in list(self._kept):
            if len(self._kept) <= _NUM_KEPT and sum(sizes[each] for each in self._kept) <= _MOST_CANDIDATES:
                return
            del self._kept[asked]


def _num_candidates(stored: StoredCandidates) -> int:
    return 0 if stored.measured is None else len(stored.measured.frame_indices)
