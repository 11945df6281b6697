"""Turns raw scores of any unit into percentiles among the candidates of one video."""

import numpy as np
from numpy.typing import NDArray


def percentile_ranks(values: NDArray[np.float64], *, lower_better: bool = False) -> NDArray[np.float64]:
    """The rank of each value among all of them, 1 for the worst, averaged over ties, divided by their number.

    Ranks depend on the order of the values alone, so raw units, offsets and monotone rescaling do not matter.

    Args:
        values: (N,) float64 in any unit; NaN where there is no value.
        lower_better: whether the least value is the best.

    Returns:
        (N,) float64 in (0, 1]; a lone value gets 1.0; NaN stays NaN and does not count.

    >>> percentile_ranks(np.array([10.0, 30.0, 20.0, 20.0])).tolist()
    [0.25, 1.0, 0.625, 0.625]
    >>> percentile_ranks(np.array([10.0, 30.0]), lower_better=True).tolist()
    [1.0, 0.5]
    """
    ranks = np.full(len(values), np.nan)
    has_value = ~np.isnan(values)
    known = values[has_value]
    if known.size:
        _, group, sizes = np.unique(-known if lower_better else known, return_inverse=True, return_counts=True)
        last_rank = np.cumsum(sizes)
        # A group of ties holds the ranks last - size + 1 .. last, whose mean is last - (size - 1) / 2.
        ranks[has_value] = (last_rank - (sizes - 1) / 2)[group] / known.size
    return ranks
