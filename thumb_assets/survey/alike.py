"""Frames of different videos that are alike: near by their vectors, and confirmed by their difference hashes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.events import UNWATCHED, Events
from thumb_assets.survey.frames import Comparable, LibraryFrames
from thumb_assets.survey.index import near_pairs

# Cosines are kept to so many digits, which every processor computes alike.
_DIGITS = 6
_PAIRS_PER_BLOCK = 1 << 16


@dataclass(frozen=True)
class Alike:
    """Ordered pairs of frames of different videos that are alike, P in all.

    Of each frame there is one pair at most with each other video, that of the greatest likeness; pairs of a frame stand
    together, frames ascending, greatest likeness first.

    Attributes:
        left, right: (P,) int64, positions in the library.
        cosines: (P,) float64. distances: (P,) int64, bits in which the hashes differ.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    cosines: NDArray[np.float64]
    distances: NDArray[np.int64]

    def counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(F,) frames with a pair, ascending; the place of the first pair of each; how many pairs: other videos."""
        frames, places, numbers = np.unique(self.left, return_index=True, return_counts=True)
        return frames, places, numbers


class _Whole(Events):
    """Adds what was compared within the models before, so that the whole is reported."""

    def __init__(self, events: Events, nums_frames: Sequence[int], number: int) -> None:
        self._events = events
        self._before, self._total = sum(nums_frames[:number]), sum(nums_frames)

    def progress(self, name: str, done: int, total: int | None) -> None:  # noqa: ARG002 - that of one model
        self._events.progress(name, self._before + done, self._total)


def alike_frames(
    library: LibraryFrames,
    *,
    min_cosine: float,
    max_hash_distance: int,
    num_neighbours: int,
    max_exact: int,
    only: NDArray[np.int64] | None = None,
    events: Events = UNWATCHED,
) -> Alike:
    """The frames that are alike, within each model; the same whatever order the videos were measured in.

    Args:
        num_neighbours: other videos per frame, at most.
        only: positions in the library; None for all frames.
        events: `progress` for how many frames of all models were compared with the others.
    """
    found = [_nothing()]
    parts = [part if only is None else _narrowed(part, only) for part in library.comparable]
    for number, chosen in enumerate(parts):
        pairs = near_pairs(
            chosen.vectors,
            min_cosine=min_cosine,
            num_neighbours=num_neighbours,
            max_exact=max_exact,
            events=_Whole(events, [len(part.frames) for part in parts], number),
        )
        kept = [_nothing()]
        for left, right in pairs:
            block = _confirmed(library, chosen, left, right, limits=(min_cosine, max_hash_distance))
            kept.append(_best(block, library.videos, num_neighbours))
        # The index may show one frame the other, and not the other way round.
        both = _joined([*kept, *(Alike(each.right, each.left, each.cosines, each.distances) for each in kept)])
        found.append(_best(both, library.videos, num_neighbours))
    return _best(_joined(found), library.videos, num_neighbours)


def groups_of_alike(alike: Alike) -> list[NDArray[np.int64]]:
    """Frames that are alike, directly or by others in between: positions in the library, ascending.

    The groups are ordered by their first frame. Labels spread along the pairs until none changes.

    >>> pairs = Alike(np.array([0, 2, 2, 5]), np.array([2, 0, 5, 2]), np.ones(4), np.zeros(4, np.int64))
    >>> [group.tolist() for group in groups_of_alike(pairs)]
    [[0, 2, 5]]
    """
    frames, ends = np.unique(np.concatenate([alike.left, alike.right]), return_inverse=True)
    left, right = ends[: len(alike.left)], ends[len(alike.left) :]
    labels = np.arange(len(frames))
    while True:
        least = np.minimum(labels[left], labels[right])
        spread = labels.copy()
        np.minimum.at(spread, labels[left], least)
        np.minimum.at(spread, labels[right], least)
        spread = spread[spread]
        if (spread == labels).all():
            break
        labels = spread
    order = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[order], return_index=True)
    return [frames[part] for part in np.split(order, starts[1:])] if len(frames) else []


def _narrowed(part: Comparable, only: NDArray[np.int64]) -> Comparable:
    is_one = np.isin(part.frames, only)
    return Comparable(part.model, part.frames[is_one], part.vectors[is_one])


def _confirmed(
    library: LibraryFrames,
    part: Comparable,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    *,
    limits: tuple[float, int],
) -> Alike:
    """Those pairs that are of different videos and alike, as positions in the library."""
    min_cosine, max_hash_distance = limits
    frames = part.frames
    distances = np.bitwise_count(library.hashes[frames[left]] ^ library.hashes[frames[right]]).astype(np.int64)
    is_one = (distances <= max_hash_distance) & (library.videos[frames[left]] != library.videos[frames[right]])
    left, right, distances = left[is_one], right[is_one], distances[is_one]
    cosines = np.zeros(len(left))
    for start in range(0, len(left), _PAIRS_PER_BLOCK):
        block = slice(start, start + _PAIRS_PER_BLOCK)
        products = part.vectors[left[block]].astype(np.float64) * part.vectors[right[block]]
        cosines[block] = products.sum(axis=1)
    cosines = cosines.round(_DIGITS)
    is_one = cosines >= min_cosine
    return Alike(frames[left[is_one]], frames[right[is_one]], cosines[is_one], distances[is_one])


def _best(pairs: Alike, videos: NDArray[np.int64], number: int) -> Alike:
    """The best pair of each frame with each other video, and the best `number` of these."""
    left, right = pairs.left, pairs.right
    order = np.lexsort((right, pairs.distances, -pairs.cosines, videos[right], left))
    left, other = left[order], videos[right[order]]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (left[1:] != left[:-1]) | (other[1:] != other[:-1])
    kept = order[is_first]
    kept = kept[np.lexsort((right[kept], pairs.distances[kept], -pairs.cosines[kept], pairs.left[kept]))]
    place = np.arange(len(kept)) - np.searchsorted(pairs.left[kept], pairs.left[kept])
    kept = kept[place < number]
    return Alike(pairs.left[kept], right[kept], pairs.cosines[kept], pairs.distances[kept])


def _joined(parts: Sequence[Alike]) -> Alike:
    names = ("left", "right", "cosines", "distances")
    return Alike(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _nothing() -> Alike:
    integers = np.zeros(0, np.int64)
    return Alike(integers, integers, np.zeros(0), integers)
