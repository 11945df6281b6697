"""The desk's covers: small pictures of stills, made once; those that are missing are made beside the pages."""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thumb_assets.errors import MissingInputError, ThumbAssetsError
from thumb_assets.export.figures import quick_thumbnail
from thumb_assets.files import storage_errors
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.parquet import TableStore

# Decoding, which takes most of the time, leaves the other threads alone; more would leave the pages no core.
_NUM_THREADS = 2
# A page's first pictures are made as it asks for them; where none asks, the others begin all the same.
_SECONDS_OF_FIRST_PICTURES, _MOST_SECONDS_WAITED = 1.5, 5.0
# The end of every JPEG: a picture that a power cut broke off is made again.
_JPEG_END = b"\xff\xd9"
_STILLS = "SELECT video_id, substr(file_sha256, 1, 16) AS sha256, file_name, rank FROM stills"
_COVERS = f"SELECT *, min(rank) FROM ({_STILLS}) GROUP BY video_id ORDER BY video_id"  # noqa: S608 - a constant


@dataclass(frozen=True)
class _Cover:
    """A still that stands for a video, by the beginning of its file's hash."""

    video_id: str
    sha256: str


class Covers:
    """The pictures of the videos' covers, 200 px high.

    Args:
        store: the data folder.
        folder: where they are kept; it can be deleted at any time.
    """

    def __init__(self, store: TableStore, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._catalog = Catalog(store.catalog_path)
        self._changed = threading.Condition()
        self._shown: deque[_Cover] = deque()
        self._all: list[_Cover] = []
        self._names: Mapping[_Cover, str] = {}
        self._is_looked_at: bytearray = bytearray()
        self._places: Mapping[str, int] = {}
        self._next = 0
        self._making: set[_Cover] = set()
        self._was_shown = False
        self._is_stopped = False

    def start(self) -> None:
        """Makes those that are missing, several at once: first what a page shows, then what comes behind it.

        The first pictures of a page need the cores themselves, so this waits for them.
        """
        with suppress(ThumbAssetsError):  # there is no catalog yet, or the page says what is wrong with it
            rows = self._catalog.query(_COVERS)
            self._all = [_Cover(row["video_id"], row["sha256"]) for row in rows]
            self._names = {cover: row["file_name"] for cover, row in zip(self._all, rows, strict=True)}
        self._is_looked_at = bytearray(len(self._all))
        self._places = {cover.video_id: place for place, cover in enumerate(self._all)}
        for number in range(_NUM_THREADS):
            threading.Thread(target=self._work, name=f"covers-{number}", daemon=True).start()

    def stop(self) -> None:
        """Ends that after the pictures under way."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def show(self, cards: Sequence[Mapping[str, Any]]) -> None:
        """Notes the cards that a page shows now: their pictures come next.

        Args:
            cards: as `library_view.cards` makes them.
        """
        with self._changed:
            self._was_shown = True
            self._shown = deque(_Cover(card["video_id"], card["cover"]) for card in cards if card["cover"])
            self._next = self._places.get(self._shown[-1].video_id, self._next) if self._shown else self._next
            self._changed.notify_all()

    def kept(self, video_id: str, sha256: str) -> bytes | None:
        """The picture of a video's cover; None where it is still to be made."""
        try:
            content = self._path(video_id, sha256).read_bytes()
        except OSError:
            return None
        return content if content.endswith(_JPEG_END) else None

    def make(self, video_id: str, sha256: str) -> bytes:
        """Makes that picture and keeps it in the place of the one before.

        Args:
            sha256: beginning of the hash of the still's file, so that another cover is another address.

        Raises:
            MissingInputError: the video has no such still.
            StorageError: it cannot be written.
        """
        cover = _Cover(video_id, sha256)
        with self._begun(cover):
            return self.kept(video_id, sha256) or self._made(cover)

    @contextmanager
    def _begun(self, cover: _Cover) -> Iterator[None]:
        """Waits while another thread makes the same picture."""
        with self._changed:
            self._changed.wait_for(lambda: cover not in self._making)
            self._making.add(cover)
        try:
            yield
        finally:
            with self._changed:
                self._making.discard(cover)
                self._changed.notify_all()

    def _made(self, cover: _Cover) -> bytes:
        name = self._names.get(cover) or self._file_name(cover)
        path = self._path(cover.video_id, cover.sha256)
        try:
            content = quick_thumbnail(self._store.stills_dir(cover.video_id) / name)
        except OSError:
            raise _gone(cover) from None
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Not synced to the disk, which would take ten times as long: it is looked at when it is read.
            unfinished = path.with_name(f".{cover.sha256}.{threading.get_ident()}")
            unfinished.write_bytes(content)
            unfinished.replace(path)
            for former in set(path.parent.glob("*.jpg")) - {path}:
                former.unlink(missing_ok=True)
        return content

    def _file_name(self, cover: _Cover) -> str:
        rows = self._catalog.query(
            f"SELECT file_name FROM ({_STILLS}) WHERE video_id = ? AND sha256 = ?",  # noqa: S608 - a constant
            (cover.video_id, cover.sha256),
        )
        if not rows:
            raise _gone(cover)
        return str(rows[0]["file_name"])

    def _path(self, video_id: str, sha256: str) -> Path:
        return self._folder / video_id / f"{sha256}.jpg"

    def _work(self) -> None:
        if sys.platform == "linux":  # where this is of the thread alone: pages come first
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        with self._changed:
            self._changed.wait_for(lambda: self._was_shown or self._is_stopped, _MOST_SECONDS_WAITED)
        time.sleep(_SECONDS_OF_FIRST_PICTURES)
        while (cover := self._take()) is not None:
            with suppress(ThumbAssetsError), self._begun(cover):  # the page that asks for it says so
                if not self._path(cover.video_id, cover.sha256).is_file():
                    self._made(cover)

    def _take(self) -> _Cover | None:
        """The next that may be missing; None at the end of the desk."""
        with self._changed:
            while not self._is_stopped:
                if self._shown:
                    return self._shown.popleft()
                place = self._is_looked_at.find(0, self._next)
                place = self._is_looked_at.find(0) if place < 0 else place
                if place >= 0:
                    self._is_looked_at[place] = 1
                    self._next = place + 1
                    return self._all[place]
                self._changed.wait()
        return None


def _gone(cover: _Cover) -> MissingInputError:
    return MissingInputError(f"{cover.video_id}: has no such still any more; load the page again")
