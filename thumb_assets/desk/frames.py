"""Decodes single frames for the desk, in a process of its own; the file that was opened last stays open."""

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from thumb_assets.errors import as_thumb_assets_error
from thumb_assets.export.figures import picture_jpeg
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.fetch import FrameFetcher

_open: dict[tuple[str, int], FrameFetcher] = {}


def serve_frames(connection: "Connection[Any, Any]") -> None:
    """Keeps one frame after the other as it is asked to by the other end, until that is closed.

    Sends None for a frame that is kept, else the error. Ctrl+C is the desk's to handle; where the desk is killed, this
    process ends too, whatever it does.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_desk, daemon=True).start()
    with suppress(EOFError):
        while True:
            job = connection.recv()
            try:
                keep_frame(**job)
            except Exception as error:  # noqa: BLE001 - the process goes on with the next frame
                connection.send(as_thumb_assets_error(error, str(job["video"])))
            else:
                connection.send(None)


def _end_with_desk() -> None:
    desk = multiprocessing.parent_process()
    if desk is not None:
        desk.join()
        os._exit(0)


def keep_frame(*, path: Path, video: Path, data_dir: Path, frame: tuple[str, int], short_side: int) -> None:
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
