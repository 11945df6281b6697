"""One look at the library as a sensor takes it: a portion, no file under way, and what became of old ones."""

import os
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from thumb_assets.errors import BadInputError
from thumb_assets.settings.operation import LibrarySettings
from thumb_assets.store.file_cache import FileCache, LibraryVideo
from thumb_assets.store.set_aside import NoVideoError, SetAside


@dataclass(frozen=True)
class Discovery:
    """The findings of one look.

    Attributes:
        videos: in the files that were looked at, known ones and new ones.
        replaced: ids whose file has another content now, each with the new id.
        lost: ids of which every file is gone; known after the last portion only.
        num_unsettled: files that may still be written.
        errors: one per file that cannot be used.
        set_aside: files that were looked at and are no videos.
        after: where the next look goes on; None after the last portion.
    """

    videos: tuple[LibraryVideo, ...] = ()
    replaced: dict[str, str] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    num_unsettled: int = 0
    errors: tuple[BadInputError, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    after: bytes | None = None


def discover(
    files: Sequence[Path], cache: FileCache, settings: LibrarySettings, *, after: bytes | None, now: float
) -> Discovery:
    """Looks at the next portion of the library's files.

    Args:
        files: all files of the library; only names were read so far.
        after: `Discovery.after` of the look before; None begins at the first file.
        now: seconds since the epoch.

    Raises:
        StorageError: the cache cannot be written.
    """
    ordered = sorted(files, key=os.fsencode)
    begin = 0 if after is None else bisect_right(ordered, after, key=os.fsencode)
    return _Look(cache, settings, now).at(ordered, begin)


class _Look:
    def __init__(self, cache: FileCache, settings: LibrarySettings, now: float) -> None:
        self._cache = cache
        self._settings = settings
        self._now = now
        self._known = cache.contents()
        self._paths_by_id: dict[str, list[bytes]] = defaultdict(list)
        for path, contents in self._known.items():
            for content in contents:
                self._paths_by_id[content.video_id].append(path)
        self._arrivals = cache.arrivals()
        self._unsettled: dict[bytes, tuple[int, int, float]] = {}
        self._settled: list[bytes] = []
        self._videos: list[LibraryVideo] = []
        self._replaced: dict[str, str] = {}
        self._errors: list[BadInputError] = []
        self._num_new = 0
        self._stop_at = time.monotonic() + settings.max_hash_seconds_per_tick

    def at(self, files: Sequence[Path], begin: int) -> Discovery:
        end = min(len(files), begin + self._settings.max_files_per_tick)
        position = begin
        while position < end and not self._is_full():
            self._take(files[position])
            position += 1
        is_last = position == len(files)
        self._cache.note_arrivals(self._unsettled, forget=self._settled)
        here = {video.video_id for video in self._videos}
        return Discovery(
            videos=tuple(self._videos),
            replaced={former: video_id for former, video_id in self._replaced.items() if former not in here},
            lost=tuple(self._lost(files)) if is_last else (),
            num_unsettled=len(self._unsettled),
            errors=tuple(error for error in self._errors if not isinstance(error, NoVideoError)),
            set_aside=tuple(
                SetAside(error.path, error.reason) for error in self._errors if isinstance(error, NoVideoError)
            ),
            after=None if is_last else os.fsencode(files[position - 1]),
        )

    def _is_full(self) -> bool:
        # A file that takes longer to hash than all of the time is hashed nevertheless, by itself.
        is_late = self._num_new > 0 and time.monotonic() > self._stop_at
        return self._num_new >= self._settings.max_new_per_tick or is_late

    def _take(self, path: Path) -> None:
        key = os.fsencode(path)
        try:
            status = path.stat()
        except OSError:
            return  # gone since it was listed; a link that leads nowhere
        stamp = status.st_size, status.st_mtime_ns
        known = self._known.get(key, [])
        content = next((content for content in known if content.stamp == stamp), None)
        is_hashed_anew = self._settings.content_hash == "always"
        if content is None or is_hashed_anew:
            if not self._is_settled(key, stamp):
                self._unsettled[key] = (*stamp, self._arrivals.get(key, (*stamp, self._now))[2])
                return
            videos = self._cache.describe([path], on_error=self._errors.append, is_hashed_anew=is_hashed_anew)
            if not videos:
                return
            self._num_new += 1  # what is no video, or cannot be read, takes no time
            video = videos[0]
        else:
            video = LibraryVideo(content.video_id, path, content.sha256, stamp[0])
        self._settled += [key] if key in self._arrivals else []
        self._videos.append(video)
        for former in known:
            if former.video_id != video.video_id and not self._is_elsewhere(former.video_id, key):
                self._replaced[former.video_id] = video.video_id

    def _is_settled(self, key: bytes, stamp: tuple[int, int]) -> bool:
        """True when nobody has written to the file for a while, by its own stamp or by what was seen of it before."""
        seconds = self._settings.settle_seconds
        if self._now - stamp[1] / 1e9 >= seconds:
            return True
        if self._arrivals.get(key, ())[:2] != stamp:
            self._arrivals[key] = (*stamp, self._now)
        return self._now - self._arrivals[key][2] >= seconds

    def _is_elsewhere(self, video_id: str, key: bytes) -> bool:
        """True when another file has that content."""
        return any(self._has(other, video_id) for other in self._paths_by_id[video_id] if other != key)

    def _has(self, key: bytes, video_id: str) -> bool:
        try:
            status = Path(os.fsdecode(key)).stat()
        except OSError:
            return False
        stamp = status.st_size, status.st_mtime_ns
        return any(content.video_id == video_id and content.stamp == stamp for content in self._known[key])

    def _lost(self, files: Sequence[Path]) -> list[str]:
        """Ids of which no path exists any more; one whose path has another content was replaced, not lost."""
        listed = {os.fsencode(path) for path in files}
        return sorted(
            video_id
            for video_id, paths in self._paths_by_id.items()
            if not any(path in listed or os.path.lexists(path) for path in paths)
        )
