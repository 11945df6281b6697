"""Damaged video files by name: a name such as `cfr.mp4|burst|1` says source, recipe and seed, and nothing else counts.

`damage(name, sources, folder)` writes that file; `case_names(source)` are the names for one source. Recipes are of two
kinds: some change the bytes of a file, whatever they mean; others know the container (MP4 boxes, EBML elements,
transport packets) or its packets and break one promise of it.
"""

import random
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

# What a case may cost: sources are cut to this many bytes and decoded pixels by copying their first packets.
_MAX_SOURCE_BYTES = 1_200_000
_MAX_SOURCE_PIXELS = 22_000_000
_MAX_SOURCE_FRAMES = 120
_MAX_WHOLE_PIXELS = 90_000_000
_RANDOM_BYTES = 60_000
_MP4_SUFFIXES = {".mp4", ".mov", ".m4v", ".avif"}
_EBML_SUFFIXES = {".mkv", ".webm"}


@dataclass(frozen=True)
class Material:
    """Material for a recipe: the source's file and bytes, another source's bytes, and chance seeded by the name."""

    path: Path
    data: bytes
    other: bytes
    random: random.Random


Recipe = Callable[[Material], bytes]


def case_names(source: str) -> list[str]:
    """Every case of a source; `source` is the file's name."""
    suffix = Path(source).suffix
    recipes = dict(_GENERIC)
    for suffixes, more in _OF_CONTAINER:
        if suffix in suffixes:
            recipes |= more
    return [f"{source}|{recipe}|{seed}" for recipe, (_, num_seeds) in recipes.items() for seed in range(num_seeds)]


def damage(name: str, sources: Mapping[str, Path], folder: Path) -> Path:
    """Writes the damaged file of that name.

    Args:
        name: see the module; the source's name in it is a key of `sources`.
        sources: short sources (see `shorten`) by file name; spliced files take their other part from the next one.
        folder: where the file goes.
    """
    source, recipe, _seed = name.split("|")
    known = sorted(sources)
    other = sources[known[(known.index(source) + 1) % len(known)]]
    path = sources[source]
    material = Material(path, path.read_bytes(), other.read_bytes(), random.Random(name))
    every = dict(_GENERIC)
    for _suffixes, more in _OF_CONTAINER:
        every |= more
    target = folder / f"damaged{path.suffix}"
    target.write_bytes(every[recipe][0](material))
    return target


