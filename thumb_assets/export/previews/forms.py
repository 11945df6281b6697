"""The forms that players read: WebVTT with places in sheets, and BIF."""

import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

# Roku, "BIF file creation using the Roku BIF tool", section "File format": all numbers are little-endian.
_BIF_MAGIC = b"\x89BIF\r\n\x1a\n"
_BIF_HEADER_BYTES, _BIF_VERSION, _BIF_END = 64, 0, 0xFFFFFFFF


def render_webvtt(rows: Sequence[Mapping[str, Any]]) -> str:
    """A WebVTT file whose cues name a tile each, as `FILE#xywh=X,Y,WIDTH,HEIGHT`; the first frame is at 0.

    Source: W3C, "WebVTT: The Web Video Text Tracks Format", section 4.1, and "Media Fragments URI 1.0", 4.2.2.

    Args:
        rows: of the table `previews`, the sprites of one width in order.
    """
    blocks = ["WEBVTT\n"]
    for row in rows:
        start, end = (round(1000 * row[name]) for name in ("start_seconds", "end_seconds"))
        place = ",".join(str(row[name]) for name in ("x", "y", "width", "height"))
        span = f"{timestamp(start)} --> {timestamp(max(end, start + 1))}"
        blocks.append(f"{row['tile_index'] + 1}\n{span}\n{row['file_name']}#xywh={place}\n")
    return "\n".join(blocks)


def render_bif(jpegs: Sequence[bytes], *, interval_seconds: float) -> bytes:
    """A BIF file: an index of JPEGs, one for each interval."""
    milliseconds = round(1000 * interval_seconds)
    header = _BIF_MAGIC + struct.pack("<III", _BIF_VERSION, len(jpegs), milliseconds)
    begin = _BIF_HEADER_BYTES + 8 * (len(jpegs) + 1)
    index = []
    for number, jpeg in enumerate(jpegs):
        index.append(struct.pack("<II", number, begin))
        begin += len(jpeg)
    index.append(struct.pack("<II", _BIF_END, begin))
    return header.ljust(_BIF_HEADER_BYTES, b"\0") + b"".join(index) + b"".join(jpegs)


def parse_bif(data: bytes) -> list[bytes]:
    """The JPEGs of a BIF file in order.

    Raises:
        ValueError: it is none.
    """
    if data[:8] != _BIF_MAGIC or len(data) < _BIF_HEADER_BYTES:
        raise ValueError("no BIF file")
    (num,) = struct.unpack_from("<I", data, 12)
    if len(data) < _BIF_HEADER_BYTES + 8 * (num + 1):
        raise ValueError("a BIF file whose index is cut off")
    places = [struct.unpack_from("<II", data, _BIF_HEADER_BYTES + 8 * number)[1] for number in range(num + 1)]
    return [data[begin:end] for begin, end in pairwise(places)]


def timestamp(milliseconds: int) -> str:
    """HH:MM:SS.mmm.

    >>> timestamp(3_725_004)
    '01:02:05.004'
    """
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
