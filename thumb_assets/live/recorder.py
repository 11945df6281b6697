"""Follows a source: cuts it at sync frames, opens it again when it is lost, and records each closed segment."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import av

from thumb_assets.errors import BadInputError, NetworkError, StorageError
from thumb_assets.files import storage_errors
from thumb_assets.live.arrivals import Arrival, Source, Stop, StopWatching, ticks_of
from thumb_assets.live.cutter import SUFFIX, Closed, Cutter, form_of
from thumb_assets.live.timeline import Timeline
from thumb_assets.settings.live import LiveSettings
from thumb_assets.store.segments import Segment

# After a connection a source may send at once what it has kept. Its place on the clock is known once packets have not
# come sooner after their stamps, by more than this, for so long; a source that always hurries is placed all the same.
_SETTLE_SECONDS, _SOONER_SECONDS = 4.0, 0.25
_MAX_SETTLE_SECONDS = 60.0
# A gap below this is a matter of the clock.
_LEAST_GAP_SECONDS = 0.5
# Without a sync frame for so many segments a source cannot be cut.
_MOST_SEGMENTS_WITHOUT_SYNC = 15
_LOGGER = logging.getLogger(__name__)

OnSegment = Callable[[Path, Segment], object]


class Recorder:
    """Records one source until it ends or is stopped.

    Args:
        source: what is recorded.
        folder: of its segments, in the library folder.
        settings: lengths and waits.
        stop: ends it.
        on_segment: takes each closed file and what is known of it, without its video_id.
        last_end: where the last known segment ended, in seconds since the epoch.
    """

    def __init__(
        self,
        source: Source,
        folder: Path,
        settings: LiveSettings,
        stop: Stop,
        *,
        on_segment: OnSegment,
        last_end: float | None = None,
    ) -> None:
        self._source, self._folder, self._settings, self._stop = source, folder, settings, stop
        self._on_segment = on_segment
        self._timeline, self._last_end = Timeline(last_end), last_end
        self._cutter: Cutter | None = None
        self._held: list[Closed] = []
        self._settles_at = self._settles_by = 0.0
        self._soonest = float("inf")
        self._run: int | None = None
        self._lost_run: int | None = None
        self._last_stamp: float | None = None
        self._last_at = 0.0
        self._waits_since: float | None = None
        self._gap_reason = "" if last_end is None else "the watch was not running"
        self._number = 0
        self.num_lost = 0

    def record(self) -> None:
        """Follows the source to its end.

        Raises:
            BadInputError: the source can never be recorded.
            StorageError: the disk is full or gone.
        """
        try:
            while self._has_more():
                pass
        except StopWatching:
            pass
        finally:
            self._close()
            self._publish_held()

    def _has_more(self) -> bool:
        """Follows the source until it is lost, and waits; False where it has ended."""
        waits = chain(self._settings.reconnect_seconds, repeat(self._settings.reconnect_seconds[-1]))
        while True:
            try:
                for arrival in self._source.arrivals(self._stop):
                    self._take(arrival)
                    waits = chain(self._settings.reconnect_seconds, repeat(self._settings.reconnect_seconds[-1]))
            except NetworkError as error:
                self._lost_run = self._lost_run if self._run is None else self._run
                self._end_run(f"the source was lost: {error}")
                self.num_lost += 1
                wait_seconds = next(waits)
                _LOGGER.warning("%s; opened again in %g s", error, wait_seconds)
                self._stop.wait(wait_seconds)
            else:
                return False

    def _take(self, arrival: Arrival) -> None:
        packet = arrival.packet
        if packet is None:
            is_quiet = arrival.at - self._last_at > self._settings.segment_seconds
            if self._cutter is not None and (is_quiet or self._is_full(self._cutter, margin_seconds=0.5)):
                self._close()  # rather than when the next piece comes, which may be long after
            self._publish_settled()
            return
        self._last_at = arrival.at
        if packet.stream.type == "video":
            self._take_picture(packet, arrival)
        if self._cutter is not None:
            self._cutter.add(packet)

    def _take_picture(self, packet: "av.Packet[Any]", arrival: Arrival) -> None:
        pts, dts, time_base = ticks_of(packet)
        stamp = float(dts * time_base)
        if reason := self._break_before(stamp, arrival.run):
            self._end_run(reason)
        if self._run is None:
            if arrival.run == self._lost_run:
                self._timeline.resume_run()
            else:
                self._timeline.begin_run()
            self._lost_run = None
            self._run, self._waits_since, self._soonest = arrival.run, None, float("inf")
            self._settles_by = time.monotonic() + _MAX_SETTLE_SECONDS
        self._last_stamp = stamp
        if packet.is_keyframe:
            self._waits_since = None
            if self._cutter is not None and (self._is_full(self._cutter) or self._cutter.form != form_of(packet)):
                self._close()
            if self._cutter is None:
                self._number += 1
                self._cutter = Cutter(self._folder, packet, self._number)
        elif self._cutter is None:
            self._require_sync(stamp)
        self._see(arrival.at, float(pts * time_base))
        self._publish_settled()

    def _see(self, at: float, stamp: float) -> None:
        self._timeline.saw(at, stamp)
        if at - stamp < self._soonest - _SOONER_SECONDS:
            self._soonest = at - stamp
            self._settles_at = min(self._settles_by, time.monotonic() + _SETTLE_SECONDS)

    def _break_before(self, stamp: float, run: int) -> str:
        """The reason why the stamps do not go on from the last ones; empty where they do."""
        if self._run is None or self._last_stamp is None:
            return ""
        step = stamp - self._last_stamp
        if run != self._run:
            return "the source began anew"
        if step < 0:
            return f"the source's stamps went back by {-step:.3f} s"
        if step > self._settings.max_jump_seconds:
            return f"the source's stamps jumped by {step:.3f} s"
        return ""

    def _is_full(self, cutter: Cutter, *, margin_seconds: float = 0.001) -> bool:
        return cutter.seconds >= self._settings.segment_seconds - margin_seconds

    def _require_sync(self, stamp: float) -> None:
        self._waits_since = stamp if self._waits_since is None else self._waits_since
        if stamp - self._waits_since > _MOST_SEGMENTS_WITHOUT_SYNC * self._settings.segment_seconds:
            raise BadInputError(f"{self._source.shown}: sends no sync frames, so it cannot be cut; have it send some")

    def _end_run(self, reason: str) -> None:
        """Closes what is open: stamps that come next are of another clock."""
        self._close()
        self._publish_held()
        self._run, self._last_stamp, self._gap_reason = None, None, reason

    def _close(self) -> None:
        cutter, self._cutter = self._cutter, None
        if cutter is None:
            return
        try:
            self._held.append(cutter.close())
        except BadInputError as error:
            _LOGGER.warning("a segment is lost: %s", error)
            return
        self._publish_settled()

    def _publish_settled(self) -> None:
        if self._held and time.monotonic() >= self._settles_at:
            self._publish_held()

    def _publish_held(self) -> None:
        held, self._held = self._held, []
        for closed in held:
            self._publish(closed)

    def _publish(self, closed: Closed) -> None:
        """Gives a file its place on the clock, and the name that says it."""
        span = self._timeline.place(closed.begin_stamp, closed.end_stamp)
        gap_seconds = 0.0 if self._last_end is None else span.begins_at - self._last_end
        gap_seconds = gap_seconds if gap_seconds >= _LEAST_GAP_SECONDS else 0.0
        self._last_end = span.ends_at
        path = self._folder / file_name_of(self._source.name, span.begins_at)
        with storage_errors(path):
            num_bytes = closed.path.stat().st_size
            if path.exists():
                raise StorageError(f"{path}: is there already; move it away")
            closed.path.rename(path)
        segment = Segment(
            source=self._source.name,
            file_name=path.name,
            video_id="",
            begins_at=span.begins_at,
            ends_at=span.ends_at,
            first_pts_seconds=closed.first_pts_seconds,
            num_frames=closed.num_frames,
            num_bytes=num_bytes,
            gap_seconds=gap_seconds,
            gap_reason=(self._gap_reason or "the source sent nothing") if gap_seconds else "",
            closed_at=time.time(),
        )
        self._gap_reason = ""
        self._on_segment(path, segment)


def file_name_of(source: str, begins_at: float) -> str:
    """The name of a segment's file: it says when the segment begins, to the millisecond and in UTC.

    >>> file_name_of("door", 1764450312.345)
    'door-20251129T210512345Z.mkv'
    """
    milliseconds = round(begins_at * 1000)
    begin = datetime.fromtimestamp(milliseconds // 1000, tz=timezone.utc)
    return f"{source}-{begin:%Y%m%dT%H%M%S}{milliseconds % 1000:03d}Z{SUFFIX}"


def begin_of_name(file_name: str, source: str) -> float | None:
    """When a segment begins, by its file's name; None where it is no such name.

    >>> begin_of_name("door-20251129T210512345Z.mkv", "door")
    1764450312.345
    """
    text = file_name.removeprefix(f"{source}-").removesuffix(f"Z{SUFFIX}")
    if len(text) != 18 or file_name != f"{source}-{text}Z{SUFFIX}" or not text[-3:].isdigit():
        return None
    try:
        begin = datetime.strptime(text[:-3], "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return begin.timestamp() + int(text[-3:]) / 1000