def shorten(path: Path, folder: Path) -> Path:
    """The file itself where a case with it is cheap, else a copy of its first packets in the same container."""
    try:
        container = av.open(str(path))
    except av.error.FFmpegError:
        return path  # damaged as it is
    with container:
        video = container.streams.best("video")
        if video is None:
            return path
        num_pixels = max(1, video.codec_context.width * video.codec_context.height)
        num_frames = video.frames or round(float(container.duration or 0) / av.time_base * float(video.average_rate))
    num_kept = max(12, min(_MAX_SOURCE_FRAMES, _MAX_SOURCE_PIXELS // num_pixels))
    # A copy loses what is odd about the container, so a little more is allowed to stay as it is.
    if num_frames * num_pixels <= _MAX_WHOLE_PIXELS and path.stat().st_size <= _MAX_SOURCE_BYTES:
        return path
    target = folder / path.name
    _copy_packets(path, target, lambda packets: _first(packets, num_kept))
    return target


def _first(packets: "Sequence[_Packet]", num_kept: int) -> "list[_Packet]":
    kept, num_bytes = [], 0
    for packet in packets[:num_kept]:
        num_bytes += len(packet.data)
        if kept and num_bytes > _MAX_SOURCE_BYTES:
            break
        kept.append(packet)
    return kept


# Packets: demuxed, changed, muxed again. Only the video is kept.


@dataclass(frozen=True)
class _Packet:
    data: bytes
    pts: int | None
    dts: int | None
    duration: int
    is_keyframe: bool

    def with_stamps_of(self, other: "_Packet") -> "_Packet":
        return _Packet(self.data, other.pts, other.dts, other.duration, other.is_keyframe)


def _copy_packets(source: Path, target: Path, change: Callable[[list[_Packet]], list[_Packet]]) -> None:
    with av.open(str(source)) as container:
        # Not the best by FFmpeg's measure, which can be a cover of a single picture.
        video = max(container.streams.video, key=lambda stream: stream.frames, default=None)
        if video is None:
            raise LookupError(f"{source} has no video stream")
        time_base = video.time_base
        packets = [
            _Packet(bytes(packet), packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe)
            for packet in container.demux(video)
            if packet.size
        ]
        with av.open(str(target), "w") as copy:
            stream = copy.add_stream_from_template(video)
            for kept in change(packets):
                packet = av.Packet(kept.data)
                packet.pts, packet.dts, packet.duration = kept.pts, kept.dts, kept.duration
                packet.time_base, packet.stream, packet.is_keyframe = time_base, stream, kept.is_keyframe
                try:
                    copy.mux(packet)
                except (av.error.FFmpegError, ValueError):  # stamps this muxer refuses: the packet is lost
                    continue


def _of_packets(change: Callable[[list[_Packet], random.Random], list[_Packet]]) -> Recipe:
    def make(material: Material) -> bytes:
        target = material.path.with_name(f"muxing-{material.random.getrandbits(64):x}{material.path.suffix}")
        try:
            _copy_packets(material.path, target, lambda packets: change(packets, material.random))
            return target.read_bytes()
        except (av.error.FFmpegError, ValueError, LookupError, FileNotFoundError):
            return _truncate(material, 0.3, 0.9)  # a source that cannot be copied is damaged in a plainer way
        finally:
            target.unlink(missing_ok=True)

    return make


def _drop_packets(packets: list[_Packet], rng: random.Random) -> list[_Packet]:
    share = rng.choice([0.02, 0.1, 0.4])
    return [packet for packet in packets if rng.random() > share]


def _drop_keyframes(packets: list[_Packet], rng: random.Random) -> list[_Packet]:
    is_first_alone = rng.random() < 0.5
    dropped = {number for number, packet in enumerate(packets) if packet.is_keyframe}
    dropped = {min(dropped)} if is_first_alone and dropped else dropped
    return [packet for number, packet in enumerate(packets) if number not in dropped]


def _reorder_packets(packets: list[_Packet], rng: random.Random) -> list[_Packet]:
    """Pictures change places, stamps stay."""
    size = rng.choice([3, 8, len(packets) or 1])
    shuffled = []
    for begin in range(0, len(packets), size):
        window = packets[begin : begin + size]
        shuffled += rng.sample(window, len(window))
    return [packet.with_stamps_of(place) for packet, place in zip(shuffled, packets, strict=True)]


def _repeat_packets(packets: list[_Packet], rng: random.Random) -> list[_Packet]:
    """Some packets carry the picture of the one before."""
    repeated, before = [], None
    for packet in packets:
        repeated.append(before.with_stamps_of(packet) if before and rng.random() < 0.2 else packet)
        before = packet
    return repeated


def _jumble_stamps(packets: list[_Packet], rng: random.Random) -> list[_Packet]:
    """Presentation stamps change places or repeat; decoding stamps stay, since muxers insist on them."""
    stamps = [packet.pts for packet in packets]
    if rng.random() < 0.5:
        rng.shuffle(stamps)
    else:
        stamps = [stamps[number // 3 * 3] for number in range(len(stamps))]
    return [
        _Packet(packet.data, pts, packet.dts, packet.duration, packet.is_keyframe)
        for packet, pts in zip(packets, stamps, strict=True)
    ]


def _cut_packets(packets: list[_Packet], rng: random.Random) -> list[_Packet]:
    """Some packets lose their second half or all but a few bytes."""
    return [
        _Packet(
            packet.data[: rng.choice([1, 5, len(packet.data) // 2 or 1])],
            packet.pts,
            packet.dts,
            packet.duration,
            packet.is_keyframe,
        )
        if rng.random() < 0.15
        else packet
        for packet in packets
    ]


# Bytes, whatever they mean.


def _header_span(data: bytes) -> tuple[int, int]:
    """Span in which the container describes itself: the `moov` box of an MP4, else the first bytes."""
    for box in _boxes(data):
        if box.kind == b"moov":
            return box.begin, box.end
    return 0, max(1, min(2048, len(data) // 4))


def _truncate(material: Material, least: float, most: float) -> bytes:
    return material.data[: int(len(material.data) * material.random.uniform(least, most))]


def _truncate_header(material: Material) -> bytes:
    begin, end = _header_span(material.data)
    # The header of an MP4 may be the last box: half of the cuts are in it, half in the first bytes.
    least, most = (begin + 1, end) if material.random.random() < 0.5 else (1, 900)
    return material.data[: material.random.randint(least, most)]


def _drop_beginning(material: Material) -> bytes:
    return material.data[material.random.randint(1, len(material.data) // 2) :]


def _cut_out(material: Material) -> bytes:
    begin = material.random.randrange(len(material.data))
    return material.data[:begin] + material.data[begin + material.random.choice([1, 188, 4096]) :]


def _flip_bits(material: Material, *, in_header: bool) -> bytes:
    data = bytearray(material.data)
    begin, end = _header_span(material.data)
    num_bits = material.random.choice([1, 4, 16] if in_header else [10, 60, 300])
    for _ in range(num_bits):
        place = material.random.randrange(begin, end) if in_header else material.random.randrange(len(data))
        if in_header or not begin <= place < end:
            data[place] ^= 1 << material.random.randrange(8)
    return bytes(data)


def _overwrite(material: Material, *, in_header: bool, with_zeros: bool) -> bytes:
    data = bytearray(material.data)
    begin, end = _header_span(material.data) if in_header else (0, len(data))
    for _ in range(1 if in_header else 3):
        place = material.random.randrange(begin, end)
        size = min(material.random.choice([4, 24, 100] if in_header else [64, 1000, 16_000]), len(data) - place)
        data[place : place + size] = bytes(size) if with_zeros else material.random.randbytes(size)
    return bytes(data)


def _splice_halves(material: Material) -> bytes:
    return material.data[: len(material.data) // 2] + material.other[len(material.other) // 2 :]


def _splice_in(material: Material) -> bytes:
    place = material.random.randrange(len(material.data))
    begin = material.random.randrange(len(material.other))
    return material.data[:place] + material.other[begin : begin + 20_000] + material.data[place:]


def _join_whole(material: Material) -> bytes:
    return material.data + material.other


def _magic_alone(material: Material) -> bytes:
    kept = material.random.choice([12, 48, 300])
    return material.data[:kept] + material.random.randbytes(_RANDOM_BYTES)


# MP4


_FULL_OF_BOXES = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta", b"moof", b"traf", b"mvex"}
_TABLES = {b"stco", b"co64", b"stsz", b"stts", b"ctts", b"elst", b"stsc", b"stss", b"trun", b"sidx"}
_HEADERS = {b"mvhd", b"tkhd", b"mdhd", b"hdlr", b"vmhd", b"stsd", b"dref", b"mehd", b"trex", b"tfhd", b"tfdt"}


@dataclass(frozen=True)
class _Box:
    kind: bytes
    begin: int
    end: int


def _boxes(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[_Box]:
    """The boxes of an MP4, those inside others included; nothing where the bytes are no boxes."""
    end = len(data) if end is None else end
    while begin + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, begin)
        header = 8
        if size == 1 and begin + 16 <= end:
            size, header = struct.unpack_from(">Q", data, begin + 8)[0], 16
        if size == 0:
            size = end - begin
        if size < header or begin + size > end or not kind.isalnum():
            return
        yield _Box(kind, begin, begin + size)
        if kind in _FULL_OF_BOXES:
            yield from _boxes(data, begin + header, begin + size)
        begin += size


def _chosen_box(material: Material, kinds: set[bytes] | None = None) -> _Box:
    boxes = [box for box in _boxes(material.data) if kinds is None or box.kind in kinds]
    return material.random.choice(boxes) if boxes else _Box(b"none", 0, min(64, len(material.data)))


def _box_size(material: Material) -> bytes:
    data, box = bytearray(material.data), _chosen_box(material)
    size = material.random.choice([0, 1, 7, 8, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, box.end - box.begin + 4])
    struct.pack_into(">I", data, box.begin, size)
    return bytes(data)


def _box_long_size(material: Material) -> bytes:
    data, box = bytearray(material.data), _chosen_box(material)
    struct.pack_into(">I", data, box.begin, 1)
    size = material.random.choice([0, 15, 2**31, 2**62, 2**63, 2**64 - 1])
    struct.pack_into(">Q", data, min(box.begin + 8, len(data) - 8), size)
    return bytes(data)


def _box_renamed(material: Material) -> bytes:
    data, box = bytearray(material.data), _chosen_box(material)
    kinds = [b"free", b"moov", b"trak", b"stbl", b"mdat", b"\0\0\0\0", b"\xff\xff\xff\xff", b"meta", b"moof"]
    data[box.begin + 4 : box.begin + 8] = material.random.choice(kinds)
    return bytes(data)


def _boxes_nested(material: Material) -> bytes:
    """Thousands of boxes in each other, each saying that it holds all the rest."""
    kind = material.random.choice([b"moov", b"trak", b"meta", b"udta"])
    depth = material.random.choice([40, 5000])
    nest = b"".join(struct.pack(">I4s", 8 * (depth - level), kind) for level in range(depth))
    place = 0
    for box in _boxes(material.data):
        place = box.end
        break
    return material.data[:place] + nest + material.data[place:]


def _table_entries(material: Material) -> bytes:
    data, box = bytearray(material.data), _chosen_box(material, _TABLES)
    for _ in range(material.random.choice([1, 5, 50])):
        if box.end - box.begin < 24:
            break
        place = box.begin + 16 + 4 * material.random.randrange((box.end - box.begin - 16) // 4)
        value = material.random.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, material.random.getrandbits(32)])
        struct.pack_into(">I", data, min(place, len(data) - 4), value)
    return bytes(data)


def _table_count(material: Material) -> bytes:
    data, box = bytearray(material.data), _chosen_box(material, _TABLES)
    value = material.random.choice([0, 1, 0x0FFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
    struct.pack_into(">I", data, min(box.begin + material.random.choice([12, 16]), len(data) - 4), value)
    return bytes(data)


def _header_fields(material: Material) -> bytes:
    """A word of a header box: time scales, sizes, matrices, the codec's name and set-up."""
    data, box = bytearray(material.data), _chosen_box(material, _HEADERS)
    for _ in range(material.random.choice([1, 3])):
        place = box.begin + 8 + material.random.randrange(max(1, box.end - box.begin - 8))
        value = material.random.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, material.random.getrandbits(32)])
        struct.pack_into(">I", data, min(place, len(data) - 4), value)
    return bytes(data)


# Matroska, WebM

_EBML_IDS = [
    bytes.fromhex(text)
    for text in (
        *("1A45DFA3", "18538067", "1549A966", "1654AE6B", "1F43B675", "1C53BB6B"),  # EBML, Segment, Info...
        *("2AD7B1", "63A2", "AE", "E0", "A3", "A0", "E7", "B0", "BA", "86"),  # TimestampScale, Tracks...
    )
]


def _ebml_places(data: bytes) -> list[tuple[int, int]]:
    """Offset and length of ids; short ones are looked for in the first bytes only, where they seldom are chance."""
    places = []
    for element_id in _EBML_IDS:
        limit = len(data) if len(element_id) >= 3 else min(len(data), 1500)
        begin = data.find(element_id, 0, limit)
        while begin >= 0:
            places.append((begin, len(element_id)))
            begin = data.find(element_id, begin + 1, limit)
    return sorted(places) or [(0, 4)]


def _element_id(material: Material) -> bytes:
    data = bytearray(material.data)
    begin, length = material.random.choice(_ebml_places(material.data))
    data[begin : begin + length] = material.random.choice(
        [bytes(length), b"\xff" * length, b"\xec" * length, material.random.randbytes(length)]
    )
    return bytes(data)


def _element_size(material: Material) -> bytes:
    data = bytearray(material.data)
    begin, length = material.random.choice(_ebml_places(material.data))
    sizes = ["80", "FF", "81", "01FFFFFFFFFFFFFF", "017FFFFFFFFFFFFF", "0100000000000000", "08FFFFFFFF", "00"]
    size = bytes.fromhex(material.random.choice(sizes))
    data[begin + length : begin + length + len(size)] = size
    return bytes(data)


def _element_value(material: Material) -> bytes:
    data = bytearray(material.data)
    for _ in range(3):
        begin, length = material.random.choice(_ebml_places(material.data))
        place = begin + length + 1
        data[place : place + 3] = material.random.choice([bytes(3), b"\xff\xff\xff", material.random.randbytes(3)])
    return bytes(data)


def _elements_nested(material: Material) -> bytes:
    """A thousand masters in each other, each of the greatest size."""
    kind = material.random.choice(["1F43B675", "1654AE6B", "1C53BB6B", "A0"])
    nest = bytes.fromhex(kind + "017FFFFFFFFFFFFF") * 1000
    place = material.data.find(bytes.fromhex("1549A966"))
    return material.data[: max(place, 0)] + nest + material.data[max(place, 0) :]


# MPEG transport stream

_TS_SIZE = 188


def _ts_packets(data: bytes) -> list[bytes]:
    return [data[begin : begin + _TS_SIZE] for begin in range(0, len(data), _TS_SIZE)]


def _sync_bytes(material: Material) -> bytes:
    data = bytearray(material.data)
    share = material.random.choice([0.02, 0.3, 1.0])
    for begin in range(0, len(data), _TS_SIZE):
        if material.random.random() < share:
            data[begin] = material.random.randrange(256)
    return bytes(data)


def _transport_packets(material: Material) -> bytes:
    """Transport packets lost, repeated or exchanged with a neighbour."""
    kept: list[bytes] = []
    for packet in _ts_packets(material.data):
        chance = material.random.random()
        if chance < 0.02:
            continue
        kept += [packet, packet] if chance < 0.04 else [packet]
        if chance > 0.97 and len(kept) > 1:
            kept[-1], kept[-2] = kept[-2], kept[-1]
    return b"".join(kept)


def _transport_headers(material: Material) -> bytes:
    """Stream ids, flags and continuity counters at random."""
    data = bytearray(material.data)
    for begin in range(0, len(data) - 4, _TS_SIZE):
        if material.random.random() < 0.05:
            data[begin + material.random.choice([1, 2, 3])] = material.random.randrange(256)
    return bytes(data)


def _program_tables(material: Material) -> bytes:
    """The tables that say which stream is what: cleared or at random, all of them."""
    data = bytearray(material.data)
    is_cleared = material.random.random() < 0.5
    for begin in range(0, len(data) - _TS_SIZE, _TS_SIZE):
        stream_id = (data[begin + 1] & 0x1F) << 8 | data[begin + 2]
        if stream_id in {0, 0x1000}:
            for place in range(begin + 5, begin + 40):
                data[place] = 0 if is_cleared else material.random.randrange(256)
    return bytes(data)


_GENERIC: dict[str, tuple[Recipe, int]] = {
    "truncate_header": (_truncate_header, 1),
    "truncate_middle": (lambda material: _truncate(material, 0.1, 0.9), 2),
    "truncate_end": (lambda material: material.data[: -material.random.randint(1, 400)], 1),
    "drop_beginning": (_drop_beginning, 1),
    "cut_out": (_cut_out, 1),
    "bits_in_header": (lambda material: _flip_bits(material, in_header=True), 2),
    "bits_in_payload": (lambda material: _flip_bits(material, in_header=False), 2),
    "burst_in_header": (lambda material: _overwrite(material, in_header=True, with_zeros=False), 1),
    "burst": (lambda material: _overwrite(material, in_header=False, with_zeros=False), 1),
    "zeros_in_header": (lambda material: _overwrite(material, in_header=True, with_zeros=True), 1),
    "zeros": (lambda material: _overwrite(material, in_header=False, with_zeros=True), 1),
    "drop_packets": (_of_packets(_drop_packets), 1),
    "drop_keyframes": (_of_packets(_drop_keyframes), 1),
    "reorder_packets": (_of_packets(_reorder_packets), 1),
    "repeat_packets": (_of_packets(_repeat_packets), 1),
    "jumble_stamps": (_of_packets(_jumble_stamps), 1),
    "cut_packets": (_of_packets(_cut_packets), 1),
    "splice_halves": (_splice_halves, 1),
    "splice_in": (_splice_in, 1),
    "join_whole": (_join_whole, 1),
    "magic_alone": (_magic_alone, 1),
}
_OF_CONTAINER: tuple[tuple[set[str], dict[str, tuple[Recipe, int]]], ...] = (
    (
        _MP4_SUFFIXES,
        {
            "box_size": (_box_size, 1),
            "box_long_size": (_box_long_size, 1),
            "box_renamed": (_box_renamed, 1),
            "boxes_nested": (_boxes_nested, 1),
            "table_entries": (_table_entries, 2),
            "table_count": (_table_count, 1),
            "header_fields": (_header_fields, 2),
        },
    ),
    (
        _EBML_SUFFIXES,
        {
            "element_id": (_element_id, 2),
            "element_size": (_element_size, 2),
            "element_value": (_element_value, 2),
            "elements_nested": (_elements_nested, 1),
        },
    ),
    (
        {".ts"},
        {
            "sync_bytes": (_sync_bytes, 2),
            "transport_packets": (_transport_packets, 2),
            "transport_headers": (_transport_headers, 2),
            "program_tables": (_program_tables, 2),
        },
    ),
)
