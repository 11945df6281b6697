"""Quality of a choice, given the truth: pure functions of picks, labels and small pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from benchmarks.selection.picks import Pick
from benchmarks.selection.truth import Truth

FloatArray = npt.NDArray[np.float64]

# Two pictures of one moment are near duplicates where their 64x36 luma, each of mean 0 and deviation 1, is less than
# this apart on the average, at the best of all shifts of up to MAX_SHIFT pixels either way.
NEAR = 0.45
MAX_SHIFT = 3
_NUM_DRAWS = 1000


@dataclass(frozen=True)
class Interval:
    """A mean over videos, and the 95 % interval of it."""

    mean: float
    low: float
    high: float


def bad_rate(picks: Sequence[Pick], truth: Truth, *, k: int) -> float:
    """Share of the first k picks that are bad; NaN where there is no pick. A free frame is not bad."""
    first = picks[:k]
    return float(np.mean([truth.is_bad(pick.frame_index) for pick in first])) if first else float("nan")


def recall(picks: Sequence[Pick], truth: Truth, *, k: int) -> float:
    """Share of the planted good moments that one of the first k picks shows."""
    planted = {moment for moment in truth.moments if moment is not None}
    found = {truth.moment_of(pick.frame_index) for pick in picks[:k]} - {None}
    return len(found) / len(planted)


def num_near_duplicates(picks: Sequence[Pick], truth: Truth, lumas: npt.NDArray[np.uint8], *, k: int) -> int:
    """Pairs of the first k picks that show one moment in pictures that are near.

    Args:
        picks: of one video.
        truth: of that video.
        lumas: (N, 36, 64) uint8, the luma of every frame.
        k: how many picks count.
    """
    moments = [(truth.moments[pick.frame_index], pick.frame_index) for pick in picks[:k]]
    return sum(
        first is not None and first == second and picture_distance(lumas[one], lumas[other]) < NEAR
        for (first, one), (second, other) in combinations(moments, 2)
    )


def picture_distance(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    """Mean absolute difference of two small pictures, each of mean 0 and deviation 1, at the best shift.

    A shift compares what both pictures show; brightness and contrast of the whole do not count. Two unrelated pictures
    are about 1.1 apart.
    """
    lines, columns = first.shape
    least = float("inf")
    for down in range(-MAX_SHIFT, MAX_SHIFT + 1):
        for across in range(-MAX_SHIFT, MAX_SHIFT + 1):
            one = first[max(down, 0) : lines + min(down, 0), max(across, 0) : columns + min(across, 0)]
            other = second[max(-down, 0) : lines + min(-down, 0), max(-across, 0) : columns + min(-across, 0)]
            least = min(least, float(np.abs(_normal(one) - _normal(other)).mean()))
    return least


def coverage(chosen: FloatArray, seen: FloatArray) -> float:
    """Mean distance (1 - cosine) from each embedding in `seen` to the nearest in `chosen`; less is better.

    Args:
        chosen: (K, D) of L2 norm 1.
        seen: (N, D) of L2 norm 1.

    Returns:
        From 0 to 2; NaN where either is empty.
    """
    if not len(chosen) or not len(seen):
        return float("nan")
    return float((1 - (seen @ chosen.T).max(axis=1)).mean())


def stability(picks: Sequence[Pick], again: Sequence[Pick], truth: Truth) -> float:
    """Share of the picks whose moment is among those of the picks of the same video encoded again.

    A pick that shows no moment is stable where its kind of defect is picked again.
    """
    shown = {_shown(pick, truth) for pick in again}
    return float(np.mean([_shown(pick, truth) in shown for pick in picks])) if picks else float("nan")


def interval(values: Sequence[float], *, seed: int = 0) -> Interval:
    """Mean over videos and its 95 % interval by the bootstrap: 1,000 draws of as many videos; NaN is left out."""
    known = np.array([value for value in values if not np.isnan(value)])
    if not len(known):
        return Interval(float("nan"), float("nan"), float("nan"))
    draws = np.random.default_rng(seed).integers(0, len(known), (_NUM_DRAWS, len(known)))
    low, high = np.percentile(known[draws].mean(axis=1), [2.5, 97.5])
    return Interval(float(known.mean()), float(low), float(high))


def mean_over(draws: Sequence[Sequence[Pick]], measure: Callable[[Sequence[Pick]], float]) -> float:
    """The mean over the draws of one contestant on one video."""
    return float(np.mean([measure(picks) for picks in draws]))


def _shown(pick: Pick, truth: Truth) -> int | str:
    moment = truth.moments[pick.frame_index]
    return truth.kinds[pick.frame_index] if moment is None else moment


def _normal(picture: npt.NDArray[np.uint8]) -> FloatArray:
    values = picture.astype(np.float64)
    return (values - values.mean()) / max(values.std(), 1e-6)
