"""Chooses few candidates that are good and different: greedily, by score and by how much of the video they stand for.

Four rules hold: a least distance in time, no near-duplicates, different shots while there are any, and doubtful
candidates only where the others do not suffice.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.similarity import (
    FloatArray,
    comparable_vectors,
    hash_distances,
    known_rows,
    max_cosine_of,
    mean_cosine,
    mean_hash_distance,
)
from thumb_assets.settings import SelectionSettings

# Candidates that are compared with one another: the best of as many shots, of stretches of time, and of the rest.
_SHORTLIST = 64
# Cosine distance, and bits of the hash, below which two pictures show the same in any video.
_SAME_DISTANCE, _SAME_BITS = 0.01, 3.0
# Candidates that stand for the video where it is measured how well it is covered, evenly over its time.
_GROUND = 64


@dataclass(frozen=True)
class Field:
    """The candidates of one video that may be chosen, M of them, best first: the doubtful ones behind the others.

    Attributes:
        positions: (M,) int64, where each stands among the video's candidates.
        num_usable: how many of them are not doubtful; they are the first ones.
        combined, seconds: (M,) float64.
        shot_indices: (M,) int64.
        own_seconds: (M,) float64, how much of its shot's time each stands for; NaN where it is not known.
        hashes: (M,) uint64; None where they are not known.
        embeddings, descriptors: (n, D) and (n, E) float16 of all n candidates of the video; see `comparable_vectors`.
        pinned: places in the field of those that are chosen whatever they are.
    """

    positions: NDArray[np.int64]
    num_usable: int
    combined: NDArray[np.float64]
    seconds: NDArray[np.float64]
    shot_indices: NDArray[np.int64]
    own_seconds: NDArray[np.float64]
    hashes: NDArray[np.uint64] | None
    embeddings: NDArray[np.float16]
    descriptors: NDArray[np.float16]
    pinned: tuple[int, ...] = ()

    def vectors(self, places: NDArray[np.int64], *, settings: SelectionSettings) -> FloatArray | None:
        """Those of the candidates at these places; None where none are known."""
        rows = self.positions[places]
        return comparable_vectors(self.embeddings[rows], self.descriptors[rows], settings=settings.similarity)

    @cached_property
    def in_time(self) -> NDArray[np.int64]:
        """Places of the candidates in the order of time; equal times by frame."""
        return np.lexsort((self.positions, self.seconds))

    @property
    def ground(self) -> NDArray[np.int64]:
        """Places of the candidates that stand for the video, in the order of time: all, or some at even steps of it."""
        return self._ground[0]

    @property
    def ground_shares(self) -> NDArray[np.float32]:
        """The share of the time that each of the ground stands for; alike where that is not known."""
        return self._ground[1]

    @cached_property
    def _ground(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        # By their number the candidates of a shot of a blink would count for as much as those of a long one.
        seconds = self.own_seconds[self.in_time]
        if not (seconds > 0).all():
            seconds = np.ones(len(seconds))
        if len(seconds) <= _GROUND:
            return self.in_time, np.asarray(seconds / seconds.sum(), np.float32)
        ends = np.cumsum(seconds)
        steps = (np.arange(_GROUND) + 0.5) / _GROUND * ends[-1]
        places, num_steps = np.unique(np.searchsorted(ends, steps), return_counts=True)
        return self.in_time[places], np.asarray(num_steps / _GROUND, np.float32)

    def coverage_gains(self, close: FloatArray, covered: FloatArray) -> NDArray[np.float32]:
        """How much more of the video's time each of some candidates covers: (n,), 0..1.

        Args:
            close: (n, G) their closeness to the ground.
            covered: (G,) the closeness to it of what is taken.
        """
        return np.asarray((np.maximum(close - covered, 0) * self.ground_shares).sum(axis=1))

    def near_limits(self, of_ground: FloatArray | None, *, settings: SelectionSettings) -> tuple[float, float]:
        """Candidates are near-duplicates whose cosine is above the first, or whose hash distance is below the second.

        A camera that stands still sees one place throughout, and what differs is what passes by: where candidates are
        all much alike, those at half of their mean distance are told apart. What is nearly the same picture never is.

        Args:
            of_ground: the vectors of the ground.
        """
        similarity = settings.similarity
        num_ground = len(self.ground)
        max_cosine = max_cosine_of(self.embeddings, self.descriptors, settings=similarity)
        min_bits = float(similarity.min_hash_distance)
        if not similarity.is_relative or num_ground < 2:
            return max_cosine, min_bits
        if of_ground is not None:
            max_cosine = max(max_cosine, 1 - max((1 - mean_cosine(of_ground)) / 2, _SAME_DISTANCE))
        if self.hashes is not None:
            min_bits = min(min_bits, max(mean_hash_distance(self.hashes[self.ground]) / 2, _SAME_BITS))
        return max_cosine, min_bits


def diversify(field: Field, *, settings: SelectionSettings) -> list[int]:
    """The places in the field of the candidates that are chosen, ascending, so best first.

    Args:
        field: the candidates.
        settings: most, min_gap_seconds, distinct_shots, diversify, diversity_weight, similarity.

    Returns:
        At most `settings.most` places beside the pinned ones; at least one where there is a candidate.
    """
    taken = list(field.pinned)
    of_ground = field.vectors(field.ground, settings=settings) if settings.diversify != "none" else None
    limits = field.near_limits(of_ground, settings=settings)
    is_left = np.ones(len(field.positions), dtype=np.bool_)
    for first, end in ((0, field.num_usable), (field.num_usable, len(field.positions))):
        for is_shot_free in (True, False) if settings.distinct_shots else (False,):
            is_left[taken] = False
            left = first + np.flatnonzero(is_left[first:end])
            while len(left) and len(taken) < settings.most:
                short = _shortlist(field, left, most=settings.most)
                left = np.setdiff1d(left, short, assume_unique=True) if len(short) < len(left) else left[:0]
                chooser = _Chooser(field, settings, short, taken=taken, limits=limits, of_ground=of_ground)
                chooser.run(is_shot_free=is_shot_free)
                taken = chooser.taken
    return sorted(taken)


class _Chooser:
    """The greedy choice from some places of a field, beside those that are taken already."""

    def __init__(
        self,
        field: Field,
        settings: SelectionSettings,
        places: NDArray[np.int64],
        *,
        taken: list[int],
        limits: tuple[float, float],
        of_ground: FloatArray | None,
    ) -> None:
        self._field, self._settings, self._limits, self._of_ground = field, settings, limits, of_ground
        self._short: NDArray[np.int64] = np.sort(np.concatenate([np.array(taken, np.int64), places]))
        self._scores = field.combined[self._short]
        self._seconds = field.seconds[self._short]
        self._shots = field.shot_indices[self._short]
        self._hashes = None if field.hashes is None else field.hashes[self._short]
        self._taken: list[int] = []  # places in the shortlist
        # Places in the shortlist that may still be taken: neither taken, nor near one in time or looks.
        self._is_open = np.ones(len(self._short), dtype=np.bool_)
        self._is_new_shot = np.ones(len(self._short), dtype=np.bool_)
        self._compare()
        for place in np.searchsorted(self._short, taken).tolist():
            self._take(place)

    def _compare(self) -> None:
        """Closeness of the shortlist to itself and to the ground: 1 for the same, near 0 for what is not alike."""
        self._cosines: FloatArray | None = None
        if self._settings.diversify == "none":
            return
        mine = self._field.vectors(self._short, settings=self._settings)
        grounds = self._of_ground
        if mine is None or grounds is None:
            return
        self._cosines = mine @ mine.T
        self._closeness = closeness(mine, grounds, of_ground=grounds)
        self._self_closeness = closeness(mine, mine, of_ground=grounds)
        is_known = known_rows(mine)
        if not is_known.all():  # as like to others as these are to one another, neither alike nor different
            neutral = self._self_closeness[np.ix_(is_known, is_known)]
            self._self_closeness[~is_known] = self._self_closeness[:, ~is_known] = neutral.mean() if neutral.size else 0
        self._covered = np.zeros(len(grounds), np.float32)

    @property
    def taken(self) -> list[int]:
        """Places in the field, in the order in which they were taken."""
        return [int(self._short[place]) for place in self._taken]

    def run(self, *, is_shot_free: bool) -> None:
        """Takes what may be taken and is worth it, best gain first.

        Args:
            is_shot_free: take only from shots of which nothing is taken.
        """
        while len(self._taken) < self._settings.most:
            places = np.flatnonzero(self._is_open & self._is_new_shot if is_shot_free else self._is_open)
            places = places[self._are_worth(places)]
            if not len(places):
                return
            self._take(int(places[np.argmax(self._gains(places))]))

    def _gains(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """What each would add; the first of equals is the one with the better score."""
        scores = self._scores[places]
        if self._cosines is None:
            return np.asarray(scores, np.float64)
        weight = self._settings.diversity_weight
        if self._settings.diversify == "mmr":
            alike = self._self_closeness[places][:, self._taken].max(axis=1) if self._taken else 0.0
            return np.asarray((1 - weight) * scores - weight * alike)
        return np.asarray((1 - weight) * scores + weight * self._coverage_gains(places))

    def _coverage_gains(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """The facility location gain, as a share of what is not covered yet: 0..1.

        Lin and Bilmes, "A class of submodular functions for document summarization", ACL 2011.
        """
        missing = 1.0 - float((self._covered * self._field.ground_shares).sum())
        gains = self._field.coverage_gains(self._closeness[places], self._covered)
        return np.asarray(gains / missing if missing > 1e-6 else np.zeros(len(places)), np.float64)

    def _are_worth(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """With `auto` one more has to cover the video noticeably better."""
        if self._settings.top_k != "auto" or not self._taken:
            return np.ones(len(places), dtype=np.bool_)
        if self._cosines is None:
            is_worth = self._is_new_shot[places]
        else:
            gains = self._field.coverage_gains(self._closeness[places], self._covered)
            is_worth = gains >= self._settings.min_coverage_gain
        return np.asarray(is_worth)

    def _take(self, place: int) -> None:
        settings = self._settings
        self._taken.append(place)
        self._is_open[place] = False
        self._is_open &= np.abs(self._seconds - self._seconds[place]) >= settings.min_gap_seconds
        self._is_new_shot &= self._shots != self._shots[place]
        if settings.diversify == "none":
            return
        if self._hashes is not None:
            self._is_open &= hash_distances(self._hashes, self._hashes[place]) >= self._limits[1]
        if self._cosines is not None:
            self._is_open &= self._cosines[place] <= self._limits[0]
            self._covered = np.maximum(self._covered, self._closeness[place])


def _shortlist(field: Field, places: NDArray[np.int64], *, most: int) -> NDArray[np.int64]:
    """Of these places (ascending) the best of every shot, of as many stretches of time, and of the rest; ascending."""
    size = max(_SHORTLIST, 4 * most)
    if len(places) <= size:
        return places
    _, firsts = np.unique(field.shot_indices[places], return_index=True)
    is_in = np.zeros(len(places), dtype=np.bool_)
    is_in[np.sort(firsts)[: size // 2]] = True
    others = np.flatnonzero(~is_in)  # of a long take, not all of the one place that scores best
    seconds = field.seconds[places[others]]
    num_stretches = (size - np.count_nonzero(is_in)) // 2
    edges = np.linspace(seconds.min(), seconds.max(), num_stretches + 1)[1:-1]
    _, firsts = np.unique(np.searchsorted(edges, seconds, side="right"), return_index=True)
    is_in[others[firsts]] = True
    is_in[np.flatnonzero(~is_in)[: size - np.count_nonzero(is_in)]] = True
    return places[is_in]


def nearest_distance(seconds: float, others: list[float]) -> float:
    """Distance to the nearest of the others (ascending), infinite where there is none.

    >>> nearest_distance(2.5, [0.0, 2.0, 4.0])
    0.5
    """
    place = bisect_left(others, seconds)
    return min((abs(seconds - other) for other in others[max(place - 1, 0) : place + 1]), default=float("inf"))


def closeness(vectors: FloatArray, others: FloatArray, *, of_ground: FloatArray) -> FloatArray:
    """(n, m): 1 for the same, 1/e for what is as far apart as the video's candidates are on the average, near 0 beyond.

    Args:
        vectors, others: (n, D) and (m, D) of L2 norm 1.
        of_ground: (g, D), g > 0, the candidates that stand for the video.
    """
    scale = max(1 - mean_cosine(of_ground), 1e-6) if len(of_ground) > 1 else 1e-6
    return np.asarray(np.exp(-np.maximum(1 - vectors @ others.T, 0) / np.float32(scale)))


def take_of_groups(field: Field, groups: NDArray[np.int64], *, most: int, min_gap_seconds: float) -> list[int]:
    """Of each group the first place in the field that is at least the gap from all that were taken before it.

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
