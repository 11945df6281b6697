"""From the stamps of any stream of a file to seconds on the timeline of its video."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from thumb_assets.video.timing import Clock


@dataclass(frozen=True)
class VideoStamps:
    """The video's own stamps, which other streams are placed by.

    Attributes:
        stream_index: the video's stream.
        time_base: unit of its stamps in seconds.
        container: FFmpeg's name of the format.
        frame_rate: frames per second; None where it is not known.
        offset_seconds: `pts_seconds` of the first frame beyond its stamp, as where a counter wrapped.
        num_time_jumps: places where stamps start again or jump ahead, see `Clock`.
    """

    stream_index: int
    time_base: Fraction
    container: str
    frame_rate: Fraction | None = None
    offset_seconds: float = 0.0
    num_time_jumps: int = 0

    @classmethod
    def of(cls, video: Mapping[str, Any], *, first_pts: int, first_seconds: float) -> "VideoStamps":
        """From the row of `videos`, and `pts` and `pts_seconds` of the first frame."""
        time_base = Fraction(video["time_base_num"], video["time_base_den"])
        rate = Fraction(video["average_frame_rate_num"], max(video["average_frame_rate_den"], 1))
        return cls(
            video["stream_index"],
            time_base,
            video["container"],
            rate if rate > 0 else None,
            first_seconds - float(first_pts * time_base),
            video["num_time_jumps"],
        )


class PacketTimes:
    """Seconds of packets on the video's timeline, as they come one after the other out of a file.

    Where the video's stamps start again or jump ahead, those of the other streams do so at the same place of the file:
    what the video's time was mended by there counts for them from there on.

    Attributes:
        needs_video: whether the video's packets have to be shown to `see`.
    """

    def __init__(self, stamps: VideoStamps) -> None:
        self.needs_video = stamps.num_time_jumps > 0
        self._stamps = stamps
        self._clock = Clock(stamps.time_base, container=stamps.container, frame_rate=stamps.frame_rate)
        self._offset = stamps.offset_seconds

    def see(self, packet: "av.Packet[Any]") -> bool:
        """True for a packet of the video, whose stamp is taken note of."""
        if packet.stream.index != self._stamps.stream_index:
            return False
        if self.needs_video and packet.dts is not None:
            self._offset = self._clock.seconds(packet.dts) - float(packet.dts * self._stamps.time_base)
        return True

    def seconds(self, stamp: int, time_base: Fraction) -> float:
        """Seconds of a stamp of any stream at this place of the file."""
        return float(stamp * time_base) + self._offset
