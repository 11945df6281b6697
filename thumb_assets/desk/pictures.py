"""The desk's small pictures: made once, kept in `desk/` of the data folder, which can be deleted at any time."""

import shutil
import threading
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from thumb_assets.desk.covers import Covers
from thumb_assets.desk.frames import serve_frames
from thumb_assets.errors import BadInputError, StorageError
from thumb_assets.store.parquet import TableStore

# Shorter side of a frame's picture, in pixels, by what it is for.
SIZES = {"small": 180, "large": 720}
# A frame is decoded from the sync frame before it; a file that answers no more must not hold the page for ever.
_MOST_SECONDS = 60.0
_ADVICE = "replace or convert the file"
_MOST_BYTES = 2_000_000_000


class Pictures:
    """Covers and frames as JPEG files.

    Frames are decoded in a process of their own: a decoder that dies on a damaged file costs one picture.

    Args:
        store: the data folder.
    """

    def __init__(self, store: TableStore) -> None:
        self._store = store
        self.covers = Covers(store, store.data_dir / "desk" / "covers")
        self._folder = store.data_dir / "desk"
        self._lock = threading.Lock()
        self._process: SpawnProcess | None = None
        self._connection: Connection[Any, Any]

    def start(self) -> None:
        """Starts the process that decodes: what it imports takes seconds, which the first picture need not wait for."""
        with self._lock:
            _trim(self._folder / "frames")
            self._running()
        self.covers.start()

    def close(self) -> None:
        """Ends the process that decodes; a picture under way is not waited for."""
        self.covers.stop()
        self._end()

    def frame(self, video_id: str, frame_index: int, size: str, *, video: Path) -> Path:
        """The picture of one frame, proven by its hash.

        Args:
            size: a key of SIZES.
            video: its file.

        Raises:
            BadInputError: there is no such size, or the decoder died on the file.
            ThumbAssetsError: the frame cannot be fetched; see `FrameFetcher`.
        """
        if size not in SIZES:
            raise BadInputError(f"{size!r} is no size; they are {', '.join(SIZES)}")
        path = self._folder / "frames" / video_id / f"{frame_index}.{size}.jpg"
        if path.is_file():
            return path
        with self._lock:  # one after the other: the process works on one at a time
            if path.is_file():
                return path
            self._keep(path, video, video_id, frame_index, SIZES[size])
        return path

    def forget(self, video_id: str) -> None:
        """Removes the pictures of a video."""
        for kind in ("covers", "frames"):
            shutil.rmtree(self._folder / kind / video_id, ignore_errors=True)

    def _keep(self, path: Path, video: Path, video_id: str, frame_index: int, short_side: int) -> None:
        where = {"path": path, "video": video, "data_dir": self._store.data_dir}
        connection = self._running()
        try:
            connection.send({**where, "frame": (video_id, frame_index), "short_side": short_side})
            is_answered = connection.poll(_MOST_SECONDS)
            error = connection.recv() if is_answered else None
        except (EOFError, OSError):
            self._end()
            raise BadInputError(f"{video}: the decoder died at frame {frame_index}; {_ADVICE}") from None
        if not is_answered:
            self._end()
            silence = f"the decoder did not answer for {_MOST_SECONDS:.0f} s at frame {frame_index}"
            raise BadInputError(f"{video}: {silence}; {_ADVICE}")
        if error is not None:
            raise error

    def _running(self) -> "Connection[Any, Any]":
        """The connection to a process that decodes."""
        if self._process is None or not self._process.is_alive():
            spawning = get_context("spawn")  # a fork would take over the threads' locks
            self._connection, theirs = spawning.Pipe()
            self._process = spawning.Process(target=serve_frames, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()  # else the process's end would never be the last
        return self._connection

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.join()
            self._connection.close()


def _trim(folder: Path) -> None:
    """Removes the pictures of the videos that were looked at longest ago, down to half of the limit."""
    if not folder.is_dir():
        return
    try:
        of_videos = sorted((each for each in folder.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime)
        sizes = {each: sum(file.stat().st_size for file in each.iterdir()) for each in of_videos}
    except OSError as error:
        raise StorageError(f"{folder}: cannot be read: {error.strerror}; check the disk") from error
    num_bytes = sum(sizes.values())
    if num_bytes <= _MOST_BYTES:
        return
    for each in of_videos:
        if num_bytes <= _MOST_BYTES / 2:
            break
        with suppress(OSError):
            shutil.rmtree(each)
            num_bytes -= sizes[each]
