"""Chooses by score under two rules: a least distance in time, and different shots while there are any."""

from bisect import bisect_left, insort

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.reject import Rejection
from thumb_assets.settings import SelectionSettings


def diversify(
    order: NDArray[np.int64],
    *,
    pts_seconds: NDArray[np.float64],
    shot_indices: NDArray[np.int64],
    settings: SelectionSettings,
) -> list[int]:
    """Takes candidates greedily in the given order, never two closer than the gap.

    The first pass takes one per shot; a second one fills up from shots already used, if `top_k` is not reached.

    Args:
        order: (M,) int64 positions of the candidates that may be chosen, best first.
        pts_seconds: (N,) float64 of all candidates, any order.
        shot_indices: (N,) int64 of all candidates.
        settings: top_k, min_gap_seconds, distinct_shots.

    Returns:
        At most top_k positions, best first; at least one where `order` has one.
    """
    candidates = list(zip(order.tolist(), pts_seconds[order].tolist(), shot_indices[order].tolist(), strict=True))
    taken: dict[int, int] = {}  # place in the order -> position
    taken_seconds: list[float] = []
    used_shots: set[int] = set()
    for is_shot_free_required in (True, False) if settings.distinct_shots else (False,):
        for place, (position, seconds, shot_index) in enumerate(candidates):
            if len(taken) == settings.top_k:
                break
            if place in taken or (is_shot_free_required and shot_index in used_shots):
                continue
            if nearest_distance(seconds, taken_seconds) < settings.min_gap_seconds:
                continue
            taken[place] = position
            insort(taken_seconds, seconds)
            used_shots.add(shot_index)
    return [taken[place] for place in sorted(taken)]


def nearest_distance(seconds: float, others: list[float]) -> float:
    """Distance to the nearest of the others (ascending), infinite where there is none.

    >>> nearest_distance(2.5, [0.0, 2.0, 4.0])
    0.5
    """
    place = bisect_left(others, seconds)
    return min((abs(seconds - other) for other in others[max(place - 1, 0) : place + 1]), default=float("inf"))


def explain_unchosen(
    order: NDArray[np.int64],
    *,
    chosen: list[int],
    combined: NDArray[np.float64],
    pts_seconds: NDArray[np.float64],
    shot_indices: NDArray[np.int64],
    settings: SelectionSettings,
) -> dict[int, Rejection]:
    """Why each candidate that might have been chosen was not; every reason is true of the final selections.

    Args:
        order: as given to `diversify`.
        chosen: what `diversify` returned, not empty where `order` is not.
        combined: (N,) float64 scores of all candidates.
        pts_seconds, shot_indices, settings: as given to `diversify`.

    Returns:
        Position -> rejection for each position of `order` that is not in `chosen`. With all places taken, a candidate
        behind the last selection has `lower_score` (or the same and a later frame): no rule kept it out. One before it
        was kept out by the gap, or else by an at least equally good selection of its shot.
    """
    chosen_seconds = sorted(float(pts_seconds[position]) for position in chosen)
    best_of_shot: dict[int, float] = {}
    for position in chosen:
        best_of_shot.setdefault(int(shot_indices[position]), float(combined[position]))
    ahead, unchosen = set(chosen), {}
    for position in order.tolist():
        if position in ahead:
            ahead.remove(position)
            continue
        score, shot_index = float(combined[position]), int(shot_indices[position])
        distance = nearest_distance(float(pts_seconds[position]), chosen_seconds)
        if len(chosen) == settings.top_k and not ahead:
            unchosen[position] = Rejection("rank", "lower_score", score, float(combined[chosen[-1]]))
        elif distance < settings.min_gap_seconds:
            unchosen[position] = Rejection("diversify", "too_close_to_selection", distance, settings.min_gap_seconds)
        else:
            unchosen[position] = Rejection("diversify", "shot_already_selected", score, best_of_shot[shot_index])
    return unchosen
