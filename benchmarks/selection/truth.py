"""The truth about every frame of a made video: its kind, the moment it shows, whether it counts."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.selection.plan import GOOD_KINDS, Plan, Segment
from benchmarks.selection.spoil import ramp

# Frames at either side of a border between good and bad, or between two moments, that count as neither.
MARGIN = 2
# A fading frame is bad below this share of the shot's brightness; above it, it counts as neither.
LEAST_LEVEL = 0.75
# A mixed frame is bad where both shots have at least this share.
LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Truth:
    """The truth about every frame of a video, by its index.

    Attributes:
        kinds: `moment`, `duplicate` (both good) or the kind of defect.
        moments: which good moment is shown; None where none is in the clear. A duplicate has its moment's.
        is_free: counts as neither good nor bad.
    """

    kinds: tuple[str, ...]
    moments: tuple[int | None, ...]
    is_free: tuple[bool, ...]

    @property
    def num_frames(self) -> int:
        """Number of frames of the video."""
        return len(self.kinds)

    def is_good(self, frame_index: int) -> bool:
        """Shows a good moment, or its duplicate, without a defect."""
        return not self.is_free[frame_index] and self.kinds[frame_index] in GOOD_KINDS

    def is_bad(self, frame_index: int) -> bool:
        """Shows a planted defect."""
        return not self.is_free[frame_index] and self.kinds[frame_index] not in GOOD_KINDS

    def moment_of(self, frame_index: int) -> int | None:
        """The moment that is shown by a frame that counts; None for any other."""
        return self.moments[frame_index] if self.is_good(frame_index) else None

    def label(self, frame_index: int) -> str:
        """For people: such as `moment 1`, `blur`, `free (fade)`."""
        kind, moment = self.kinds[frame_index], self.moments[frame_index]
        text = kind if moment is None else f"{kind} {moment}"
        return f"free ({text})" if self.is_free[frame_index] else text


def truth_of(plan: Plan, damaged: Collection[int]) -> Truth:
    """The labels that follow from a recipe.

    Args:
        plan: of the video.
        damaged: the frames of its damaged segments that look visibly wrong; the others of these count as neither.
    """
    kinds: list[str] = []
    moments: list[int | None] = []
    is_free: list[bool] = []
    for segment in plan.segments:
        free = _free_within(segment, begin=len(kinds), damaged=damaged)
        kinds += [segment.kind] * segment.num_frames
        moments += [segment.moment if segment.kind in GOOD_KINDS else None] * segment.num_frames
        is_free += free
    return Truth(tuple(kinds), tuple(moments), _with_margins(moments, is_free))


def _free_within(segment: Segment, *, begin: int, damaged: Collection[int]) -> list[bool]:
    shares = ramp(segment.num_frames)
    if segment.kind == "fade":
        levels = shares if segment.direction == "in" else 1 - shares
        return [bool(level >= LEAST_LEVEL) for level in levels]
    if segment.kind == "dissolve":
        return [not LEAST_SHARE <= share <= 1 - LEAST_SHARE for share in shares]
    if segment.kind == "damage":
        return [begin + number not in damaged for number in range(segment.num_frames)]
    return [False] * segment.num_frames


def _with_margins(moments: list[int | None], is_free: list[bool]) -> tuple[bool, ...]:
    """Free as well: the frames around a border between good and bad, or between two moments."""
    borders = [place for place in range(1, len(moments)) if moments[place - 1] != moments[place]]
    near = {place + step for place in borders for step in range(-MARGIN, MARGIN)}
    return tuple(free or place in near for place, free in enumerate(is_free))


def write_truth(path: Path, plan: Plan, truth: Truth) -> None:
    """As JSON: one object; kinds, moments and is_free have one value per frame."""
    text = {
        "video": plan.name,
        "defects": list(plan.defects),
        "kinds": list(truth.kinds),
        "moments": list(truth.moments),
        "is_free": list(truth.is_free),
    }
    path.write_text(json.dumps(text), encoding="utf-8")


def read_truth(path: Path) -> Truth:
    """Reads the file of `write_truth`."""
    text: Mapping[str, list] = json.loads(path.read_text(encoding="utf-8"))
    return Truth(tuple(text["kinds"]), tuple(text["moments"]), tuple(text["is_free"]))
