"""Reads the few bytes of a track's header that PyAV does not hand on: the container's own crop, and Dolby Vision.

What belongs here: walking MP4's boxes and Matroska's elements to one track. What does not: applying a crop (geometry,
frame). A file of another container, or one whose header cannot be followed, has neither.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from thumb_assets.video.geometry import NO_CROP, Crop

_MOST_BOXES = 10_000
_MOST_TRACKS_BYTES = 16 * 2**20
# Bytes of a visual sample entry (ISO/IEC 14496-12, 12.1.3) before the boxes in it.
_SAMPLE_ENTRY_BYTES = 78
_CONFIGURATIONS = (b"dvcC", b"dvvC", b"dvwC")
# Elements of Matroska (RFC 9559).
_SEGMENT, _CLUSTER, _TRACKS, _TRACK_ENTRY, _TRACK_TYPE, _VIDEO = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0x83, 0xE0
_CROPS = {"left": 0x54CC, "top": 0x54BB, "right": 0x54DD, "bottom": 0x54AA}
_ADDITION, _ADDITION_TYPE, _ADDITION_DATA = 0x41E4, 0x41E7, 0x41ED
_IS_VIDEO = 1


@dataclass(frozen=True)
class DolbyVision:
    """The configuration record of Dolby Vision (ETSI TS 103 572, and Dolby's own on ISO media files).

    Attributes:
        profile: 5, 7, 8, 10, ...
        compatibility: what the base layer shows by itself: 0 nothing, 1 HDR10, 2 SDR, 4 HLG, 6 a Blu-ray disc's HDR10.
    """

    profile: int
    compatibility: int

    @property
    def is_shown_wrong(self) -> bool:
        """True if nothing but a decoder of Dolby Vision shows its colours."""
        return self.profile == 5 or (self.profile == 10 and self.compatibility == 0)


@dataclass(frozen=True)
class TrackFacts:
    """Facts in a track's header beside what PyAV gives."""

    crop: Crop = NO_CROP
    dolby_vision: DolbyVision | None = None


NO_FACTS = TrackFacts()


def track_facts(path: Path, container: str, *, track_id: int, video_place: int) -> TrackFacts:
    """The facts of one video track.

    Args:
        path: a local file.
        container: FFmpeg's name of its format.
        track_id: of the stream, by which MP4 names it.
        video_place: 0-based place among the file's video streams, by which Matroska's is found.
    """
    names = set(container.split(","))
    if not names & {"mov", "mp4", "matroska", "webm"}:
        return NO_FACTS
    try:
        status = path.stat()
        stamp = (status.st_size, status.st_mtime_ns)
        return _read(path, stamp, track_id if "mov" in names else None, video_place)
    except (OSError, ValueError, IndexError, ZeroDivisionError):  # damage: FFmpeg found a way, and knows no crop either
        return NO_FACTS


# One file is opened several times: for its frames, its stills and their proof.
@lru_cache(maxsize=64)
def _read(path: Path, _stamp: tuple[int, int], track_id: int | None, video_place: int) -> TrackFacts:
    with path.open("rb") as file:
        return _matroska_facts(file, video_place) if track_id is None else _mp4_facts(file, track_id)


class _Part(NamedTuple):
    """A box or an element: its kind and the span of its content in the file."""

    kind: bytes | int
    start: int
    end: int


def _mp4_facts(file: BinaryIO, track_id: int) -> TrackFacts:
    for track in _boxes_at(file, _Part(b"", 0, _length(file)), b"moov", b"trak"):
        (header,) = _boxes_at(file, track, b"tkhd")
        content = _content(file, header)
        place = 20 if content[0] == 1 else 12
        if int.from_bytes(content[place : place + 4], "big") != track_id:
            continue
        for table in _boxes_at(file, track, b"mdia", b"minf", b"stbl", b"stsd"):
            for entry in _boxes(file, table.start + 8, table.end):
                return _facts_of_entry(file, entry)
    return NO_FACTS


def _facts_of_entry(file: BinaryIO, entry: _Part) -> TrackFacts:
    inner = {box.kind: box for box in _boxes(file, entry.start + _SAMPLE_ENTRY_BYTES, entry.end)}
    file.seek(entry.start + 24)
    width, height = (int.from_bytes(file.read(2), "big") for _ in range(2))
    crop = _clean_aperture(_content(file, inner[b"clap"]), width, height) if b"clap" in inner else NO_CROP
    own = next((_dolby_vision(_content(file, inner[kind])) for kind in _CONFIGURATIONS if kind in inner), None)
    return TrackFacts(crop, own)


def _clean_aperture(content: bytes, width: int, height: int) -> Crop:
    """The crop of a `clap` box: size and offset of the centre as fractions (ISO/IEC 14496-12, 12.1.4).

    Pixels that it cuts through stay on the right and below, and go on the left and above, as in FFmpeg's reader.
    """
    numbers = [int.from_bytes(content[place : place + 4], "big", signed=True) for place in range(0, 32, 4)]
    across, down, off_x, off_y = (Fraction(*numbers[place : place + 2]) for place in range(0, 8, 2))
    margins = []
    for size, kept, offset in ((width, across, off_x), (height, down, off_y)):
        first = Fraction(size - 1, 2) + offset - (kept - 1) / 2
        last = first + kept - 1
        if not 0 <= first <= last <= size - 1:
            return NO_CROP
        margins.append((int(first), size - 1 - int(last)))
    (left, right), (top, bottom) = margins
    return Crop(left, top, right, bottom)


def _dolby_vision(content: bytes) -> DolbyVision:
    """Reads a configuration record: two bytes of version, 7 bits profile, 9 of level and layers, 4 compatibility."""
    return DolbyVision(content[2] >> 1, content[4] >> 4)


def _matroska_facts(file: BinaryIO, video_place: int) -> TrackFacts:
    whole = _Part(0, 0, _length(file))
    segments = (part for part in _elements(file, whole) if part.kind == _SEGMENT)
    for part in chain.from_iterable(_elements(file, segment) for segment in segments):
        if part.kind == _CLUSTER:
            break
        if part.kind == _TRACKS and part.end - part.start <= _MOST_TRACKS_BYTES:
            tracks = [track for track in _elements(file, part) if track.kind == _TRACK_ENTRY]
            videos = [track for track in tracks if _number_in(file, track, _TRACK_TYPE) == _IS_VIDEO]
            return _facts_of_track(file, videos[video_place])
    return NO_FACTS


def _facts_of_track(file: BinaryIO, track: _Part) -> TrackFacts:
    crop, own = NO_CROP, None
    for part in _elements(file, track):
        if part.kind == _VIDEO:
            crop = Crop(**{side: _number_in(file, part, kind) for side, kind in _CROPS.items()})
        elif part.kind == _ADDITION:
            kind = _number_in(file, part, _ADDITION_TYPE).to_bytes(8, "big")[-4:]
            for data in _elements(file, part):
                if kind in _CONFIGURATIONS and data.kind == _ADDITION_DATA:
                    own = _dolby_vision(_content(file, data))
    return TrackFacts(crop, own)


def _number_in(file: BinaryIO, parent: _Part, kind: int) -> int:
    """The unsigned number of the first such element; 0 where there is none, which is Matroska's default of these."""
    found = next((part for part in _elements(file, parent) if part.kind == kind), None)
    return 0 if found is None else int.from_bytes(_content(file, found), "big")


def _boxes_at(file: BinaryIO, parent: _Part, *path: bytes) -> Iterator[_Part]:
    for box in _boxes(file, parent.start, parent.end):
        if box.kind == path[0]:
            yield from _boxes_at(file, box, *path[1:]) if path[1:] else (box,)


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Part]:
    """The boxes of an MP4 in a span, as far as their sizes lead."""
    for _ in range(_MOST_BOXES):
        file.seek(start)
        header = file.read(16)
        if len(header) < 8 or start + 8 > end:
            return
        size, kind, content = int.from_bytes(header[:4], "big"), header[4:8], start + 8
        if size == 1:
            size, content = int.from_bytes(header[8:16], "big"), start + 16
        last = end if size == 0 else start + size  # 0: to the end of the file
        if not content <= last <= end:
            return
        yield _Part(kind, content, last)
        start = last


