"""A folder into which another program puts one closed piece after the other."""

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from av.error import FFmpegError

from thumb_assets.errors import BadInputError, NetworkError
from thumb_assets.live.arrivals import Arrival, Stop, packets_of
from thumb_assets.settings.live import LiveSettings
from thumb_assets.store.library import VIDEO_SUFFIXES
from thumb_assets.video.container import open_container

_POLL_SECONDS = 0.5
# A file that did not change for so long is closed.
_SETTLE_SECONDS = 1.0


class FolderSource:
    """The pieces of a folder in the order in which they were written.

    Args:
        after: pieces that were written before are known already, in seconds since the epoch.
    """

    def __init__(self, folder: Path, name: str, settings: LiveSettings, *, after: float | None) -> None:
        self._folder, self.name, self.shown, self._settings = folder, name, str(folder), settings
        self._taken: tuple[float, str] = (float("-inf") if after is None else after, "")

    def arrivals(self, stop: Stop) -> Iterator[Arrival]:
        """See `Source`."""
        while True:
            for written_at, path in self._fresh():
                stop.check()
                self._taken = (written_at, path.name)
                try:
                    with open_container(path)[0] as container:
                        yield from packets_of(container, now=partial(float, written_at), run=0)
                except (FFmpegError, ValueError, EOFError, BadInputError) as error:
                    raise NetworkError(f"{path}: cannot be read: {error}") from error
                yield Arrival(None, written_at, 0)
            stop.wait(_POLL_SECONDS)

    def _fresh(self) -> list[tuple[float, Path]]:
        found = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    is_video = Path(entry.name).suffix.lower() in VIDEO_SUFFIXES and not entry.name.startswith(".")
                    if not is_video or not entry.is_file():
                        continue
                    written_at = entry.stat().st_mtime
                    if (written_at, entry.name) > self._taken and written_at <= time.time() - _SETTLE_SECONDS:
                        found.append((written_at, Path(entry.path)))
        except OSError as error:
            raise NetworkError(f"{self._folder}: cannot be looked at: {error.strerror}") from error
        return sorted(found)
