"""The strategy `keyframes`: a new selection begins where the similarity to the last one falls below a threshold.

The walk goes over the usable candidates in time. The first one opens a segment; a candidate that is less like it than
the threshold opens the next. Of each segment the candidate with the best score is chosen that is far enough from those
chosen already, not the one that happened to come first.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.diversify import Notes
from thumb_assets.select.similarity import Field, known_rows
from thumb_assets.settings.selection import KeyframesSettings, SelectionSettings


@dataclass(frozen=True)
class Segments:
    """The segments that the walk found, over M candidates in time.

    Attributes:
        indices: (M,) int64, the segment of each candidate, from 0.
        similarities: (M,) float64, cosine to the first candidate of its segment.
        thresholds: (M,) float64, what the similarity was held against.
    """

    indices: NDArray[np.int64]
    similarities: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def segments_of(vectors: NDArray[np.float32], seconds: NDArray[np.float64], *, settings: KeyframesSettings) -> Segments:
    """Cuts a video's candidates into segments of like content.

    Args:
        vectors: (M, D) float32 of L2 norm 1, in the order of time, M > 0; 0 in rows that are not known, which are of
            the segment in which they lie.
        seconds: (M,) float64, ascending.
        settings: the threshold.

    Returns:
        See `Segments`. `dynamic`: the threshold starts at `fixed` and falls by `step` with each segment down to
        `floor`, so that a restless video does not give ever more. `percentile`: of the cosines of candidates
        `compared_seconds` apart.
    """
    num_candidates = len(vectors)
    indices = np.zeros(num_candidates, np.int64)
    similarities, thresholds = np.ones(num_candidates), np.empty(num_candidates)
    threshold = first_threshold(vectors, seconds, settings=settings)
    known = np.flatnonzero(known_rows(vectors)).tolist()
    anchor, segment, similarity = known[0] if known else 0, 0, 1.0
    is_known = set(known)
    for place in range(num_candidates):
        thresholds[place] = threshold
        if place in is_known:
            similarity = float(vectors[place] @ vectors[anchor])
        if place in is_known and place > anchor and similarity < threshold:
            anchor, segment, similarity = place, segment + 1, 1.0
            if settings.threshold == "dynamic":
                threshold = max(settings.floor, threshold - settings.step)
        indices[place], similarities[place] = segment, similarity
    return Segments(indices, similarities, thresholds)


def first_threshold(
    vectors: NDArray[np.float32], seconds: NDArray[np.float64], *, settings: KeyframesSettings
) -> float:
    """The threshold at the video's beginning: `fixed`, or the percentile of the video's own similarities."""
    if settings.threshold != "percentile":
        return settings.fixed
    later = np.searchsorted(seconds, seconds + settings.compared_seconds)
    has_later = later < len(seconds)
    is_known = known_rows(vectors)
    has_later[has_later] = is_known[has_later] & is_known[later[has_later]]
    if not has_later.any():
        return settings.fixed
    cosines = np.einsum("ij,ij->i", vectors[has_later], vectors[later[has_later]])
    return float(np.percentile(cosines, settings.percentile))


def choose_keyframes(field: Field, *, settings: SelectionSettings, notes: Notes | None = None) -> list[int]:
    """The places in the field that are chosen, ascending.

    Where more segments are found than selections are asked for, those whose best candidate is better are kept. A field
    without vectors has no segments: then the shots are.

    Args:
        field: the candidates, one or more.
        settings: most, min_gap_seconds, keyframes, similarity.
        notes: taken of every candidate where they are given.
    """
    in_time = field.in_time
    vectors = field.vectors(in_time, settings=settings)
    segments = None if vectors is None else segments_of(vectors, field.seconds[in_time], settings=settings.keyframes)
    groups = np.empty(len(in_time), np.int64)
    groups[in_time] = field.shot_indices[in_time] if segments is None else segments.indices
    chosen = take_of_groups(field, groups, most=settings.most, min_gap_seconds=settings.min_gap_seconds)
    if notes is not None:
        if segments is not None:
            columns = (segments.indices.tolist(), segments.similarities.tolist(), segments.thresholds.tolist())
            notes.segments = dict(zip(in_time.tolist(), zip(*columns, strict=True), strict=True))
        for place in chosen:
            notes.take(place)
    return chosen


def take_of_groups(field: Field, groups: NDArray[np.int64], *, most: int, min_gap_seconds: float) -> list[int]:
    """Takes from each group the first place in the field that is at least the gap from all taken before it.

    Args:
        groups: (n,) the group of each of the field's first n places, which are the only ones that may be taken.
        most, min_gap_seconds: at most so many, pinned ones among them; the distance.

    Returns:
        The places, ascending.
    """
    taken = list(field.pinned)
    seconds = sorted(float(field.seconds[place]) for place in taken)
    groups_taken: set[int] = set()  # a pinned one does not stand for its group: nobody measured that it is good
    for place, group in enumerate(groups.tolist()):
        own = float(field.seconds[place])
        is_free = group not in groups_taken and place not in field.pinned
        if is_free and len(taken) < most and nearest_distance(own, seconds) >= min_gap_seconds:
            taken.append(place)
            groups_taken.add(group)
            insort(seconds, own)
    return sorted(taken)


def nearest_distance(seconds: float, others: list[float]) -> float:
    """Distance to the nearest of the others (ascending), infinite where there is none.

    >>> nearest_distance(2.5, [0.0, 2.0, 4.0])
    0.5
    """
    place = bisect_left(others, seconds)
    return min((abs(seconds - other) for other in others[max(place - 1, 0) : place + 1]), default=float("inf"))
