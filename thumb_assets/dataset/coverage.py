"""The order in which pictures cover most of what a library shows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from thumb_assets.dataset.likeness import positions_of
from thumb_assets.dataset.picks import Pick
from thumb_assets.survey.frames import LibraryFrames

# Every picture is held against every other: this many take 64 MB.
MAX_PICTURES = 4000


def coverage_order(
    library: LibraryFrames | None, picks: Sequence[Pick], seconds: NDArray[np.float64], *, number: int
) -> list[int]:
    """Places of picks, each next one the picture that adds most to what those before it show.

    A picture stands for its stretch of its video, as far as the pictures before are unlike it (facility location). One
    that cannot be compared stands for its own stretch alone.

    Args:
        library: what the picks can be compared by; None where nothing can.
        picks: MAX_PICTURES at most.
        seconds: (N,) float64, the stretch of each.
        number: how many places are wanted, at most.
    """
    likeness = _likeness(library, picks)
    covered = np.zeros(len(picks), np.float32)
    weights = seconds.astype(np.float32)
    order: list[int] = []
    is_left = np.ones(len(picks), np.bool_)
    while len(order) < min(number, len(picks)):
        gains = np.maximum(likeness - covered, 0) @ weights
        best = int(np.where(is_left, gains, -1).argmax())  # the first of equals
        order.append(best)
        is_left[best] = False
        covered = np.maximum(covered, likeness[best])
    return order


def stretches(
    picks: Sequence[Pick], moments: Sequence[float], span_of: dict[str, tuple[float, float]]
) -> NDArray[np.float64]:
    """Seconds of its video to which each pick is the nearest of its video's picks.

    Args:
        moments: when each is shown, in seconds.
        span_of: when each video begins and ends.

    >>> two = [Pick("a", 0, 1.0), Pick("a", 90, 1.0)]
    >>> stretches(two, [0.0, 4.0], {"a": (0.0, 10.0)}).tolist()
    [2.0, 8.0]
    """
    order = sorted(range(len(picks)), key=lambda place: (picks[place].video_id, moments[place]))
    lengths = np.zeros(len(picks))
    for at, place in enumerate(order):
        begin, end = span_of[picks[place].video_id]
        before, after = (order[other] if 0 <= other < len(order) else None for other in (at - 1, at + 1))
        if before is not None and picks[before].video_id == picks[place].video_id:
            begin = (moments[before] + moments[place]) / 2
        if after is not None and picks[after].video_id == picks[place].video_id:
            end = (moments[place] + moments[after]) / 2
        lengths[place] = max(0.0, end - begin)
    return lengths


def _likeness(library: LibraryFrames | None, picks: Sequence[Pick]) -> NDArray[np.float32]:
    """(N, N) cosines, 0 where they are negative or not known, 1 of each with itself."""
    likeness = np.eye(len(picks), dtype=np.float32)
    positions = positions_of(library, picks)
    for part in () if library is None else library.comparable:
        row_of = {frame: row for row, frame in enumerate(part.frames.tolist())}
        places = np.array([place for place, position in enumerate(positions.tolist()) if position in row_of], np.int64)
        if len(places):
            vectors = part.vectors[[row_of[position] for position in positions[places].tolist()]]
            likeness[np.ix_(places, places)] = np.maximum(vectors @ vectors.T, 0)
    np.fill_diagonal(likeness, 1)
    return likeness
