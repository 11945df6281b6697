"""Videos whose stamps are not those of a camera: held pictures, joined recordings, wraps, jumps, rates that lie."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from thumb_assets_tests.support.drawing import RgbArray, draw_frame
from thumb_assets_tests.support.encoding import Encoding, encode

_MS, _TS = Fraction(1, 1000), Fraction(1, 90_000)
_BETTER = {"preset": "veryfast", "crf": "16"}
_VP8 = {"deadline": "realtime", "cpu-used": "8", "b": "2M"}

# `deck_vfr`: slides, seconds between them, frames of each cross-fade and the milliseconds between those.
NUM_SLIDES, SLIDE_SECONDS, NUM_FADE_FRAMES, FADE_STEP_MS = 10, 20, 12, 40
# Frames of each shot in the videos of odd rates, and how many shots.
SHOT_FRAMES, NUM_SHOTS = 25, 4
# Frames of each of two recordings that are joined, 25 a second.
PART_FRAMES = 75


def hold_then_black(path: Path) -> None:
    """A picture at 0 s, one black frame at 300 s, as a screen recorder writes what does not change."""
    encode(path, [draw_frame(0), np.zeros((180, 320, 3), np.uint8)], Encoding(time_base=_MS), pts=[0, 300_000])


def deck_frames() -> list[tuple[int, int | None, RgbArray]]:
    """Each frame of `deck_vfr`: its stamp in ms, its slide or None in a cross-fade, its picture."""
    frames: list[tuple[int, int | None, RgbArray]] = []
    for slide in range(NUM_SLIDES):
        begin = 1000 * SLIDE_SECONDS * slide
        own = draw_frame(slide, shot_index=slide)
        if slide:
            before = draw_frame(slide - 1, shot_index=slide - 1)
            for step in range(NUM_FADE_FRAMES):
                weight = (step + 1) / (NUM_FADE_FRAMES + 1)
                mixed = (before * (1 - weight) + own * weight).astype(np.uint8)
                frames.append((begin - FADE_STEP_MS * (NUM_FADE_FRAMES - step), None, mixed))
        frames.append((begin, slide, own))
    return frames


def deck_vfr(path: Path) -> None:
    """Slides that stay for 20 s, each cross-faded into the next one in half a second, and no other frame."""
    frames = deck_frames()
    encode(path, [picture for _, _, picture in frames], Encoding(time_base=_MS), pts=[stamp for stamp, _, _ in frames])


def short_fade_in(path: Path) -> None:
    """1.9 s, the first of which come out of black."""
    frames = [(draw_frame(i) * min(1.0, i / 25)).astype(np.uint8) for i in range(48)]
    encode(path, frames, Encoding(options=_BETTER, gop_size=24))


def joined(first_stamps: Sequence[int]) -> Callable[[Path], None]:
    """Transport streams one behind the other, each of PART_FRAMES frames from its first stamp (90,000 a second) on."""

    def write(path: Path) -> None:
        parts = []
        for part, first in enumerate(first_stamps):
            piece = path.with_name(f"part{part}-{path.name}")
            frames = [draw_frame(PART_FRAMES * part + i, shot_index=part) for i in range(PART_FRAMES)]
            encoding = Encoding(options=_BETTER, num_b_frames=2, time_base=_TS)
            encode(piece, frames, encoding, pts=[first + 3600 * i for i in range(PART_FRAMES)])
            parts.append(piece.read_bytes())
            piece.unlink()
        path.write_bytes(b"".join(parts))

    return write


def at_rate(**encoding: object) -> Callable[[Path], None]:
    """Shots of a second at 25 a second, in a container or at a time base whose header tells another rate."""

    def write(path: Path) -> None:
        own = Encoding(**encoding)  # type: ignore[arg-type]
        ticks = round(1 / (25 * own.time_base))
        frames = [_still(i, i // SHOT_FRAMES, own) for i in range(NUM_SHOTS * SHOT_FRAMES)]
        encode(path, frames, own, pts=[ticks * i for i in range(len(frames))])

    return write


def stepped(steps_ms: Sequence[int], shots: Sequence[int]) -> Callable[[Path], None]:
    """A frame after each of the steps, each showing the shot of that number, without movement in a shot."""

    def write(path: Path) -> None:
        stamps = np.cumsum([0, *steps_ms])[:-1].tolist()
        frames = [draw_frame(shot, shot_index=shot) for shot in shots]
        encode(path, frames, Encoding(time_base=_MS, gop_size=250), pts=stamps)

    return write


def _still(frame_index: int, shot_index: int, encoding: Encoding) -> RgbArray:
    width, height = (720, 576) if encoding.codec == "dvvideo" else (320, 180)
    return draw_frame(frame_index, width=width, height=height, shot_index=shot_index)


# 4 s at 100 a second, then scenes of a second, 5 frames each.
_FAST_THEN_SLOW = ([10] * 400 + [200] * 40, [0] * 400 + [1 + i // 5 for i in range(40)])
# 20 s at one a second, then 25 a second with a cut every 0.2 s.
_SLOW_THEN_CUTS = ([1000] * 20 + [40] * 100, [0] * 20 + [1 + i // 5 for i in range(100)])

fast_then_slow, slow_then_cuts = stepped(*_FAST_THEN_SLOW), stepped(*_SLOW_THEN_CUTS)
raw_dv = at_rate(codec="dvvideo", options={})
avi_600 = at_rate(codec="mpeg4", options={"b": "4M"}, time_base=Fraction(1, 600))
webm_1000 = at_rate(codec="libvpx", options=_VP8, time_base=_MS, rate=1000)
