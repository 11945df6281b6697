"""Decodes single frames for the desk, in a process of its own; the file that was opened last stays open."""

import multiprocessing
import os
import signal
import threading
from pathlib import Path

from thumb_assets.export.figures import picture_jpeg
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.fetch import FrameFetcher

_open: dict[tuple[str, int], FrameFetcher] = {}


def end_with_parent() -> None:
    """Ends this process as soon as the desk is gone; Ctrl+C is the desk's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    desk = multiprocessing.parent_process()

    def watch() -> None:
        if desk is not None:
            desk.join()
            os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def get_ready() -> None:
    """Does nothing: once a process runs it, all that decoding needs is imported."""


def keep_frame(path: Path, *, video: Path, data_dir: Path, frame: tuple[str, int], short_side: int) -> None:
    """Writes the picture of one frame as JPEG.

    Args:
        path: where to.
        video: the file of the video.
        data_dir: the data folder.
        frame: video_id and frame_index.
        short_side: length of the picture's shorter side in pixels; a smaller video is not enlarged.

    Raises:
        MissingInputError: the video's frames are not known.
        VerificationError: the file does not decode to what was recorded.
        StorageError: the picture cannot be written.
    """
    store, (video_id, frame_index) = TableStore(data_dir), frame
    fetched, _ = _fetcher(store, video, video_id).fetch(frame_index)
    store.write_bytes(path, picture_jpeg(fetched.rgb(short_side)))


def _fetcher(store: TableStore, video: Path, video_id: str) -> FrameFetcher:
    key = (video_id, store.table_path("frames", video_id).stat().st_mtime_ns if store.has("frames", video_id) else 0)
    if key not in _open:
        for fetcher in _open.values():
            fetcher.__exit__(None, None, None)
        _open.clear()
        _open[key] = FrameFetcher(video, identities_of(store.read("frames", video_id)))
    return _open[key]
