"""Makes the videos of recipes, with their truth beside them, and keeps them by the recipe's digest."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from benchmarks.selection import spoil
from benchmarks.selection.damage import Packet, damage, decoded
from benchmarks.selection.footage import STRETCHES, Footage
from benchmarks.selection.plan import HEIGHT, RATE, WIDTH, Plan, Segment
from benchmarks.selection.truth import Truth, read_truth, truth_of, write_truth

UInt8Array = npt.NDArray[np.uint8]

# Another one makes every video anew: to be raised where the defects change.
_VERSION = 3
_SIZE = (WIDTH, HEIGHT)
_GOP_SIZE = 50
_X264 = {"preset": "veryfast", "crf": "20", "forced-idr": "1", "threads": "1"}
# The same file as another service would serve it.
_AGAIN = {"preset": "veryfast", "crf": "30", "threads": "1", "x264-params": "keyint=125:bframes=2"}
# Two animations per split, each the same in several videos.
_LOGO_SEEDS = {"tuning": (11, 12), "test": (21, 22)}


@dataclass(frozen=True)
class MadeVideo:
    """A made video and what is known of it.

    Attributes:
        again: the same pictures encoded again, with other keyframes and less quality; None where nobody asked for it.
    """

    name: str
    path: Path
    plan: Plan
    truth: Truth
    again: Path | None = None


def make_video(plan: Plan, footage: Footage, folder: Path, *, with_again: bool = False) -> MadeVideo:
    """The video of a recipe, from the folder where it has been made before.

    Args:
        folder: an existing one.
        with_again: also the same one encoded again.
    """
    path = folder / f"{plan.name}-{digest_of(plan)}.mp4"
    truth_path = path.with_suffix(".json")
    if not truth_path.exists():
        damaged = _write_video(path, plan, footage)
        part = truth_path.with_name(f"part-{truth_path.name}")
        write_truth(part, plan, truth_of(plan, damaged))
        part.replace(truth_path)
    again = path.with_name(f"{path.stem}-again.mp4") if with_again else None
    if again is not None and not again.exists():
        part = again.with_name(f"part-{again.name}")
        _encode_again(path, part)
        part.replace(again)
    return MadeVideo(plan.name, path, plan, read_truth(truth_path), again)


def digest_of(plan: Plan) -> str:
    """8 hex: another recipe, or the same one of other footage, has another one."""
    places = {place for segment in plan.segments for place in (segment.stretch, segment.other_stretch)} - {None}
    footage = [asdict(STRETCHES[place]) for place in sorted(places)]
    text = json.dumps([_VERSION, asdict(plan), footage], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def render(plan: Plan, footage: Footage) -> Iterator[UInt8Array]:
    """The frames of each segment in turn, (N, HEIGHT, WIDTH, 3) uint8 RGB, before any damage to bytes."""
    for segment in plan.segments:
        yield _drawn(segment, plan) if segment.stretch is None else _spoiled(segment, footage)


def _drawn(segment: Segment, plan: Plan) -> UInt8Array:
    if segment.kind == "black":
        return spoil.black(segment.num_frames, _SIZE, segment.seed)
    if segment.kind == "title":
        return spoil.title_card(segment.num_frames, _SIZE, segment.seed)
    return spoil.logo_intro(segment.num_frames, _SIZE, _LOGO_SEEDS[plan.split][segment.seed % 2])


def _spoiled(segment: Segment, footage: Footage) -> UInt8Array:
    assert segment.stretch is not None
    frames = footage.frames(segment.stretch, first=segment.first, num_frames=segment.num_frames)
    if segment.kind == "dissolve":
        assert segment.other_stretch is not None
        new = footage.frames(segment.other_stretch, first=segment.other_first, num_frames=segment.num_frames)
        return spoil.mixed(frames, new, spoil.ramp(segment.num_frames))
    return _SPOILERS.get(segment.kind, _unspoiled)(frames, segment)


def _faded(frames: UInt8Array, segment: Segment) -> UInt8Array:
    levels = spoil.ramp(segment.num_frames)
    return spoil.scaled(frames, levels if segment.direction == "in" else 1 - levels)


def _unspoiled(frames: UInt8Array, _segment: Segment) -> UInt8Array:
    """A good moment, or what is damaged when it is encoded."""
    return frames


_SPOILERS: Mapping[str, Callable[[UInt8Array, Segment], UInt8Array]] = {
    "fade": _faded,
    "blur": lambda frames, segment: spoil.defocused(frames, segment.strength),
    "pan": lambda frames, segment: spoil.panned(frames, segment.strength, segment.seed),
    "flash": lambda frames, segment: spoil.overexposed(frames, segment.strength),
    "overlay": lambda frames, segment: spoil.overlaid(frames, segment.seed),
    "letterbox": lambda frames, segment: spoil.letterboxed(frames, segment.strength),
    "duplicate": lambda frames, segment: spoil.repeated(frames, segment.strength, segment.seed),
}


def _write_video(path: Path, plan: Plan, footage: Footage) -> frozenset[int]:
    """Writes the file; gives the frames that look wrong since bytes were overwritten."""
    made = damage(list(_encoded(plan, footage)), _damaged_spans(plan), size=_SIZE, rate=RATE, seed=plan.number * 100)
    part = path.with_name(f"part-{path.name}")
    part.write_bytes(made.data)
    part.replace(path)
    return made.frame_indices


def _encoded(plan: Plan, footage: Footage) -> Iterator[Packet]:
    """In decoding order; each damaged segment, and what follows it, begins with a sync frame."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, RATE), Fraction(RATE)
    context.gop_size, context.options = _GOP_SIZE, _X264
    spans = _damaged_spans(plan)
    borders = {border for span in spans for border in (span.start, span.stop)}
    pictures = (frame for frames in render(plan, footage) for frame in frames)
    for number, frame in enumerate(pictures):
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv420p")
        picture.pts, picture.time_base = number, Fraction(1, RATE)
        if number in borders:
            picture.pict_type = av.video.frame.PictureType.I
        yield from map(_packet, context.encode(picture))
    yield from map(_packet, context.encode(None))


def _packet(packet: av.Packet) -> Packet:
    return Packet(bytes(packet), packet.pts, packet.dts, packet.is_keyframe)


def _damaged_spans(plan: Plan) -> list[range]:
    ends = list(accumulate(segment.num_frames for segment in plan.segments))
    pairs = zip(plan.segments, ends, strict=True)
    return [range(end - segment.num_frames, end) for segment, end in pairs if segment.kind == "damage"]


def _encode_again(source: Path, target: Path) -> None:
    with av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", rate=RATE, options=_AGAIN)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, picture in enumerate(decoded(source)):
            same = picture.reformat(format="yuv420p")
            same.pts, same.time_base = number, Fraction(1, RATE)
            same.pict_type = av.video.frame.PictureType.NONE  # the source's own would ask for sync frames
            output.mux(stream.encode(same))
        output.mux(stream.encode(None))
