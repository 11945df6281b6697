"""The segments of one source in the library: taken in, taken over after a kill, removed when the room is used up."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

from thumb_assets.errors import BadInputError, StorageError, ThumbAssetsError
from thumb_assets.files import NamedLock, storage_errors
from thumb_assets.live.cutter import SUFFIX, remove_unfinished, verified
from thumb_assets.live.recorder import begin_of_name
from thumb_assets.pipeline.removal import remove_video
from thumb_assets.settings.load import Settings
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.segments import Segment, Segments

_LOGGER = logging.getLogger(__name__)


class Ring:
    """The segments of a source.

    Args:
        store: the data folder.
        name: of the source.
        settings: the room it may take, and what the library is.
    """

    def __init__(self, store: TableStore, name: str, settings: Settings) -> None:
        self._store, self.name, self._settings = store, name, settings
        self.segments = Segments(store.segments_path)
        self._library = Library(store.data_dir, video=settings.video, ignore=settings.library.ignore)
        self._mirror = Mirror(settings.library, store)
        self.folder = self._library.videos_dir / "live" / name
        self.num_removed = 0

    def lock(self) -> NamedLock:
        """The lock of whoever records the source; it is not taken here."""
        return NamedLock(self._store.data_dir / "live" / f"{self.name}.lock")

    def open(self) -> None:
        """Puts right what a kill left: unfinished files go, closed ones that were not recorded are recorded.

        Raises:
            StorageError: the disk is full, read-only or gone.
        """
        with storage_errors(self.folder, "cannot be made"):
            self.folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(self.folder)
        known = self.segments.of(self.name)
        for segment in known:
            if not (self.folder / segment.file_name).exists():
                self._forget(segment)
        recorded = {segment.file_name for segment in known}
        for path in sorted(self.folder.glob(f"{self.name}-*{SUFFIX}")):
            if path.name not in recorded:
                self._take_over(path)

    def take(self, path: Path, segment: Segment) -> Segment:
        """Takes a closed file into the library.

        Raises:
            BadInputError: it cannot be read.
            StorageError: the disk is full or gone.
        """
        video = self.described(path)
        self._mirror.announce([video])
        segment = replace(segment, video_id=video.video_id)
        self.segments.add(segment)
        return segment

    def described(self, path: Path) -> LibraryVideo:
        """The video of a file of the library folder."""
        return self._library.described(path)

    def make_room(self) -> list[Segment]:
        """Removes the oldest segments beyond the room of the source; gives those.

        What a person decided of stays, and does not count. A segment that is worked on is left for the next time.
        """
        removed = []
        kept = [each for each in self.segments.of(self.name) if self._is_kept(each)]
        names = {each.file_name for each in kept}
        room = self._settings.live.max_bytes + sum(each.num_bytes + each.num_output_bytes for each in kept)
        for segment in self.segments.of(self.name)[:-1]:
            if self.segments.num_bytes(self.name) <= room and self._has_free_space():
                break
            if segment.file_name in names:
                continue
            try:
                remove_video(segment.video_id, self._mirror, self._store)
            except ThumbAssetsError as error:
                _LOGGER.warning("%s", error)
                continue
            (self.folder / segment.file_name).unlink(missing_ok=True)
            self._forget(segment)
            removed.append(segment)
        self.num_removed += len(removed)
        return removed

    def _is_kept(self, segment: Segment) -> bool:
        """True where a person decided of one of its frames."""
        decided = self._store.read_or_none("decisions", segment.video_id) if segment.video_id else None
        return decided is not None and decided.num_rows > 0

    def _has_free_space(self) -> bool:
        return shutil.disk_usage(self.folder).free >= self._settings.export.min_free_bytes

    def _forget(self, segment: Segment) -> None:
        """Removes what was made of a segment whose file is gone, and its row; decisions stay in their records."""
        if segment.video_id:
            try:
                remove_video(segment.video_id, self._mirror, self._store)
            except StorageError as error:
                _LOGGER.warning("%s", error)
                return
            if not self._store.dagster_home.exists():  # else `prune` removes the partition and forgets it
                self._library.forget(segment.video_id)
        self.segments.remove(segment)

    def _take_over(self, path: Path) -> None:
        begins_at = begin_of_name(path.name, self.name)
        if begins_at is None:
            return
        try:
            first, num_frames, seconds = verified(path)
            segment = Segment(
                source=self.name,
                file_name=path.name,
                video_id="",
                begins_at=begins_at,
                ends_at=begins_at + seconds,
                first_pts_seconds=first,
                num_frames=num_frames,
                num_bytes=path.stat().st_size,
                closed_at=path.stat().st_mtime,
            )
            self.take(path, segment)
        except BadInputError as error:
            _LOGGER.warning("%s", error)
