"""The strategy `variants`: covers to test against one another, of nearly equal scores and different traits.

The first is the best of the video. Each further one differs most from those taken, in traits that people have words
for, so that what a test finds can be said: faces are clicked more than landscapes. Where no other of nearly the same
score differs by a trait, the best that does is taken, down to the floor `near_equal_share`, which is held before; and
where none does, the best that differs by half of one.
"""

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.diversify import Notes, left_out
from thumb_assets.select.similarity import Field, hash_distances
from thumb_assets.select.traits import Codes, differences
from thumb_assets.settings.selection import SelectionSettings

# Two covers that differ in no trait tell nothing in a test; neighbours on a scale differ by half of one.
_LEAST_DIFFERENCE, _WHOLE_TRAIT = 0.5, 1.0


def choose_variants(
    field: Field, traits: Codes, *, settings: SelectionSettings, notes: Notes | None = None
) -> list[int]:
    """The places in the field that are chosen, ascending.

    Args:
        field: the candidates, one or more; doubtful ones are chosen only where there are no others.
        traits: (M, T) of the field's candidates, see `traits_of`.
        settings: most, preferred_equal_share, min_gap_seconds, diversify, similarity.
        notes: taken of every candidate where they are given.

    Returns:
        At most `settings.most` places beside the pinned ones, fewer where nothing differs in a trait.
    """
    taking = _Taking(field, traits, settings, notes)
    num_usable = field.num_usable or len(field.positions)
    taking.is_open[num_usable:] = False
    for place in field.pinned:
        taking.take(place)
    while len(taking.taken) < settings.most and (found := taking.next_place()) is not None:
        taking.take(found)
    if notes is not None:
        taking.tell(notes, is_full=len(taking.taken) >= settings.most)
    return sorted(taking.taken)


class _Taking:
    """The greedy choice: what is taken, and how far each candidate is from it.

    Attributes:
        taken: places, in the order in which they were taken.
        is_open: (M,) marks those that are neither taken nor near one in time or looks.
    """

    def __init__(self, field: Field, traits: Codes, settings: SelectionSettings, notes: Notes | None) -> None:
        num_candidates = len(field.positions)
        self.taken: list[int] = []
        self.is_open = np.ones(num_candidates, dtype=np.bool_)
        self._field, self._traits, self._settings, self._notes = field, traits, settings, notes
        # Best first; what people pinned says nothing of how good a cover has to be.
        others = np.delete(field.combined, field.pinned)
        self._is_nearly_equal = field.combined >= settings.preferred_equal_share * (others[0] if len(others) else 0)
        self._vectors = None
        ground = None
        if settings.diversify != "none":
            ground = field.ground_vectors(settings=settings)
            self._vectors = field.vectors(np.arange(num_candidates), settings=settings)
        self._limits = field.near_limits(ground, settings=settings)
        if notes is not None and settings.diversify != "none":
            notes.compare(self._limits, ground)
        # To the selection that is nearest by its traits, and to all of them.
        self._nearest = np.full(num_candidates, np.inf)
        self._sum = np.zeros(num_candidates)
        self._when_taken: list[float] = []

    def next_place(self) -> int | None:
        """The next cover; None where nothing open differs from what is taken."""
        differs = self.is_open & (self._nearest >= _WHOLE_TRAIT)
        places = np.flatnonzero(differs & self._is_nearly_equal)
        if len(places):  # the most different one, of equals the best
            return int(places[np.lexsort((places, -self._sum[places], -self._nearest[places]))[0]])
        for least in (_WHOLE_TRAIT, _LEAST_DIFFERENCE):
            places = np.flatnonzero(self.is_open & (self._nearest >= least))
            if len(places):
                return int(places[0])  # the best one
        return None

    def take(self, place: int) -> None:
        """Takes it, and closes what is near it in time or looks."""
        field, settings = self._field, self._settings
        self.taken.append(place)
        self._when_taken.append(float(self._nearest[place]))
        if self._notes is not None:
            self._notes.take(place)
        own = differences(self._traits, self._traits[place])
        self._nearest, self._sum = np.minimum(self._nearest, own), self._sum + own
        self.is_open[place] = False
        self.is_open &= np.abs(field.seconds - field.seconds[place]) >= settings.min_gap_seconds
        if settings.diversify == "none":
            return
        if field.hashes is not None:
            self.is_open &= hash_distances(field.hashes, field.hashes[place]) >= self._limits.min_bits
        if self._vectors is not None:
            self.is_open &= self._vectors @ self._vectors[place] <= self._limits.max_cosine

    def tell(self, notes: Notes, *, is_full: bool) -> None:
        """Notes on the open candidates that by their traits they are nearer to the selections than these were."""
        by_traits: NDArray[np.float64] = np.array(self._when_taken[len(self._field.pinned) :])
        by_traits = by_traits[np.isfinite(by_traits)]
        least = float(by_traits.min()) if is_full and len(by_traits) else _LEAST_DIFFERENCE
        for place in np.flatnonzero(self.is_open & (self._nearest <= least)).tolist():
            notes.known[place] = left_out("alike_in_traits", "strategy", float(self._nearest[place]), least)
