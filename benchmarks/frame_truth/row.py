"""One row of the table: everything about one video, from its decode to the verdicts."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import av
import numpy as np
import numpy.typing as npt
import xxhash

from benchmarks.frame_truth import judges, reference
from benchmarks.frame_truth.contestants import Tool
from benchmarks.frame_truth.hazards import Hazard
from benchmarks.frame_truth.judges import Finding
from benchmarks.frame_truth.ours import Exported, Recording, export, record, stills_problems
from thumb_assets.video.planes import num_picture_bytes, plane_rows

AnyArray = npt.NDArray[np.generic]
# Full-resolution pictures that go through the formula in float64.
_NUM_FORMULA_FRAMES = 3
# Of the height; the drawn strip and the blocks its edge falls into.
_STRIP_SHARE = 1 / 6


@dataclass(frozen=True)
class Row:
    """The verdicts on one video.

    Attributes:
        num_right: by exporter, frames that are proven.
        num_wrong: by other tool, frames that are wrong; None where it does not run here.
        problems: of ours, one line each.
        shown: (ours, the reference's picture), uint8 RGB, of one frame in the middle.
    """

    hazard: Hazard
    num_tried: int
    num_right: Mapping[str, int]
    geometry: Finding
    colour: Finding
    num_wrong: Mapping[str, int | None]
    problems: Sequence[str]
    traits: frozenset[str] = frozenset()
    num_by_program: int = 0
    shown: "tuple[AnyArray, AnyArray] | None" = field(default=None, repr=False)

    @property
    def is_right(self) -> bool:
        """True if all of ours is."""
        return not self.problems


def prove(hazard: Hazard, others: Mapping[str, Tool | None]) -> Row:
    """Everything about one video."""
    recording = record(hazard.path, exclusive_end=hazard.exclusive_end)
    wanted = frames_to_try(hazard, len(recording.identities))
    exported = {backend: export(hazard.path, recording, wanted, backend=backend) for backend in ("pyav", "ffmpeg")}
    raw = reference.raw_pictures(hazard.path, recording.header, wanted)
    hashes = {index: _hash_of_first_plane(picture, recording) for index, picture in raw.items()}
    problems, num_right = [], {}
    for backend, frames in exported.items():
        found = identity_problems(hazard, recording, frames, wanted=wanted, hashes=hashes)
        num_right[backend] = len(wanted) - len(found)
        problems += [f"{backend}: {text}" for text in found.values()]
    for index in wanted:
        if exported["pyav"][index].rgb.tobytes() != exported["ffmpeg"][index].rgb.tobytes():
            problems.append(f"frame {index}: the exporters differ")
    problems += stills_problems(hazard.path, recording, wanted)
    ours = {index: frame.rgb for index, frame in exported["pyav"].items()}
    geometry, colour, shown = _judge_look(hazard, recording, ours)
    problems += [
        f"{name}: {each.text}" for name, each in (("geometry", geometry), ("colour", colour)) if not each.is_right
    ]
    return Row(
        hazard,
        len(wanted),
        num_right,
        geometry,
        colour,
        {name: None if tool is None else _num_wrong(tool, hazard, recording, wanted) for name, tool in others.items()},
        problems,
        _traits(recording),
        sum(frame.method == "ffmpeg" for frame in exported["ffmpeg"].values()),
        shown,
    )


def frames_to_try(hazard: Hazard, num_frames: int) -> list[int]:
    """First, last and others drawn by lot, the same on every run; ascending."""
    end = min(num_frames, hazard.exclusive_end or num_frames)
    between = range(1, end - 1)
    drawn = random.Random(hazard.name).sample(between, min(len(between), hazard.num_tried - 2))  # noqa: S311
    return sorted({0, end - 1, *drawn})


def identity_problems(
    hazard: Hazard,
    recording: Recording,
    frames: Mapping[int, Exported],
    *,
    wanted: Sequence[int],
    hashes: Mapping[int, str],
) -> dict[int, str]:
    """Faults of an exporter's frames, by frame_index.

    Args:
        hashes: of the first plane, as FFmpeg the program decodes and counts the frames.
    """
    problems = {}
    for index in wanted:
        frame = frames.get(index)
        if frame is None:
            problems[index] = f"frame {index}: missing"
        elif not frame.luma_hash == hashes.get(index) == recording.identities.luma_hash[index]:
            problems[index] = f"frame {index}: another picture than FFmpeg's frame of that number"
        elif hazard.drawn_index is not None:
            finding = judges.judge_index(frame.rgb, hazard.drawn_index(index))
            if not finding.is_right:
                problems[index] = f"frame {index}: {finding.text}, not {hazard.drawn_index(index)}"
    return problems


def _hash_of_first_plane(picture: bytes, recording: Recording) -> str:
    header = recording.header
    size = (header.geometry.width, header.geometry.height)
    # By its share, since a stream may change its size on the way.
    share = _num_first_plane_bytes(*size, header.pix_fmt) / num_picture_bytes(*size, header.pix_fmt)
    return xxhash.xxh3_128_hexdigest(picture[: round(len(picture) * share)])


def _num_first_plane_bytes(width: int, height: int, pix_fmt: str) -> int:
    return int(plane_rows(av.VideoFrame(width, height, pix_fmt), 0).size)


def _judge_look(
    hazard: Hazard, recording: Recording, ours: Mapping[int, AnyArray]
) -> tuple[Finding, Finding, tuple[AnyArray, AnyArray] | None]:
    header, colours = recording.header, recording.header.look.colours

    def shown(conversion: str, wanted: Sequence[int], *, is_deep: bool = False) -> dict[int, AnyArray]:
        return reference.shown_pictures(
            hazard.path,
            header,
            wanted,
            conversion=conversion,
            is_deep=is_deep,
            is_interlaced=recording.is_interlaced,
            is_every=hazard.is_small,
        )

    wanted = sorted(ours)
    if colours.transfer != "sdr":
        references = shown(reference.hable_conversion(header), wanted)
    elif colours.needs_map:
        references = shown(reference.gamut_conversion(header), wanted)
    else:
        references = shown(reference.plain_conversion(header), wanted)
    if references.keys() != ours.keys():
        missing = Finding(is_right=False, text=f"FFmpeg gave {len(references)} of {len(ours)} pictures")
        return missing, missing, None
    geometry = judges.judge_geometry(ours, references)
    middle = wanted[len(wanted) // 2]
    pair = (ours[middle], references[middle])
    if not geometry.is_right:
        return geometry, Finding(is_right=False, text="not judged"), pair
    pairs = [(ours[index], references[index]) for index in wanted]
    colour = _judge_hdr(pairs, has_strip=hazard.is_small) if colours.transfer != "sdr" else _judge_sdr(pairs)
    if colours.needs_map:
        some = wanted[:: max(1, len(wanted) // _NUM_FORMULA_FRAMES)][:_NUM_FORMULA_FRAMES]
        signals = shown(reference.plain_conversion(header, is_deep=True), some, is_deep=True)
        verdicts = [judges.judge_formula(ours[index], signals[index], colours) for index in some]
        worst = max(level for _, level in verdicts)
        colour = Finding(
            colour.is_right and all(is_right for is_right, _ in verdicts),
            f"{colour.text}; {worst:.2f} from the formula",
        )
    return geometry, colour, pair


def _judge_sdr(pairs: Sequence[tuple[AnyArray, AnyArray]]) -> Finding:
    verdicts = [judges.judge_colour(*pair) for pair in pairs]
    return Finding(all(is_right for is_right, _ in verdicts), f"{max(level for _, level in verdicts):.2f}")


def _judge_hdr(pairs: Sequence[tuple[AnyArray, AnyArray]], *, has_strip: bool) -> Finding:
    # The strip's greys lie beside colours that BT.709 cannot show; how bright those become, each program cuts its way.
    tops = [round(ours.shape[0] * _STRIP_SHARE) if has_strip else 0 for ours, _ in pairs]
    verdicts = [judges.judge_tone(ours[top:], other[top:]) for top, (ours, other) in zip(tops, pairs, strict=True)]
    apart = max(judges.judge_colour(*pair)[1] for pair in pairs)
    correlation = min(each for _, each, _ in verdicts)
    turn = max((each for _, _, each in verdicts), key=abs)
    text = f"rank {correlation:.3f}, hue {turn:+.1f}°, {apart:.0f} from hable"
    return Finding(all(is_right for is_right, _, _ in verdicts), text)


def _num_wrong(tool: Tool, hazard: Hazard, recording: Recording, wanted: Sequence[int]) -> int:
    found = tool(hazard.path, recording, wanted)
    return sum(
        judges.is_other_frame(
            found.get(index),
            index,
            recording.signatures,
            None if hazard.drawn_index is None else hazard.drawn_index(index),
        )
        for index in wanted
    )


def _traits(recording: Recording) -> frozenset[str]:
    """The traits that make a row worth a look by eye."""
    geometry, colours = recording.header.geometry, recording.header.look.colours
    traits = {
        "turned": geometry.num_quarter_turns != 0,
        "mirrored": geometry.is_mirrored,
        "anamorphic": geometry.sample_aspect_ratio != 1,
        "interlaced": recording.is_interlaced,
        "mapped": colours.needs_map,
    }
    return frozenset(name for name, is_there in traits.items() if is_there)
