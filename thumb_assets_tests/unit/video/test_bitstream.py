"""Number of pictures that a packet shows, read from made packets of each codec and from real ones."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from thumb_assets.video.bitstream import PacketContent, PacketError, packet_reader, read_av1, read_vp8, read_vp9

_AVCC = bytes([1, 100, 0, 31, 0xFF, 0xE1, 0, 0])  # length fields of 4 bytes
_HVCC = bytes([1, *[0] * 20, 0xFF, 0])


def _units(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def test_h264_counts_pictures_by_their_first_slice() -> None:
    read = packet_reader("h264", _AVCC)
    assert read is not None
    sei, first, second = b"\x06\x05", b"\x65\x88", b"\x65\x48"
    assert read(_units(sei, first, second)) == PacketContent(1, True)
    assert read(_units(b"\x41\x9a")) == PacketContent(1, False)
    assert read(_units(b"\x41\x9a", b"\x41\x9a")).num_shown == 2  # the two fields of an interlaced picture
    assert read(_units(sei)).num_shown == 0


@pytest.mark.parametrize("damaged", [b"\x00\x00\x00\x00", _units(b"\x65\x88")[:-1], _units(b"\xe5\x88"), b"\x00\x00"])
def test_h264_refuses_what_is_not_whole(damaged: bytes) -> None:
    read = packet_reader("h264", _AVCC)
    assert read is not None
    with pytest.raises(PacketError):
        read(damaged)


def test_hevc_knows_where_decoding_can_begin() -> None:
    read = packet_reader("hevc", _HVCC)
    assert read is not None
    assert read(_units(bytes([21 << 1, 1, 0x80]))) == PacketContent(1, True)  # CRA
    assert read(_units(bytes([1 << 1, 1, 0x80]), bytes([1 << 1, 1, 0x00]))) == PacketContent(1, False)
    assert read(_units(bytes([1 << 1, 9, 0x80]))).num_shown == 0  # of another layer


def test_vp8_frames_may_be_hidden() -> None:
    assert read_vp8(b"\x11") == PacketContent(1, False)
    assert read_vp8(b"\x01").num_shown == 0


def test_vp9_superframe_shows_one_of_its_frames() -> None:
    key, hidden, shown = b"\x82\x00", b"\x84\x00", b"\x86\x00"
    assert read_vp9(key) == PacketContent(1, True)
    marker = 0xC0 | 1
    assert read_vp9(hidden + shown + bytes([marker, 2, 2, marker])) == PacketContent(1, False)
    assert read_vp9(hidden).num_shown == 0
    with pytest.raises(PacketError):
        read_vp9(b"\x00\x01")
    with pytest.raises(PacketError):
        read_vp9(hidden + shown + bytes([marker, 2, 9, marker]))


def test_av1_temporal_unit_counts_shown_frames() -> None:
    delimiter, key = b"\x12\x00", b"\x32\x02\x10\x00"
    assert read_av1(delimiter + key) == PacketContent(1, True)
    assert read_av1(delimiter + b"\x32\x01\x20" + b"\x1a\x01\x80") == PacketContent(1, False)
    with pytest.raises(PacketError):
        read_av1(b"\x32\x09\x10")


def test_other_codecs_and_forms_are_not_read() -> None:
    assert packet_reader("mpeg2video", b"") is None
    assert packet_reader("h264", b"\x00\x00\x00\x01\x67\x64\x00") is None  # start codes, not lengths


@pytest.mark.parametrize("name", ["b_frames", "hevc_10_bit", "vp9", "vp9_alt_ref", "vp8", "av1"])
def test_real_packets_each_show_one_picture(name: str, synthetic_videos: Callable[[str], Path]) -> None:
    with av.open(str(synthetic_videos(name))) as container:
        stream = container.streams.video[0]
        read = packet_reader(stream.codec_context.codec.canonical_name, stream.codec_context.extradata)
        assert read is not None
        for packet in container.demux(stream):
            if packet.size:
                content = read(memoryview(packet))
                assert content.num_shown == (1 if packet.pts is not None else 0)
                assert content.is_fresh_start == packet.is_keyframe
