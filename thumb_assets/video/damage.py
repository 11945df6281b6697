"""The only decode loop: packet by packet, so that a damaged one costs itself alone and every sign of damage is seen."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import av
from av.error import FFmpegError
from av.video.stream import VideoStream

# FFmpeg forgets errors met while frame threads run dry, so the last packets (more than any number of threads plus the
# deepest reordering) are compared with the pictures decoded from them.
_NUM_LAST_PACKETS = 96


class DamageError(Exception):
    """A damaged place in the file was met by a decoder that should not go on from it; never leaves this room."""


class OnDamage(Protocol):
    """Called for every sign of damage; `is_lost` if a packet gave no picture. May raise to stop the loop."""

    def __call__(self, *, is_lost: bool) -> None: ...


def decode_packets(
    packets: "Iterable[av.Packet[Any]]", stream: VideoStream, on_damage: OnDamage
) -> Iterator[av.VideoFrame]:
    """Every displayed picture that packets lead to, in presentation order, the tail flushed.

    Args:
        packets: of the stream, in the order of the file.
        on_damage: called for a packet that is refused, or that the demuxer or decoder marks as damaged.
    """
    last_packets: deque[int] = deque(maxlen=_NUM_LAST_PACKETS)
    last_pictures: deque[int] = deque(maxlen=2 * _NUM_LAST_PACKETS)
    remaining = iter(packets)
    while True:
        packet = _next_packet(remaining, on_damage)
        if packet is not None:
            if packet.is_corrupt:
                on_damage(is_lost=False)
            if packet.pts is not None and not packet.is_discard:
                last_packets.append(packet.pts)
        for picture in _decode_packet(stream, packet, on_damage):
            if picture.is_corrupt:
                on_damage(is_lost=False)
            if picture.pts is not None:
                last_pictures.append(picture.pts)
            yield picture
        if packet is None:
            break
    if set(last_packets) - set(last_pictures):
        on_damage(is_lost=False)


def _next_packet(packets: "Iterator[av.Packet[Any]]", on_damage: OnDamage) -> "av.Packet[Any] | None":
    """The next packet; None at the end of the file or where it cannot be read on."""
    try:
        packet = next(packets, None)
    except FFmpegError:
        on_damage(is_lost=True)
        return None
    if packet is not None and packet.dts is None and packet.size == 0:  # the demuxer's own flush packet
        return None
    return packet


def _decode_packet(stream: VideoStream, packet: "av.Packet[Any] | None", on_damage: OnDamage) -> list[av.VideoFrame]:
    try:
        return list(stream.codec_context.decode(packet))
    except (FFmpegError, ValueError):
        on_damage(is_lost=True)
        return []
