"""Counts of one choice against the labels of its clip, and shares of these counts over many clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmarks.footage.labels import Clip
from benchmarks.selection.measures import Interval
from benchmarks.selection.picks import Pick

K = 3
_NUM_DRAWS = 2000


@dataclass(frozen=True)
class Counts:
    """One contestant's choice of one clip.

    Attributes:
        bad_ranks: ranks, from 1, of the first three picks that nobody would take.
        num_picks: of three.
        num_found: distinct moments that they show.
        num_findable: distinct moments that three picks can show.
        num_near_pairs: pairs of them that show one moment, or two that look alike.
        num_repeats: picks that show nothing but what an earlier one shows.
        num_screens_found: distinct screens shown by as many picks as there are screens; 0 where none are labelled.
        num_screens: of the clip; 0 where it is no recording of screens.
    """

    bad_ranks: tuple[int, ...]
    num_picks: int
    num_found: int
    num_findable: int
    num_near_pairs: int
    num_repeats: int
    num_screens_found: int = 0
    num_screens: int = 0

    @property
    def is_first_bad(self) -> bool:
        """True if the first pick is bad."""
        return 1 in self.bad_ranks


def count(clip: Clip, picks: Sequence[Pick], screen_picks: Sequence[Pick] = ()) -> Counts:
    """Holds a choice against the labels.

    Args:
        clip: with its labels.
        picks: best first; three count.
        screen_picks: as many picks as the clip has distinct screens, where it is a recording of screens.
    """
    first = [pick.frame_index for pick in picks[:K]]
    shown = [moment for frame in first if (moment := clip.moment_of(frame)) is not None]
    screens = {clip.screen_of(pick.frame_index) for pick in screen_picks[: clip.num_screens]} - {None}
    return Counts(
        bad_ranks=tuple(rank for rank, frame in enumerate(first, 1) if clip.why_bad(frame)),
        num_picks=len(first),
        num_found=len(set(shown)),
        num_findable=min(K, clip.num_moments),
        num_near_pairs=sum(one == other for one, other in combinations(shown, 2)),
        num_repeats=len(shown) - len(set(shown)),
        num_screens_found=min(len(screens), clip.num_screens) if clip.has_screens else 0,
        num_screens=clip.num_screens if clip.has_screens else 0,
    )


def share(parts: Sequence[float], wholes: Sequence[float], *, seed: int = 0) -> Interval:
    """Sum of the parts over sum of the wholes, and its 95 % interval by the bootstrap over clips; NaN without a whole.

    >>> share([1, 0], [3, 1]).mean
    0.25
    """
    part, whole = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    if not whole.sum():
        return Interval(float("nan"), float("nan"), float("nan"))
    draws = np.random.default_rng(seed).integers(0, len(part), (_NUM_DRAWS, len(part)))
    drawn = whole[draws].sum(axis=1)
    is_known = drawn > 0
    low, high = np.percentile(part[draws].sum(axis=1)[is_known] / drawn[is_known], [2.5, 97.5])
    return Interval(float(part.sum() / whole.sum()), float(low), float(high))
