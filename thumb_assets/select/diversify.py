"""Chooses few candidates that are good and different: greedily, by score and by how much of the video they stand for.

Four rules hold: a least distance in time, no near-duplicates, different shots while there are any, and doubtful
candidates only where the others do not suffice.
"""

from collections.abc import Iterable
from itertools import product

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.rules import Rejection, rule_of
from thumb_assets.select.similarity import (
    Field,
    FloatArray,
    Ground,
    NearLimits,
    hash_distances,
    known_rows,
)
from thumb_assets.settings.selection import SelectionSettings

# Candidates that are compared with one another: the best of as many shots, of stretches of time, and of the rest.
_SHORTLIST = 64


class Notes:
    """Notes of a chooser on every candidate of a field, from which come the reasons of those that it left out.

    Each selection is noted when it is taken, with the very numbers that close other candidates.

    Args:
        pinned: places that people pinned, whether they had to be forced or not.

    Attributes:
        taken: places of the selections.
        segments: strategy `keyframes`: by place the segment, the cosine to where it begins, and the threshold.
        known: by place the reason, where the chooser itself says it.
    """

    def __init__(self, field: Field, settings: SelectionSettings, pinned: NDArray[np.int64]) -> None:
        num_candidates = len(field.positions)
        self._pinned = pinned
        self.taken: list[int] = []
        self.segments: dict[int, tuple[int, float, float]] = {}
        self.known: dict[int, Rejection] = {}
        self._field, self._settings = field, settings
        self._limits: NearLimits | None = None
        self._vectors: FloatArray | None = None
        self._closeness: FloatArray | None = None
        self._covered = np.zeros(len(field.ground), np.float32)
        # To the selection that is nearest in time, most alike, most alike by the hash.
        self._seconds = np.full(num_candidates, np.inf)
        self._cosines = np.full(num_candidates, -np.inf)
        self._bits = np.full(num_candidates, np.inf)

    def compare(self, limits: NearLimits, ground: Ground | None) -> None:
        """From now on looks count.

        Args:
            limits: what near-duplicates are.
            ground: None where only hashes are compared.
        """
        self._limits = limits
        if ground is not None:
            self._vectors = self._field.vectors(np.arange(len(self._seconds)), settings=self._settings)
        if self._vectors is not None and ground is not None and self._settings.top_k == "auto":
            self._closeness = ground.closeness(self._vectors, ground.vectors)

    def take(self, place: int, *, others: NDArray[np.int64] | None = None, cosines: FloatArray | None = None) -> None:
        """A candidate is selected.

        Args:
            place: its place in the field.
            others, cosines: places that the chooser compares with it, and the cosines that it found.
        """
        field = self._field
        if place not in self.taken:
            self.taken.append(place)
        np.minimum(self._seconds, np.abs(field.seconds - field.seconds[place]), out=self._seconds)
        if self._limits is not None and field.hashes is not None:
            np.minimum(self._bits, hash_distances(field.hashes, field.hashes[place]), out=self._bits)
        if self._vectors is not None:
            own = self._vectors @ self._vectors[place]
            if others is not None and cosines is not None:
                own[others] = cosines
            np.maximum(self._cosines, own, out=self._cosines)
        if self._closeness is not None:
            self._covered = np.maximum(self._covered, self._closeness[place])

    def rejections(self, places: Iterable[int]) -> dict[int, Rejection]:
        """The reasons of candidates that were left out, by place; every one is true of the final selections."""
        chosen = np.array(sorted(self.taken), np.int64)
        # What people pinned says nothing of how good a candidate had to be.
        by_score = np.setdiff1d(chosen, self._pinned)
        return {place: self._reason(place, chosen, by_score) for place in places}

    def _reason(self, place: int, chosen: NDArray[np.int64], by_score: NDArray[np.int64]) -> Rejection:
        """The first that is true."""
        reason = self._near(place) or self.known.get(place)
        reason = reason or self._of_content(place) or self._of_shot(place, chosen, by_score)
        if reason is not None:
            return reason
        score = float(self._field.combined[place])
        least = float(self._field.combined[by_score].min()) if len(by_score) else None
        if least is not None and score > least:
            return left_out("less_different", "diversity_weight", score, least)
        return left_out("lower_score", "max_k" if self._settings.top_k == "auto" else "top_k", score, least)

    def _near(self, place: int) -> Rejection | None:
        """Too close to a selection in time or in looks."""
        seconds, cosine, bits = (float(values[place]) for values in (self._seconds, self._cosines, self._bits))
        if seconds < self._settings.min_gap_seconds:
            return left_out("too_close_to_selection", "min_gap_seconds", seconds, self._settings.min_gap_seconds)
        limits = self._limits
        if limits is not None and cosine > limits.max_cosine:
            return left_out("near_duplicate", limits.cosine_setting, cosine, limits.max_cosine)
        if limits is not None and bits < limits.min_bits:
            return left_out("near_duplicate", limits.bits_setting, bits, limits.min_bits)
        return None

    def _of_content(self, place: int) -> Rejection | None:
        """In a segment that has a selection, or, with `top_k=auto`, hardly anything new."""
        segment, similarity, threshold = self.segments.get(place, (-1, 0.0, 0.0))
        if segment in {self.segments[other][0] for other in self.taken if other in self.segments}:
            return left_out("same_content", "keyframes.threshold", similarity, threshold)
        if self._closeness is None or not self.taken:
            return None
        gain = float(self._field.coverage_gains(self._closeness[place : place + 1], self._covered)[0])
        least = self._settings.min_coverage_gain
        return left_out("already_covered", "min_coverage_gain", gain, least) if gain < least else None

    def _of_shot(self, place: int, chosen: NDArray[np.int64], by_score: NDArray[np.int64]) -> Rejection | None:
        """Behind the selections of its shot, where a rule takes others of other shots first."""
        field, settings = self._field, self._settings
        is_same = field.shot_indices[chosen] == field.shot_indices[place]
        if not is_same.any():
            return None
        score, setting = float(field.combined[place]), ""
        is_other = field.shot_indices[by_score] != field.shot_indices[place]
        if settings.strategy == "keyframes":
            setting = "" if self.segments else "strategy"
        elif settings.top_k == "auto" and self._vectors is None:
            setting = "top_k"
        elif settings.distinct_shots and (field.combined[by_score[is_other]] < score).any():
            setting = "distinct_shots"
        best = float(field.combined[chosen[is_same]].max())
        return left_out("shot_already_selected", setting, score, best) if setting else None


