"""Two orders of the same labelled candidates beside each other: how well each puts first what people want."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean and its standard error; None where there are too few values for it."""

    mean: float | None
    standard_error: float | None


@dataclass(frozen=True)
class Compared:
    """One measure of the learned order, of the hand-made one, and of the difference of the two, video by video."""

    learned: Estimate
    hand_made: Estimate
    difference: Estimate


def precision_at(scores: Floats, targets: Floats, *, k: int) -> float:
    """The share of the k best by score that are wanted: nearer to the greatest than to the least target.

    Args:
        scores, targets: (n,) float64; of equal scores the earlier is better.
        k: where n is less, n.

    >>> precision_at(np.array([0.9, 0.8, 0.1]), np.array([0.0, 1.0, 1.0]), k=2)
    0.5
    """
    is_wanted = targets > (targets.min() + targets.max()) / 2
    return float(is_wanted[np.argsort(-scores, kind="stable")[:k]].mean())


def srcc(scores: Floats, targets: Floats) -> float:
    """Spearman's rank correlation, -1..1; 0 where all scores are equal."""
    from scipy.stats import spearmanr

    return float(spearmanr(scores, targets).statistic) if np.ptp(scores) > 0 else 0.0


# By name what is measured of the candidates of a video, 1 for a perfect order.
MEASURES: Mapping[str, Callable[[Floats, Floats], float]] = {
    "precision@1": partial(precision_at, k=1),
    "precision@3": partial(precision_at, k=3),
    "srcc": srcc,
}


def compare(learned: Floats, hand_made: Floats, targets: Floats, *, units: NDArray[np.int64]) -> dict[str, Compared]:
    """Every measure of two scores of the same rows, as means over the units.

    Args:
        learned, hand_made, targets: (R,) float64.
        units: (R,) int64, what a measure is taken of: a video, or a fold of the only one. Where all targets of a unit
            are equal there is no order to find, and it does not count.
    """
    values: dict[str, list[tuple[float, float]]] = {name: [] for name in MEASURES}
    for unit in np.unique(units):
        is_of = units == unit
        if np.ptp(targets[is_of]) > 0:
            for name, measure in MEASURES.items():
                values[name].append(
                    (measure(learned[is_of], targets[is_of]), measure(hand_made[is_of], targets[is_of]))
                )
    compared = {}
    for name, pairs in values.items():
        first, second = np.array(pairs).reshape(-1, 2).T
        compared[name] = Compared(_estimate(first), _estimate(second), _estimate(first - second))
    return compared


def is_better(compared: Mapping[str, Compared]) -> bool:
    """True if the learned order wins and is to be used.

    It wins where mean precision@3 and mean SRCC are both at least those of the hand-made order, and one of the two is
    better by more than one standard error of the difference (taken video by video, so that what is hard for both
    cancels out). Besides, its SRCC itself must be above 0 by more than two standard errors: where people chose by
    chance, neither order is right, and one of them would often look better all the same. With fewer than two videos to
    compare on there is no standard error, and it does not win.
    """
    differences = [compared[name].difference for name in ("precision@3", "srcc")]
    is_no_worse = all(each.mean is not None and each.mean >= 0 for each in differences)
    is_clear = any(_is_above(each, num_errors=1) for each in differences)
    return is_no_worse and is_clear and _is_above(compared["srcc"].learned, num_errors=2)


def _is_above(estimate: Estimate, *, num_errors: float) -> bool:
    """True if a mean exceeds 0 by more than so many standard errors."""
    mean, error = estimate.mean, estimate.standard_error
    return mean is not None and error is not None and mean > num_errors * error


def _estimate(values: Iterable[float]) -> Estimate:
    array = np.array(list(values))
    mean = float(array.mean()) if len(array) else None
    error = float(array.std(ddof=1) / np.sqrt(len(array))) if len(array) > 1 else None
    return Estimate(mean, error)