def _elements(file: BinaryIO, parent: _Part) -> Iterator[_Part]:
    """The elements of a Matroska file in another one; one of unknown size ends with its parent."""
    start = parent.start
    for _ in range(_MOST_BOXES):
        if start >= parent.end:
            return
        file.seek(start)
        header = file.read(12)
        kind, after_kind = _variable_number(header, 0, keeps_marker=True)
        size, after_size = _variable_number(header, after_kind, keeps_marker=False)
        content = start + after_size
        is_unknown = size == 2 ** (7 * (after_size - after_kind)) - 1
        last = parent.end if is_unknown else min(content + size, parent.end)  # a recording may have been cut off
        yield _Part(kind, content, last)
        start = last


def _variable_number(data: bytes, place: int, *, keeps_marker: bool) -> tuple[int, int]:
    """A number of EBML (RFC 8794, 4) and the place behind it.

    Raises:
        ValueError, IndexError: there is none.

    >>> _variable_number(bytes([0x40, 0x02]), 0, keeps_marker=False)
    (2, 2)
    """
    length = 9 - data[place].bit_length()
    if length > 8 or place + length > len(data):
        raise ValueError("no number of EBML")
    value = int.from_bytes(data[place : place + length], "big")
    return (value if keeps_marker else value & ((1 << (7 * length)) - 1)), place + length


def _content(file: BinaryIO, part: _Part) -> bytes:
    file.seek(part.start)
    return file.read(min(part.end - part.start, 256))


def _length(file: BinaryIO) -> int:
    return file.seek(0, 2)