def left_out(reason: str, setting: str, value: float, threshold: float | None) -> Rejection:
    """A candidate is not chosen, by that setting within `selection`."""
    return rule_of(reason, f"selection.{setting}", value, threshold).rejection(value, threshold)


def diversify(field: Field, *, settings: SelectionSettings, notes: Notes | None = None) -> list[int]:
    """The places in the field of the candidates that are chosen, ascending, so best first.

    Args:
        field: the candidates.
        settings: most, min_gap_seconds, distinct_shots, diversify, diversity_weight, similarity.
        notes: taken of every candidate where they are given.

    Returns:
        At most `settings.most` places beside the pinned ones; at least one where there is a candidate.
    """
    taken = list(field.pinned)
    ground = field.ground_vectors(settings=settings) if settings.diversify != "none" else None
    limits = field.near_limits(ground, settings=settings)
    if notes is not None:
        if settings.diversify != "none":
            notes.compare(limits, ground)
        for place in taken:
            notes.take(place)
    is_left = np.ones(len(field.positions), dtype=np.bool_)
    spans = ((0, field.num_usable), (field.num_usable, len(field.positions)))
    for (first, end), is_shot_free in product(spans, (True, False) if settings.distinct_shots else (False,)):
        if len(taken) >= settings.most:
            break
        is_left[taken] = False
        left = first + np.flatnonzero(is_left[first:end])
        while len(left) and len(taken) < settings.most:
            short = _shortlist(field, left, most=settings.most)
            left = np.setdiff1d(left, short, assume_unique=True) if len(short) < len(left) else left[:0]
            chooser = _Chooser(field, settings, short, taken=taken, limits=limits, ground=ground, notes=notes)
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
        limits: NearLimits,
        ground: Ground | None,
        notes: Notes | None,
    ) -> None:
        self._field, self._settings, self._notes = field, settings, notes
        self._most, self._weight = settings.most, settings.diversity_weight
        self._short: NDArray[np.int64] = np.sort(np.concatenate([np.array(taken, np.int64), places]))
        self._shots = field.shot_indices[self._short]
        self._scores = field.combined[self._short]
        self._taken: list[int] = []  # places in the shortlist
        # Places in the shortlist that may still be taken: neither taken, nor near one in time or looks.
        self._is_open = np.ones(len(self._short), dtype=np.bool_)
        self._is_new_shot = np.ones(len(self._short), dtype=np.bool_)
        self._cosines: FloatArray | None = None
        if ground is not None:
            self._compare(ground)
        self._are_apart = self._apart(limits)
        for place in np.searchsorted(self._short, taken).tolist():
            self._take(place)

    def _compare(self, ground: Ground) -> None:
        """Closeness of the shortlist to itself or to the ground: 1 for the same, near 0 for what is not alike."""
        mine = self._field.vectors_beside(ground, self._short, settings=self._settings)
        self._cosines = mine @ mine.T
        self._closeness = ground.closeness(mine, ground.vectors)
        self._covered = np.zeros(len(ground.vectors), np.float32)
        if self._settings.diversify != "mmr":
            return
        self._self_closeness = ground.closeness(mine, mine)
        is_known = known_rows(mine)
        if not is_known.all():  # as like to others as these are to one another, neither alike nor different
            neutral = self._self_closeness[np.ix_(is_known, is_known)]
            self._self_closeness[~is_known] = self._self_closeness[:, ~is_known] = neutral.mean() if neutral.size else 0

    def _apart(self, limits: NearLimits) -> NDArray[np.bool_]:
        """(n, n) marks pairs of the shortlist that may both be taken: not near in time or looks."""
        seconds = self._field.seconds[self._short]
        are_apart = np.abs(seconds[:, None] - seconds) >= self._settings.min_gap_seconds
        if self._settings.diversify != "none" and self._field.hashes is not None:
            hashes = self._field.hashes[self._short]
            are_apart &= hash_distances(hashes[:, None], hashes) >= limits.min_bits
        if self._cosines is not None:
            are_apart &= self._cosines <= limits.max_cosine
        return np.asarray(are_apart)

    @property
    def taken(self) -> list[int]:
        """Places in the field, in the order in which they were taken."""
        return [int(self._short[place]) for place in self._taken]

    def run(self, *, is_shot_free: bool) -> None:
        """Takes what may be taken and is worth it, best gain first.

        Args:
            is_shot_free: take only from shots of which nothing is taken.
        """
        while len(self._taken) < self._most:
            places = np.flatnonzero(self._is_open & self._is_new_shot if is_shot_free else self._is_open)
            places = self._worth(places)
            if not len(places):
                return
            self._take(int(places[self._gains(places).argmax()]))

    def _gains(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """The gain of each; the first of equals is the one with the better score."""
        scores = self._scores[places]
        if self._cosines is None:
            return np.asarray(scores, np.float64)
        if self._settings.diversify == "mmr":
            alike = self._self_closeness[places][:, self._taken].max(axis=1) if self._taken else 0.0
            return np.asarray((1 - self._weight) * scores - self._weight * alike)
        return np.asarray((1 - self._weight) * scores + self._weight * self._shares_of_missing(places))

    def _shares_of_missing(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """The facility location gain, as a share of what is not covered yet: 0..1.

        Lin and Bilmes, "A class of submodular functions for document summarization", ACL 2011.
        """
        missing = 1.0 - float((self._covered * self._field.ground_shares).sum())
        if missing <= 1e-6:
            return np.zeros(len(places))
        return np.asarray(self._coverage_gains(places) / missing, np.float64)

    def _coverage_gains(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """The share of the video that each covers beyond what is covered: 0..1."""
        return self._field.coverage_gains(self._closeness.take(places, axis=0), self._covered)

    def _worth(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those that are worth it: with `auto` one more has to cover the video noticeably better."""
        if self._settings.top_k != "auto" or not self._taken:
            return places
        if self._cosines is None:
            return places[self._is_new_shot[places]]
        return places[self._coverage_gains(places) >= self._settings.min_coverage_gain]

    def _take(self, place: int) -> None:
        self._taken.append(place)
        if self._notes is not None:
            cosines = None if self._cosines is None else self._cosines[place]
            self._notes.take(int(self._short[place]), others=self._short, cosines=cosines)
        self._is_open[place] = False
        self._is_open &= self._are_apart[place]
        self._is_new_shot &= self._shots != self._shots[place]
        if self._cosines is not None:
            self._covered = np.maximum(self._covered, self._closeness[place])


def _shortlist(field: Field, places: NDArray[np.int64], *, most: int) -> NDArray[np.int64]:
    """The best of these places (ascending) of every shot, of as many stretches of time, and of the rest; ascending."""
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
