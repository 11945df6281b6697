"""Counts the pictures of a packet from its headers alone: a demuxer's index is a plan, no proof.

Only the few bits are read that say so, in H.264 (ITU-T H.264 7.3), HEVC (ITU-T H.265 7.3), VP8 (RFC 6386 9.1), VP9 (VP9
bitstream specification 6.1, annex B) and AV1 (AV1 bitstream specification 5.3, 5.9). Nothing is decoded.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

Payload = bytes | memoryview

_AV1_FRAME_HEADER, _AV1_FRAME = 3, 6


@dataclass(frozen=True)
class PacketContent:
    """Content of a packet by its headers.

    Attributes:
        num_shown: pictures that are displayed because of it.
        is_fresh_start: every decoder can begin here, and nothing behind it looks back past it.
    """

    num_shown: int
    is_fresh_start: bool


class PacketError(ValueError):
    """A packet is not made of whole units of its codec."""


PacketReader = Callable[[Payload], PacketContent]


def packet_reader(codec: str, extradata: bytes | None) -> PacketReader | None:
    """The function that reads the packets of a stream; None where the codec, or its form in the file, is not known.

    Args:
        codec: FFmpeg's name of the codec.
        extradata: the stream's configuration record; says how long the length fields of H.264 and HEVC are.
    """
    record = extradata or b""
    if codec == "h264" and len(record) > 6 and record[0] == 1:
        return _NalReader((record[4] & 3) + 1, _h264_unit).read
    if codec == "hevc" and len(record) > 22 and record[0] == 1:
        return _NalReader((record[21] & 3) + 1, _hevc_unit).read
    return {"vp8": read_vp8, "vp9": read_vp9, "av1": read_av1}.get(codec)


@dataclass(frozen=True)
class _NalReader:
    """Packets of length-prefixed NAL units.

    Attributes:
        length_size: bytes of a length field.
        read_unit: (payload) -> (whether a picture begins, whether its slice lets a decoder begin), None for no slice.
    """

    length_size: int
    read_unit: Callable[[Payload], tuple[bool, bool] | None]

    def read(self, data: Payload) -> PacketContent:
        num_shown, are_fresh = 0, []
        for unit in _nal_units(data, self.length_size):
            found = self.read_unit(unit)
            if found is not None:
                num_shown += found[0]
                are_fresh.append(found[1])
        return PacketContent(num_shown, bool(are_fresh) and all(are_fresh))


def _nal_units(data: Payload, length_size: int) -> Iterator[Payload]:
    position, end = 0, len(data)
    while position < end:
        begin = position + length_size
        length = int.from_bytes(data[position:begin], "big")
        # Two bytes: HEVC's header; each H.264 unit that matters here has as many.
        if begin > end or length == 0 or begin + length > end:
            raise PacketError("a NAL unit is cut off or empty")
        yield data[begin : begin + length]
        position = begin + length


def _h264_unit(unit: Payload) -> tuple[bool, bool] | None:
    if unit[0] & 0x80:
        raise PacketError("the forbidden bit of a NAL unit is set")
    unit_type = unit[0] & 0x1F
    if unit_type not in (1, 2, 5):
        return None
    if len(unit) < 2:
        raise PacketError("a slice is empty")
    # `first_mb_in_slice` is 0, a single one bit, where a picture (or its second field) begins.
    return bool(unit[1] & 0x80), unit_type == 5


def _hevc_unit(unit: Payload) -> tuple[bool, bool] | None:
    if len(unit) < 2 or unit[0] & 0x80:
        raise PacketError("the header of a NAL unit is wrong")
    unit_type = unit[0] >> 1 & 0x3F
    if unit_type > 31:
        return None
    if len(unit) < 3:
        raise PacketError("a slice is empty")
    is_base_layer = unit[0] & 1 == 0 and unit[1] >> 3 == 0
    return bool(unit[2] & 0x80) and is_base_layer, 16 <= unit_type <= 21


def read_vp8(data: Payload) -> PacketContent:
    """A VP8 packet: one frame, shown or not.

    >>> read_vp8(b"\\x10")
    PacketContent(num_shown=1, is_fresh_start=True)
    """
    if not len(data):
        raise PacketError("a packet is empty")
    return PacketContent(data[0] >> 4 & 1, data[0] & 1 == 0)


def read_vp9(data: Payload) -> PacketContent:
    """A VP9 packet: one frame, or several with their sizes at the end."""
    frames = [_vp9_frame(frame) for frame in _vp9_frames(data)]
    return PacketContent(sum(is_shown for is_shown, _ in frames), any(is_key for _, is_key in frames))


def _vp9_frames(data: Payload) -> list[Payload]:
    if not len(data):
        raise PacketError("a packet is empty")
    marker = data[-1]
    num_frames, num_size_bytes = (marker & 7) + 1, (marker >> 3 & 3) + 1
    begin = len(data) - 2 - num_frames * num_size_bytes
    if marker & 0xE0 != 0xC0 or begin < 0 or data[begin] != marker:
        return [data]
    frames, position = [], 0
    for number in range(num_frames):
        place = begin + 1 + number * num_size_bytes
        size = int.from_bytes(data[place : place + num_size_bytes], "little")
        if size == 0 or position + size > begin:
            raise PacketError("the frames of a superframe do not fit in it")
        frames.append(data[position : position + size])
        position += size
    return frames


def _vp9_frame(data: Payload) -> tuple[bool, bool]:
    first = data[0]
    if first >> 6 != 2:
        raise PacketError("a VP9 frame has no frame marker")
    if first >> 4 & 3 == 3:  # profile 3 has a reserved bit more
        first <<= 1
    is_repeated, is_key, is_shown = bool(first & 8), not first & 4, bool(first & 2)
    return is_repeated or is_shown, is_key and is_shown and not is_repeated


def read_av1(data: Payload) -> PacketContent:
    """An AV1 packet: a temporal unit."""
    frames = [(is_shown, is_key) for is_shown, is_key in map(_av1_frame, _av1_frame_headers(data))]
    return PacketContent(sum(is_shown for is_shown, _ in frames), any(is_key for _, is_key in frames))


def _av1_frame(payload: Payload) -> tuple[bool, bool]:
    if not len(payload):
        raise PacketError("a frame header is empty")
    if payload[0] & 0x80:  # show_existing_frame
        return True, False
    is_shown = bool(payload[0] & 0x10)
    return is_shown, is_shown and payload[0] >> 5 & 3 == 0


def _av1_frame_headers(data: Payload) -> Iterator[Payload]:
    position, end = 0, len(data)
    while position < end:
        header = data[position]
        if header & 0x80:
            raise PacketError("the forbidden bit of an OBU is set")
        position += 2 if header & 4 else 1
        size = end - position
        if header & 2:
            size, position = _leb128(data, position)
        if position > end or size < 0 or position + size > end:
            raise PacketError("an OBU is cut off")
        if header >> 3 & 15 in (_AV1_FRAME_HEADER, _AV1_FRAME):
            yield data[position : position + size]
        position += size


def _leb128(data: Payload, position: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        if position + place >= len(data):
            break
        byte = data[position + place]
        value |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            return value, position + place + 1
    raise PacketError("the size of an OBU is cut off")
