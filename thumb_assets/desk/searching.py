"""Asks the library's search for a page: what was read stays read, until the library or its settings change."""

import threading
import time
from collections.abc import Callable

from thumb_assets.search.finder import Finder, Searched
from thumb_assets.search.query import Answer, Query
from thumb_assets.settings.load import Settings
from thumb_assets.store.parquet import TableStore

# What was read is read anew after so long: a run may leave the catalog out, and work on one video after the other may
# take hours.
_SECONDS_KEPT = 60.0


class Searches:
    """A library that is asked again and again, by several pages at once.

    Args:
        store: the data folder.
        settings: gives the settings as they are now.
        is_busy: says whether the desk makes videos anew now; half made, a video would be missing in what is found.
        clock: gives seconds that only rise.
    """

    def __init__(
        self,
        store: TableStore,
        settings: Callable[[], Settings],
        *,
        is_busy: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._settings, self._is_busy, self._clock = store, settings, is_busy, clock
        self._lock = threading.Lock()
        self._finder: Finder | None = None
        self._made_of: tuple[Settings | None, object] = (None, None)
        self._until = 0.0

    def find(self, query: Query) -> tuple[Answer, int]:
        """Answers a query; also says among how many frames.

        Raises:
            ThumbAssetsError: as `Searched.of_store` and `Finder.find`.
        """
        with self._lock:
            finder = self._current()
            return finder.find(query), finder.num_frames

    def _current(self) -> Finder:
        settings = self._settings()
        made_of = (settings, _stamps(self._store))
        is_same = made_of == self._made_of or (self._is_busy() and settings == self._made_of[0])
        if self._finder is None or not is_same or self._clock() >= self._until:
            self._finder = Finder(Searched.of_store(self._store), settings, self._store)
            self._made_of, self._until = made_of, self._clock() + _SECONDS_KEPT
        return self._finder


def _stamps(store: TableStore) -> list[tuple[int, int] | None]:
    """Time and size of the catalog's files: it is written after the tables of every video that was made."""
    stamps: list[tuple[int, int] | None] = []
    for suffix in ("", "-wal"):
        try:
            found = store.catalog_path.with_name(store.catalog_path.name + suffix).stat()
        except OSError:
            stamps.append(None)
        else:
            stamps.append((found.st_mtime_ns, found.st_size))
    return stamps
