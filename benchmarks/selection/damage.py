"""Damage to the bytes of an encoded stream: which packets are hit, and which frames look wrong for it."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]

# A damaged frame looks wrong where its luma is off by more than this on the average, or one 16x16 block of it is.
_MAX_MEAN_OFF, _MAX_BLOCK_OFF, _BLOCK = 6.0, 40.0, 16
# Of the packets in a damaged span, this many of so many are overwritten.
_NUM_HIT, _NUM_OF = 2, 3
# A smaller one holds hardly more than its head, without which the decoder drops the frame.
_LEAST_BYTES = 150
_MAX_TRIALS = 8
# Trials go on until so many of the frames that may be hit look wrong; the best one is taken.
_WANTED_SHARE = 0.75


@dataclass(frozen=True)
class Packet:
    """An encoded frame; stamps count frames."""

    data: bytes
    pts: int
    dts: int
    is_keyframe: bool


@dataclass(frozen=True)
class Damaged:
    """A file, and which of its frames look wrong."""

    data: bytes
    frame_indices: frozenset[int]


def damage(
    packets: Sequence[Packet], spans: Sequence[range], *, size: tuple[int, int], rate: int, seed: int
) -> Damaged:
    """An MP4 of the packets with some bytes overwritten.

    Args:
        packets: of an H.264 stream, in decoding order.
        spans: frames whose packets may be hit, each beginning with a sync frame; none leaves all as it is.
        size: (width, height).
        rate: frames per second.
        seed: of which bytes are hit, and by what.

    Raises:
        RuntimeError: in no trial was the damage seen and every frame decoded: left-out ones would shift all labels.
    """
    clean = _muxed(packets, {}, size=size, rate=rate)
    if not spans:
        return Damaged(clean, frozenset())
    wanted = {index for span in spans for index in span}
    num_frames, lumas = _lumas(clean, wanted)
    best = Damaged(clean, frozenset())
    for trial in range(_MAX_TRIALS):
        # Where hardly anything moves, only the first sync frame of a span makes what follows look wrong.
        overwritten = _overwritten(packets, spans, seed=seed + trial, with_first=trial >= _MAX_TRIALS // 2)
        data = _muxed(packets, overwritten, size=size, rate=rate)
        num_found, found = _lumas(data, wanted)
        if num_found == num_frames == len(packets):
            wrong = frozenset(index for index in wanted if looks_wrong(found[index], lumas[index]))
            if len(wrong) > len(best.frame_indices):
                best = Damaged(data, wrong)
        if len(best.frame_indices) >= _WANTED_SHARE * len(wanted):
            return best
    if not best.frame_indices:
        raise RuntimeError(f"no damage in {_MAX_TRIALS} trials kept every frame and was seen")
    return best


def overwrite(data: bytes, *, seed: int) -> bytes:
    """A packet whose later part is overwritten with noise, its head kept so that a decoder tries.

    No byte is 0: a start code made by chance would be another kind of damage.
    """
    rng = np.random.default_rng(seed)
    out = np.frombuffer(data, np.uint8).copy()
    head = min(60, len(out) // 4)
    if len(out) - head < 8:
        return data
    begin = int(rng.integers(head, head + (len(out) - head) // 3 + 1))
    end = int(rng.integers(begin + (len(out) - begin) // 2, len(out) + 1))
    out[begin:end] = rng.integers(1, 256, end - begin, np.uint8)
    return out.tobytes()


def looks_wrong(luma: UInt8Array, clean: UInt8Array) -> bool:
    """True if a damaged frame is visibly off: on the average, or in one block of 16x16."""
    off = np.abs(luma.astype(np.int16) - clean)
    lines, columns = (side // _BLOCK * _BLOCK for side in off.shape)
    blocks = off[:lines, :columns].reshape(lines // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK).mean(axis=(1, 3))
    return bool(off.mean() > _MAX_MEAN_OFF or blocks.max() > _MAX_BLOCK_OFF)


def decoded(file: Path | io.BytesIO) -> Iterator[av.VideoFrame]:
    """The frames as one decoder thread gives them, passing over packets it refuses."""
    with av.open(str(file) if isinstance(file, Path) else file) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue


def _overwritten(packets: Sequence[Packet], spans: Sequence[range], *, seed: int, with_first: bool) -> dict[int, bytes]:
    """By place in the stream: the new bytes of the packets that are hit."""
    firsts = {span.start for span in spans}
    out = {}
    for place, packet in enumerate(packets):
        if len(packet.data) < _LEAST_BYTES or not any(packet.pts in span for span in spans):
            continue
        if packet.pts in firsts and not with_first:
            continue
        # Sync frames always: in footage that hardly moves nothing else is there to be damaged.
        if packet.is_keyframe or place % _NUM_OF < _NUM_HIT:
            out[place] = overwrite(packet.data, seed=seed * 10_000 + place)
    return out


def _muxed(packets: Sequence[Packet], overwritten: Mapping[int, bytes], *, size: tuple[int, int], rate: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
        stream.time_base = Fraction(1, rate)
        for place, each in enumerate(packets):
            packet = av.Packet(overwritten.get(place, each.data))
            packet.pts, packet.dts, packet.time_base = each.pts, each.dts, Fraction(1, rate)
            packet.is_keyframe, packet.stream = each.is_keyframe, stream
            container.mux(packet)
    return file.getvalue()


def _lumas(data: bytes, wanted: set[int]) -> tuple[int, dict[int, UInt8Array]]:
    """Number of decoded frames, and the luma of those that are wanted."""
    lumas, number = {}, 0
    for number, picture in enumerate(decoded(io.BytesIO(data)), start=1):
        if number - 1 in wanted:
            lumas[number - 1] = np.asarray(picture.to_ndarray(format="gray"), np.uint8)
    return number, lumas
