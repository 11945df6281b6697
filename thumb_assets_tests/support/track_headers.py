"""Writes into the header of a finished file what FFmpeg's writers do not: a container's crop, and Dolby Vision.

A box or an element is added to the one video track, and all sizes around it are mended.
"""

import struct
from pathlib import Path

_MP4_PATH = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_SEGMENT, _TRACKS, _TRACK, _VIDEO, _VOID = "18538067", "1654ae6b", "ae", "e0", "ec"


def clap(width: int, height: int, *, left: int, top: int, right: int, bottom: int) -> bytes:
    """MP4's box of a clean aperture that leaves these columns and rows of a picture of that size out."""
    numbers = (width - left - right, 1, height - top - bottom, 1, left - right, 2, top - bottom, 2)
    return struct.pack(">I4s8i", 40, b"clap", *numbers)


def dolby_vision(profile: int, compatibility: int) -> bytes:
    """Dolby Vision's configuration record, 24 bytes, with a base layer and metadata."""
    level = 6
    return bytes([1, 0, profile << 1 | level >> 5, (level & 31) << 3 | 0b101, compatibility << 4]) + bytes(19)


def add_box(path: Path, box: bytes) -> Path:
    """Puts a box into the sample entry of the first track of an MP4 whose index is at its end."""
    data = bytearray(path.read_bytes())
    at, end, parents = 0, len(data), []
    for kind in _MP4_PATH:
        while data[at + 4 : at + 8] != kind:
            at += int.from_bytes(data[at : at + 4], "big")
            assert at < end, kind
        parents.append(at)
        at += 8
    entry = at + 8  # stsd: version, flags, number of entries
    parents.append(entry)
    insert_at = entry + int.from_bytes(data[entry : entry + 4], "big")
    for parent in parents:
        struct.pack_into(">I", data, parent, int.from_bytes(data[parent : parent + 4], "big") + len(box))
    path.write_bytes(data[:insert_at] + box + data[insert_at:])
    return path


def add_pixel_crop(path: Path, *, left: int, top: int, right: int, bottom: int) -> Path:
    """Puts PixelCrop* into the only video track of a Matroska file; the Void before it gives the room."""
    sides = (("54cc", left), ("54bb", top), ("54dd", right), ("54aa", bottom))
    return _add_elements(path, [_SEGMENT, _TRACKS, _TRACK, _VIDEO], b"".join(_element(*side) for side in sides))


def add_block_addition(path: Path, record: bytes) -> Path:
    """Puts a BlockAdditionMapping with Dolby Vision's configuration into the only track of a Matroska file."""
    kind, data = b"\x41\xe7\x84dvcC", b"\x41\xed" + bytes([0x80 | len(record)]) + record
    return _add_elements(
        path, [_SEGMENT, _TRACKS, _TRACK], b"\x41\xe4" + bytes([0x80 | len(kind + data)]) + kind + data
    )


def _element(kind: str, number: int) -> bytes:
    return bytes.fromhex(kind) + b"\x82" + number.to_bytes(2, "big")


def _add_elements(path: Path, way: list[str], added: bytes) -> Path:
    data = path.read_bytes()
    at, sizes, void = 0, [], None
    for kind in way:
        while True:
            found, content, size, num_size_bytes = _header(data, at)
            if found == kind:
                break
            if found == _VOID:
                void = (at, content, size)
            at = content + size
        sizes.append((content - num_size_bytes, num_size_bytes, size))
        end, at = content + size, content
    assert void is not None
    assert void[2] >= len(added)
    out = bytearray(data)
    for place, num_bytes, size in sizes[1:]:
        marker = 1 << (7 * num_bytes)
        out[place : place + num_bytes] = (marker | size + len(added)).to_bytes(num_bytes, "big")
    out[end:end] = added
    at, content, size = void
    # The Void is cut by as many bytes: all that follows the tracks stays where the file's index says.
    out[at:content] = b"\xec" + (1 << 56 | size - len(added) + (content - at) - 9).to_bytes(8, "big")
    cut_from = at + 9
    del out[cut_from : cut_from + len(added)]
    path.write_bytes(out)
    return path


def _header(data: bytes, at: int) -> tuple[str, int, int, int]:
    """Kind in hexadecimal digits, where the content begins, its bytes, and those of the size."""
    num_kind = 9 - data[at].bit_length()
    num_size = 9 - data[at + num_kind].bit_length()
    size_at = at + num_kind
    size = int.from_bytes(data[size_at : size_at + num_size], "big") & ((1 << (7 * num_size)) - 1)
    return data[at:size_at].hex(), size_at + num_size, size, num_size
