"""The choice in slides and screen recordings: the states of the screen are the moments.

States are taken one by one, each time the one with the most of score x what is new in it.
"""

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.diversify import Notes, left_out
from thumb_assets.select.rules import Rejection
from thumb_assets.select.similarity import Field
from thumb_assets.select.states import ScreenStates
from thumb_assets.settings.selection import SelectionSettings

FloatArray = NDArray[np.float64]
# So much of a state's score counts even if all of it was seen before.
_LEAST_NOVELTY = 0.05


def choose_states(
    field: Field, states: ScreenStates, *, settings: SelectionSettings, notes: Notes | None = None
) -> list[int]:
    """The places in the field that are chosen, ascending: states of the screen, and what people pinned.

    Args:
        field: the candidates; those that show no state are not taken.
        states: of the same video.
        settings: most, min_gap_seconds, min_coverage_gain.
        notes: taken of every candidate where they are given.
    """
    chooser = _StateChooser(field, states, settings)
    for first, end in ((0, field.num_usable), (field.num_usable, len(field.positions))):
        chooser.run(first, end)
    if notes is not None:
        for place in chooser.taken:
            notes.take(place)
        notes.known |= chooser.reasons()
    return sorted(chooser.taken)


class _StateChooser:
    """The greedy choice of states."""

    def __init__(self, field: Field, states: ScreenStates, settings: SelectionSettings) -> None:
        self._field, self._states, self._settings = field, states, settings
        state_at = {position: state for state, position in enumerate(states.positions.tolist())}
        self._state_of = np.array([state_at.get(position, -1) for position in field.positions.tolist()], np.int64)
        self._is_open = self._state_of >= 0
        self._novelty = np.ones(len(states.positions))
        self._total = float(field.combined[self._is_open].sum()) or 1.0
        self._least_gain: float | None = None
        self.taken: list[int] = []
        for place in field.pinned:
            self._take(place)

    def run(self, first: int, end: int) -> None:
        """Takes from these places what may be taken and shows enough that is new, best gain first."""
        while len(self.taken) < self._settings.most:
            open_places = first + np.flatnonzero(self._is_open[first:end])
            if not len(open_places):
                return
            gains = self._gains()[open_places]
            best = int(np.argmax(gains))
            if self._settings.top_k == "auto" and self.taken and self._shares(open_places)[best] < self._least_share:
                return
            self._least_gain = min(float(gains[best]), self._least_gain or np.inf)
            self._take(int(open_places[best]))

    @property
    def _least_share(self) -> float:
        return self._settings.min_coverage_gain

    def _gains(self) -> FloatArray:
        novelty = np.where(self._state_of >= 0, self._novelty[self._state_of], 0.0)
        return np.asarray(self._field.combined * (novelty + _LEAST_NOVELTY))

    def _shares(self, places: NDArray[np.int64]) -> FloatArray:
        """Share of the video's states that each adds to those shown."""
        return np.asarray(self._field.combined[places] * self._novelty[self._state_of[places]] / self._total)

    def _take(self, place: int) -> None:
        self.taken.append(place)
        self._is_open[place] = False
        near = np.abs(self._field.seconds - self._field.seconds[place]) < self._settings.min_gap_seconds
        self._is_open &= ~near
        state = int(self._state_of[place])
        if state >= 0:
            self._novelty = np.minimum(self._novelty, 1 - self._states.likeness_to(state))

    def reasons(self) -> dict[int, Rejection]:
        """Reasons for the states that were not chosen, by place."""
        places, is_auto = np.flatnonzero(self._is_open), self._settings.top_k == "auto"
        gains, shares = self._gains(), self._shares(places)
        reasons = {}
        for place, share in zip(places.tolist(), shares.tolist(), strict=True):
            gain = float(gains[place])
            if is_auto and share < self._least_share:
                reasons[place] = left_out("already_covered", "min_coverage_gain", share, self._least_share)
            elif self._least_gain is not None and gain <= self._least_gain:
                setting = "max_k" if is_auto else "top_k"
                reasons[place] = left_out("less_new_on_screen", setting, gain, self._least_gain)
        return reasons
