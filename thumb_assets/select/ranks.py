"""Groups of candidates, and percentiles, orders and quantiles within them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def groups_of(offsets: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """The group of each element, in the smallest type that holds it: the sort below is then by radix.

    Args:
        offsets: (G + 1,) int64, ascending from 0: group g is elements [offsets[g], offsets[g + 1]).

    Returns:
        (offsets[G],) unsigned integers in [0, G).

    >>> groups_of(np.array([0, 2, 2, 3])).tolist()
    [0, 0, 2]
    """
    num_groups = len(offsets) - 1
    return np.repeat(np.arange(num_groups, dtype=np.min_scalar_type(max(num_groups - 1, 0))), np.diff(offsets))


def groups_of_shots(offsets: NDArray[np.int64], shot_indices: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """The shot of each candidate, counted through all videos; as `groups_of`.

    Args:
        offsets: (V + 1,) int64, the candidates of each video.
        shot_indices: (N,) int64, ascending within each video.

    >>> groups_of_shots(np.array([0, 3, 4]), np.array([0, 0, 2, 2])).tolist()
    [0, 0, 1, 2]
    """
    is_first = np.ones(len(shot_indices), dtype=np.bool_)
    is_first[1:] = shot_indices[1:] != shot_indices[:-1]
    is_first[offsets[:-1][offsets[:-1] < len(shot_indices)]] = True
    groups = np.cumsum(is_first) - 1
    return groups.astype(np.min_scalar_type(max(len(groups) - 1, 0)))


def order_in_groups(values: NDArray[np.float64], *, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions group by group, by falling value in each; ties keep their order, which is that of frame_index.

    >>> order_in_groups(np.array([0.5, 0.9, 0.5, 0.1]), offsets=np.array([0, 4])).tolist()
    [1, 0, 2, 3]
    >>> order_in_groups(np.array([0.5, 0.9, 0.5, 0.7]), offsets=np.array([0, 2, 4])).tolist()
    [1, 0, 3, 2]
    """
    falling = -values
    order = np.arange(len(values))
    for group in _slices(offsets):
        order[group] = falling[group].argsort(kind="stable") + group.start
    return order


def order_of_known(values: NDArray[np.float64], *, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the values that are no NaN, group by group, by rising value in each.

    Args:
        values: (N,) float64.
        offsets: see `groups_of`. Many small sorts take a fraction of the time of one of all values.

    >>> order_of_known(np.array([0.5, np.nan, 0.1, 0.0]), offsets=np.array([0, 3, 4])).tolist()
    [2, 0, 3]
    """
    order = np.arange(len(values))
    for group in _slices(offsets):
        order[group] = values[group].argsort() + group.start
    return np.asarray(order[~np.isnan(values[order])])


def _slices(offsets: NDArray[np.int64]) -> Iterator[slice]:
    return map(slice, offsets[:-1].tolist(), offsets[1:].tolist())


def percentile_ranks(
    values: NDArray[np.float64],
    *,
    groups: NDArray[np.unsignedinteger] | None = None,
    order: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """The rank of each value in its group, 1 for the least, averaged over ties, over the number of the group's values.

    Ranks depend on the order of the values alone, so raw units, offsets and monotone rescaling do not matter.

    Args:
        values: (N,) float64 in any unit, more is better; NaN where there is no value.
        groups: (N,) the group of each value, see `groups_of`; all are of one group where it is None.
        order: positions of the values that are no NaN, by rising value in each group, as `order_of_known` gives them;
            None where they are not known.

    Returns:
        (N,) float64 in (0, 1]; a lone value gets 1.0; NaN stays NaN and does not count.

    >>> percentile_ranks(np.array([10.0, 30.0, 20.0, 20.0])).tolist()
    [0.25, 1.0, 0.625, 0.625]
    >>> percentile_ranks(np.array([10.0, 30.0, 20.0]), groups=np.array([0, 0, 1])).tolist()
    [0.5, 1.0, 1.0]
    """
    ranks = np.full(len(values), np.nan)
    order = order_of_known(values, offsets=np.array([0, len(values)])) if order is None else order
    if not order.size:
        return ranks
    groups = np.zeros(len(values), np.uint8) if groups is None else groups
    sorted_groups = groups[order]
    if (sorted_groups[1:] < sorted_groups[:-1]).any():  # shots of an order by video
        order = order[np.argsort(sorted_groups, kind="stable")]
        sorted_groups = groups[order]
    sorted_values = values[order]
    is_new_group = np.ones(len(order), dtype=np.bool_)
    is_new_group[1:] = sorted_groups[1:] != sorted_groups[:-1]
    is_new = is_new_group.copy()
    is_new[1:] |= sorted_values[1:] != sorted_values[:-1]
    tie_starts = np.flatnonzero(is_new)
    tie_sizes = np.diff(tie_starts, append=len(order))
    group_starts = np.flatnonzero(is_new_group)
    group_of_tie = np.cumsum(is_new_group[tie_starts]) - 1
    last_rank = tie_starts + tie_sizes - group_starts[group_of_tie]
    group_sizes = np.diff(group_starts, append=len(order))
    # A group of ties holds the ranks last - size + 1 .. last, whose mean is last - (size - 1) / 2.
    ranks[order] = np.repeat((last_rank - (tie_sizes - 1) / 2) / group_sizes[group_of_tie], tie_sizes)
    return ranks


def quantiles_of_groups(
    values: NDArray[np.float64], quantile: float, *, offsets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """A quantile of each group's values, between two of them their mean; NaN where it has none.

    Args:
        values: (N,) float64; NaN does not count.
        quantile: 0 for the least, 0.5 for the median, 1 for the greatest.
        offsets: (G + 1,) int64, see `groups_of`.

    Returns:
        (G,) float64.

    >>> quantiles_of_groups(np.array([1.0, 4.0, 2.0]), 0.5, offsets=np.array([0, 1, 3, 3])).tolist()
    [1.0, 3.0, nan]
    """
    rising = np.array(values)
    for group in _slices(offsets):
        rising[group].sort()  # NaN last
    num_known = np.diff(np.concatenate([[0], np.cumsum(~np.isnan(values))])[offsets])
    found = np.full(len(num_known), np.nan)
    has_any = num_known > 0
    place = quantile * (num_known[has_any] - 1)
    low, high = (offsets[:-1][has_any] + np.asarray(at(place), np.int64) for at in (np.floor, np.ceil))
    found[has_any] = (rising[low] + rising[high]) / 2
    return found
