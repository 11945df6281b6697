"""Decodes single frames for pages in a process of its own, where the file that was opened last stays open."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from thumb_assets.errors import BadInputError, as_thumb_assets_error
from thumb_assets.export.figures import picture_jpeg
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.fetch import FrameFetcher

# A frame is decoded from the sync frame before it; a file that answers no more must not hold up the others for ever.
_MOST_SECONDS, _SECONDS_EACH = 120.0, 5.0
_ADVICE = "replace or convert the file"

_open: dict[tuple[str, int], FrameFetcher] = {}


@dataclass(frozen=True)
class _Job:
    """Frames of one video, and the length of their shorter side."""

    data_dir: Path
    video: Path
    video_id: str
    frame_indices: tuple[int, ...]
    short_side: int


class FrameProcess:
    """The process that decodes: one that dies on a damaged file costs those pictures, and is begun again.

    One job is done after the other, whichever thread asks.

    Args:
        store: the data folder.
    """

    def __init__(self, store: TableStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._process: SpawnProcess | None = None
        self._connection: Connection[Any, Any]

    def __enter__(self) -> "FrameProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        """Begins it: what it imports takes seconds, which the first picture need not wait for."""
        with self._lock:
            self._running()

    def pictures(
        self, video: Path, video_id: str, frame_indices: Sequence[int], *, short_side: int
    ) -> Mapping[int, bytes]:
        """JPEGs of frames that the file proves to have, by frame_index.

        Args:
            video: the file.
            short_side: length of the pictures' shorter side in pixels; a smaller video is not enlarged.

        Raises:
            BadInputError: the decoder died on the file, or did not answer.
            ThumbAssetsError: a frame cannot be fetched; see `FrameFetcher`.
        """
        job = _Job(self._store.data_dir, video, video_id, tuple(frame_indices), short_side)
        frames = ", ".join(map(str, job.frame_indices[:3]))
        most_seconds = _MOST_SECONDS + _SECONDS_EACH * len(job.frame_indices)
        with self._lock:
            connection = self._running()
            try:
                connection.send(job)
                found = connection.recv() if connection.poll(most_seconds) else None
            except (EOFError, OSError):
                self.end()
                raise BadInputError(f"{video}: the decoder died at frame {frames}; {_ADVICE}") from None
            if found is None:
                self.end()
                silence = f"the decoder did not answer for {most_seconds:.0f} s at frame {frames}"
                raise BadInputError(f"{video}: {silence}; {_ADVICE}")
        if isinstance(found, Exception):
            raise found
        return dict(found)

    def end(self) -> None:
        """Ends it; a picture under way is not waited for."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.join()
            self._connection.close()

    def _running(self) -> "Connection[Any, Any]":
        """The connection to a process that decodes."""
        if self._process is None or not self._process.is_alive():
            spawning = multiprocessing.get_context("spawn")  # a fork would take over the threads' locks
            self._connection, theirs = spawning.Pipe()
            self._process = spawning.Process(target=serve_frames, args=(theirs,), daemon=True)
            with _held_interrupt():
                self._process.start()
            theirs.close()  # else the process's end would never be the last
        return self._connection


@contextmanager
def _held_interrupt() -> Iterator[None]:
    """A process that is started inside hears no Ctrl+C until it ignores it: its imports would print a trace."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # else it is started inside, and lets interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve_frames(connection: "Connection[Any, Any]") -> None:
    """Answers one job after the other, until the other end is closed: with the pictures, or with the error.

    Ctrl+C is the parent's to handle; where that is killed, this process ends too, whatever it does.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError):
        while True:
            job: _Job = connection.recv()
            try:
                found: object = _pictures(job)
            except Exception as error:  # noqa: BLE001 - the process goes on with the next job
                found = as_thumb_assets_error(error, str(job.video))
            connection.send(found)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _pictures(job: _Job) -> dict[int, bytes]:
    fetcher = _fetcher(TableStore(job.data_dir), job.video, job.video_id)
    fetched = fetcher.fetch_many(job.frame_indices)
    return {frame.frame_index: picture_jpeg(frame.rgb(job.short_side)) for frame, _ in fetched}


def _fetcher(store: TableStore, video: Path, video_id: str) -> FrameFetcher:
    key = (video_id, store.table_path("frames", video_id).stat().st_mtime_ns if store.has("frames", video_id) else 0)
    if key not in _open:
        for fetcher in _open.values():
            fetcher.__exit__(None, None, None)
        _open.clear()
        _open[key] = FrameFetcher(video, identities_of(store.read("frames", video_id)))
    return _open[key]
