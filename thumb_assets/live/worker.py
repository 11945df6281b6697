"""Has each segment worked on as soon as it is closed, by a warm engine, the newest first."""

import logging
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import av
import numpy as np

from thumb_assets.errors import ThumbAssetsError, as_thumb_assets_error
from thumb_assets.live.ring import Ring
from thumb_assets.pipeline.isolate import run_isolated, warm_engine
from thumb_assets.pipeline.remembered import grouped
from thumb_assets.pipeline.retry import run_groups
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.config import Configuration
from thumb_assets.settings.load import Settings
from thumb_assets.settings.operation import LibrarySettings
from thumb_assets.store.outputs import num_output_bytes
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.segments import Segment, SegmentState

# These ask others or tell them, which a clip of our own is not for.
_OUTWARD = {"judgements", "published", "catalog"}
_CLIP_FRAMES, _CLIP_RATE, _CLIP_SIZE = 12, 12, (320, 180)
_LOGGER = logging.getLogger(__name__)

OnDone = Callable[[Segment], None]


class Worker:
    """One thread that works on one segment after the other.

    Args:
        ring: the segments.
        store: the data folder.
        read: gives the settings.
        on_done: called after each, in the thread.
    """

    def __init__(self, ring: Ring, store: TableStore, read: Callable[[], Configuration], *, on_done: OnDone) -> None:
        self._ring, self._store, self._read, self._on_done = ring, store, read, on_done
        self._changed = threading.Condition()
        self._is_stopped = self._is_last = False
        self._thread = threading.Thread(target=self._loop, name="live", daemon=True)

    def start(self) -> None:
        """Begins: the engine is started, and its models are loaded, while the first segment is recorded."""
        self._thread.start()

    def wake(self) -> None:
        """Says that a segment was closed."""
        with self._changed:
            self._changed.notify_all()

    def finish(self) -> None:
        """Works on all that is left, and ends."""
        with self._changed:
            self._is_last = True
            self._changed.notify_all()
        self._thread.join()

    def stop(self) -> None:
        """Takes no further segment; the next watch, or `thumb-assets run`, works on what is left."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def _loop(self) -> None:
        with warm_engine():
            with suppress(ThumbAssetsError, OSError):  # what is wrong, the first segment says
                warm_up(self._read().settings)
            while (segment := self._next()) is not None:
                self._work_on(segment)

    def _next(self) -> Segment | None:
        """The newest segment that is to be worked on, waited for; None where the thread is to end."""
        while not self._is_stopped:
            with suppress(ThumbAssetsError):
                segment = self._ring.segments.newest_closed(self._ring.name)
                if segment is not None or self._is_last:
                    return segment
            with self._changed:
                if not (self._is_stopped or self._is_last):
                    self._changed.wait(1.0)
        return None

    def _work_on(self, segment: Segment) -> None:
        reason = self._failure(segment)
        state: SegmentState = "failed" if reason else "done"
        try:
            num_bytes = num_output_bytes(self._store, segment.video_id)
            now = time.time()
            self._ring.segments.ended(segment, state, reason=reason, now=now, num_output_bytes=num_bytes)
            self._on_done(replace(segment, state=state, reason=reason, ended_at=now, num_output_bytes=num_bytes))
        except Exception as error:  # noqa: BLE001 - the thread goes on with the next segment
            _LOGGER.warning("%s", as_thumb_assets_error(error, segment.file_name))
            with self._changed:
                self._changed.wait(1.0)

    def _failure(self, segment: Segment) -> str:
        try:
            groups = grouped([segment.video_id], self._read(), self._store)
            failed = [
                str(result.message)
                for result in run_groups(groups, None, self._store)
                if result.status == "failed" and result.blocked_by is None
            ]
        except Exception as error:  # noqa: BLE001 - told of this segment; the next one is worked on
            return str(as_thumb_assets_error(error, segment.file_name))
        return failed[0] if failed else ""


def warm_up(settings: Settings) -> None:
    """Has the engine work on a clip of a second in a folder of its own, so that its models are loaded.

    Raises:
        ThumbAssetsError: the engine does not start.
    """
    settings = settings.model_copy(update={"library": LibrarySettings()})
    stages = [stage for stage in default_stages(settings) if stage not in _OUTWARD]
    with tempfile.TemporaryDirectory(prefix="thumb-assets-") as folder:
        store = TableStore(Path(folder))
        ring = Ring(store, "warm-up", settings)
        ring.folder.mkdir(parents=True)
        path = ring.folder / "clip.mkv"
        _write_clip(path)
        video = ring.described(path)
        for _ in run_isolated([video.video_id], stages, settings, store):
            pass


def _write_clip(path: Path) -> None:
    """A moving texture, which every measure has something to say of."""
    width, height = _CLIP_SIZE
    texture = np.random.default_rng(0).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    texture = np.repeat(np.repeat(texture, 4, axis=0), 4, axis=1)
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("mpeg4", rate=_CLIP_RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(_CLIP_FRAMES):
            frame = av.VideoFrame.from_ndarray(np.roll(texture, 4 * index, axis=1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
