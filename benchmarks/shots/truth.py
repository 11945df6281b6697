"""A clip's transitions, and the comparison of the starts that a detector found with them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

KINDS = ("cut", "dissolve", "fade")
# Frames by which a found start may miss a hard cut, or lie outside a soft transition.
CUT_TOLERANCE, SOFT_TOLERANCE = 1, 5


@dataclass(frozen=True)
class Transition:
    """A transition of a clip.

    Attributes:
        kind: `cut`, `dissolve` or `fade`.
        start: first frame of the mixture; of a cut, the first frame of the new shot.
        exclusive_end: first frame that shows the new shot alone; of a cut, equal to start.
    """

    kind: str
    start: int
    exclusive_end: int

    def matches(self, frame_index: int) -> bool:
        """True if a start found at this frame is this transition.

        >>> Transition("cut", 40, 40).matches(41), Transition("cut", 40, 40).matches(42)
        (True, False)
        >>> Transition("fade", 40, 60).matches(65), Transition("fade", 40, 60).matches(66)
        (True, False)
        """
        tolerance = CUT_TOLERANCE if self.kind == "cut" else SOFT_TOLERANCE
        return self.start - tolerance <= frame_index <= self.exclusive_end + tolerance


@dataclass(frozen=True)
class Clip:
    """A video file and its transitions.

    Attributes:
        transitions: ascending.
        ignored: spans [start, exclusive_end) in which a start is neither right nor wrong.
        num_frames: how many frames count; None is all.
    """

    name: str
    path: Path
    transitions: tuple[Transition, ...]
    ignored: tuple[tuple[int, int], ...] = ()
    num_frames: int | None = None


@dataclass(frozen=True)
class Score:
    """Counts: transitions found, transitions there, starts that are none."""

    num_found: int = 0
    num_there: int = 0
    num_false: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.num_found + other.num_found, self.num_there + other.num_there, self.num_false + other.num_false
        )

    @property
    def precision(self) -> float | None:
        """Share of the starts that are transitions; None without starts."""
        said = self.num_found + self.num_false
        return self.num_found / said if said else None

    @property
    def recall(self) -> float | None:
        """Share of the transitions that were found; None without transitions."""
        return self.num_found / self.num_there if self.num_there else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both; None where there was nothing to find and nothing was said.

        >>> Score(num_found=3, num_there=4, num_false=1).f1
        0.75
        """
        total = self.num_found + self.num_there + self.num_false
        return 2 * self.num_found / total if total else None


def score(clip: Clip, starts: Iterable[int]) -> tuple[Score, list[int], list[Transition]]:
    """Holds found starts against a clip's transitions: each start and each transition is used once.

    Args:
        starts: frame indices of the shot starts found; 0 is no transition.

    Returns:
        The counts, the false starts, and the transitions that were missed.
    """
    end = clip.num_frames
    left = [start for start in sorted(set(starts)) if start > 0 and (end is None or start < end)]
    missed: list[Transition] = []
    num_found = 0
    # Cuts first: a cut close to a dissolve has fewer starts to choose from.
    for transition in sorted(clip.transitions, key=lambda each: (each.kind != "cut", each.start)):
        fitting = [start for start in left if transition.matches(start)]
        if fitting:
            left.remove(_nearest(fitting, transition))
            num_found += 1
        else:
            missed.append(transition)
    false = [start for start in left if not any(first <= start < last for first, last in clip.ignored)]
    return Score(num_found, len(clip.transitions), len(false)), false, missed


def _nearest(starts: Sequence[int], transition: Transition) -> int:
    middle = (transition.start + transition.exclusive_end) / 2
    return min(starts, key=lambda start: abs(start - middle))
