"""The demux index as a plan: every frame's place from the packets' stamps, without decoding, and when not to trust it.

A place among the displayed frames is proven by decoding from the start and by nothing else. Each rule here names a way
in which packets and displayed frames are known to differ; a file that breaks one is decoded whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.video.stream import VideoStream

from thumb_assets.video.bitstream import PacketContent, PacketError, packet_reader
from thumb_assets.video.timing import Clock

# Containers that keep a table of their sync frames and a stamp for every frame. A transport stream keeps no table, an
# AVI no presentation stamps.
_INDEXED_CONTAINERS = frozenset({"mov", "mp4", "matroska", "webm"})


class UntrustedIndexError(Exception):
    """The file's index of frames cannot be trusted or used; the message is a reason for a person."""


@dataclass(frozen=True)
class PacketFacts:
    """Facts about one packet, from the demuxer and from its own headers; `content` is None where these are damaged."""

    pts: int | None
    dts: int | None
    num_bytes: int
    is_keyframe: bool
    is_discard: bool
    is_corrupt: bool
    content: PacketContent | None


@dataclass(frozen=True)
class FrameIndex:
    """Every displayed frame of a file, by its packets.

    Attributes:
        pts: (N,) int64 ascending, stream units; the place of a stamp is its frame_index.
        num_bytes: (N,) int64, size of the packet of each frame.
        coding_place: (N,) int64, the packet's place in the file; frames that others are predicted from come early.
        sync_frames: (S,) int64 frame_index of the frames where decoding can begin, ascending, the first 0.
        sync_dts: (S,) int64 decoding stamp of those, which is what containers are searched by.
        pts_seconds: (N,) float64, as `Frame.pts_seconds` has them.
        num_time_jumps: see `Clock`.
    """

    pts: npt.NDArray[np.int64]
    num_bytes: npt.NDArray[np.int64]
    coding_place: npt.NDArray[np.int64]
    sync_frames: npt.NDArray[np.int64]
    sync_dts: npt.NDArray[np.int64]
    pts_seconds: npt.NDArray[np.float64]
    num_time_jumps: int

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def num_groups(self) -> int:
        """Groups of pictures: one per sync frame."""
        return len(self.sync_frames)

    @cached_property
    def is_keyframe(self) -> npt.NDArray[np.bool_]:
        """(N,) bool."""
        flags = np.zeros(len(self), dtype=np.bool_)
        flags[self.sync_frames] = True
        return flags

    def frame_index_of(self, pts: int) -> int | None:
        """The frame with that stamp; None where no packet has it."""
        place = int(np.searchsorted(self.pts, pts))
        return place if place < len(self) and self.pts[place] == pts else None

    def group_of(self, frame_index: int) -> int:
        """The group of pictures that a frame is in."""
        return int(np.searchsorted(self.sync_frames, frame_index, side="right")) - 1

    def span(self, group: int) -> range:
        """Frames from a sync frame up to and without the next one, in order of display."""
        end = self.sync_frames[group + 1] if group + 1 < self.num_groups else len(self)
        return range(int(self.sync_frames[group]), int(end))


def require_index(container: str) -> None:
    """Refuses containers that keep no index.

    Args:
        container: FFmpeg's name of the format.

    Raises:
        UntrustedIndexError: it keeps none.
    """
    if not _INDEXED_CONTAINERS & set(container.split(",")):
        raise UntrustedIndexError(f"the container {container} keeps no index of its frames")


def read_packets(container: av.container.InputContainer, stream: VideoStream) -> list[PacketFacts]:
    """Every packet of a stream from the container's present position, in the order of the file; nothing is decoded.

    Raises:
        UntrustedIndexError: the file cannot be read to its end, or the form of its packets is not known.
    """
    context = stream.codec_context
    read = packet_reader(context.codec.canonical_name, context.extradata)
    if read is None:
        raise UntrustedIndexError(f"packets of {context.codec.canonical_name} do not tell what they show")

    def content_of(packet: "av.Packet[Any]") -> PacketContent | None:
        try:
            return read(memoryview(packet))
        except (PacketError, IndexError):
            return None

    try:
        return [
            PacketFacts(
                packet.pts,
                packet.dts,
                packet.size,
                packet.is_keyframe,
                packet.is_discard,
                packet.is_corrupt,
                content_of(packet),
            )
            for packet in container.demux(stream)
            if packet.size or packet.dts is not None  # without both it is the demuxer's own flush packet
        ]
    except FFmpegError as error:
        raise UntrustedIndexError(f"the file cannot be read to its end ({error.strerror})") from error


def plan_frames(
    packets: Sequence[PacketFacts],
    *,
    num_frames_from_header: int | None,
    clock: Clock,
) -> FrameIndex:
    """The displayed frames that packets lead to, where every rule of trust holds.

    Args:
        packets: all packets of the stream in the order of the file.
        num_frames_from_header: what the header claims, where it claims anything.
        clock: a new one.

    Raises:
        UntrustedIndexError: names the first rule that is broken.
    """
    _require_plain_packets(packets)
    if num_frames_from_header is not None and num_frames_from_header != len(packets):
        raise UntrustedIndexError(f"the header counts {num_frames_from_header} frames, the file has {len(packets)}")
    stamps = np.array([packet.pts for packet in packets], dtype=np.int64)
    order = np.argsort(stamps, kind="stable")
    pts = stamps[order]
    if (np.diff(pts) == 0).any():
        raise UntrustedIndexError("two packets have the same stamp")
    is_sync = np.array([packet.is_keyframe for packet in packets], dtype=np.bool_)
    if not is_sync[0] or order[0] != 0:
        raise UntrustedIndexError("the file does not begin with a sync frame")
    sync_places = np.flatnonzero(is_sync)
    sync_frames = np.searchsorted(pts, stamps[sync_places])
    if (np.diff(sync_frames) <= 0).any():
        raise UntrustedIndexError("the sync frames are not in the order of display")
    return FrameIndex(
        pts=pts,
        num_bytes=np.array([packet.num_bytes for packet in packets], dtype=np.int64)[order],
        coding_place=order.astype(np.int64),
        sync_frames=sync_frames.astype(np.int64),
        sync_dts=np.array([packets[place].dts for place in sync_places.tolist()], dtype=np.int64),
        pts_seconds=np.array([clock.seconds(each) for each in pts.tolist()]),
        num_time_jumps=clock.num_jumps,
    )


def _require_plain_packets(packets: Iterable[PacketFacts]) -> None:
    """One packet, one displayed picture, with both stamps; a sync frame is one where nothing looks back past it."""
    num_packets = 0
    for place, packet in enumerate(packets):
        num_packets += 1
        problem = None
        if packet.pts is None or packet.dts is None:
            problem = "has no stamp"
        elif packet.is_discard:
            problem = "is hidden by an edit list"
        elif packet.is_corrupt or packet.content is None:
            problem = "is damaged"
        elif packet.content.num_shown != 1:
            problem = f"shows {packet.content.num_shown} pictures"
        elif packet.is_keyframe and not packet.content.is_fresh_start:
            problem = "is marked as a sync frame and is none"
        if problem:
            raise UntrustedIndexError(f"packet {place} {problem}")
    if not num_packets:
        raise UntrustedIndexError("the file has no packets")
