"""The states of the screen in slides and screen recordings: what each is worth, and how alike they are by their edges.

A state counts by its time; a state that the next one only adds to (a list that is built up, a form that is filled in)
is part of the next. What stands throughout the recording tells no state from another, and a mouse cursor has hardly an
edge.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.measure import CandidateArrays
from thumb_assets.settings.selection import SelectionSettings

FloatArray = NDArray[np.float64]
# Lines and columns of the pictures of edges, see `thumb_assets.screens`.
_EDGE_SHAPE = (108, 192)
# A state is worth its seconds to this power; more seconds than these are worth no more.
_POWER, _MOST_SECONDS = 0.7, 10.0
# One at the file's start or end counts less where it is shorter than this share of it: a desktop, a recorder's window.
_LEAST_END_SHARE, _END_FACTOR = 0.05, 0.3
# A state goes on growing where the next one keeps so much of its edges, and less of the picture than this changes: a
# page of print has edges nearly everywhere.
GROWING_SHARE, _MOST_CHANGED_SHARE = 0.80, 0.25
# Edges that are there for so much of the states' time are the frame around them; of fewer states none is known to be.
_STANDING_SHARE, _LEAST_STATES = 0.85, 4
# A card has a ground of its own: at least this share of the picture changes between it and what it introduces or ends.
_LEAST_CARD_CHANGE = 0.9


@dataclass(frozen=True)
class ScreenStates:
    """The states of one video, S of them in the order of time.

    Attributes:
        positions: (S,) int64, the candidates that show them, counted within the video.
        edges, widened: (S, E) uint8, a bit per pixel: without what stands throughout, and as wide as its neighbours.
        changed: (S,) float64, the share of the picture that differs from the state before; NaN where it is not known.
    """

    positions: NDArray[np.int64]
    edges: NDArray[np.uint8]
    widened: NDArray[np.uint8]
    changed: FloatArray

    def kept_by_next(self) -> FloatArray:
        """(S,) share of each one's edges that the next one has; 0 for the last one, and before another screen."""
        kept = np.zeros(len(self.positions))
        kept[:-1] = _share(self.edges[:-1] & self.widened[1:], self.edges[:-1])
        kept[:-1][self.changed[1:] >= _MOST_CHANGED_SHARE] = 0.0
        return kept

    def likeness_to(self, state: int) -> FloatArray:
        """(S,) the share of edges that each has in common with a state, of the one that has more: 0..1."""
        of_each = _share(self.edges & self.widened[state], self.edges)
        of_state = _share(self.edges[state] & self.widened, self.edges[state])
        return np.asarray(np.minimum(of_each, of_state))


def are_screens(measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.bool_]:
    """(N,) marks candidates of videos that are chosen from as recordings of screens: those with a state that shows
    something, since a black video stands still, too.
    """
    is_blank = measured["luma_std"] < settings.reject.min_content_std
    has_state = ~np.isnan(measured["state_seconds"]) & ~is_blank
    if settings.screens == "off" or settings.strategy != "best" or not has_state.any():
        return np.zeros(len(has_state), dtype=np.bool_)
    videos = np.repeat(np.arange(len(measured.video_ids)), np.diff(measured.offsets))
    return np.asarray(np.bincount(videos, weights=has_state, minlength=len(measured.video_ids))[videos] > 0)


def may_be_cards(measured: CandidateArrays) -> NDArray[np.bool_]:
    """(N,) marks the first and the last state of a recording, where nearly all of the screen changes beside it.

    The title page of a deck has the ground of its pages.
    """
    marks = np.zeros(len(measured.frame_indices), dtype=np.bool_)
    for video in _videos_with_states(measured):
        own = measured.span(video).start + np.flatnonzero(~np.isnan(measured["state_seconds"][measured.span(video)]))
        is_new = measured["changed_share"][own[1:]] >= _LEAST_CARD_CHANGE
        ends = own[[0, -1]]
        if len(is_new):
            marks[ends] = is_new[[0, -1]] & (measured["is_end_state"][ends] > 0)
    return marks


def states_of_video(measured: CandidateArrays, video: int) -> ScreenStates:
    """The states of one video; those whose edges are not known have none."""
    span = measured.span(video)
    seconds = measured["state_seconds"][span]
    positions = np.flatnonzero(~np.isnan(seconds))
    known = measured.edges[video] if measured.edges else np.zeros((len(seconds), 0), np.uint8)
    edges = known[positions] if known.shape[1] else np.zeros((len(positions), int(np.prod(_EDGE_SHAPE)) // 8), np.uint8)
    if len(edges) >= _LEAST_STATES:
        weights = np.minimum(seconds[positions], _MOST_SECONDS)
        shares = np.zeros(_EDGE_SHAPE)
        for row, weight in zip(edges, weights / weights.sum(), strict=True):
            shares += weight * _picture(row)
        edges = edges & ~np.packbits(shares >= _STANDING_SHARE)
    widened = [np.packbits(_widened(_picture(row))) for row in edges]
    changed = measured["changed_share"][span][positions]
    return ScreenStates(positions, edges, np.array(widened, np.uint8).reshape(edges.shape), changed)


def kept_shares(measured: CandidateArrays) -> FloatArray:
    """(N,) the share of a state's edges that the next state keeps; NaN for candidates that show no state."""
    kept = np.full(len(measured.frame_indices), np.nan)
    for video in _videos_with_states(measured):
        states = states_of_video(measured, video)
        kept[measured.span(video).start + states.positions] = states.kept_by_next()
    return kept


def worth_of_states(measured: CandidateArrays) -> FloatArray:
    """(N,) the worth of each state by its time, 0..1; NaN for candidates that show none.

    The time of states that grow into one another is that of all of them so far.
    """
    worth = np.full(len(measured.frame_indices), np.nan)
    kept = kept_shares(measured)
    for video in _videos_with_states(measured):
        own = measured.span(video).start + np.flatnonzero(~np.isnan(measured["state_seconds"][measured.span(video)]))
        seconds, share, is_end = 0.0, 0.0, False
        for position in own.tolist():
            seconds += float(measured["state_seconds"][position])
            share += float(measured["state_share"][position])
            is_end |= bool(measured["is_end_state"][position])
            factor = _END_FACTOR if is_end and share < _LEAST_END_SHARE else 1.0
            worth[position] = factor * (min(seconds, _MOST_SECONDS) / _MOST_SECONDS) ** _POWER
            if kept[position] < GROWING_SHARE:
                seconds, share, is_end = 0.0, 0.0, False
    return worth


def _videos_with_states(measured: CandidateArrays) -> list[int]:
    has_state = ~np.isnan(measured["state_seconds"])
    return [video for video in range(len(measured.video_ids)) if has_state[measured.span(video)].any()]


def _picture(bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.unpackbits(bits).reshape(_EDGE_SHAPE).astype(np.bool_)


def _widened(picture: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Each edge with the eight pixels around it: a line that is drawn again may lie beside itself."""
    rows = picture.copy()
    rows[1:] |= picture[:-1]
    rows[:-1] |= picture[1:]
    wide = rows.copy()
    wide[:, 1:] |= rows[:, :-1]
    wide[:, :-1] |= rows[:, 1:]
    return wide


def _share(part: NDArray[np.uint8], whole: NDArray[np.uint8]) -> FloatArray:
    """Bits of the one over those of the other, row by row; 0 where there are none."""
    counts = [np.bitwise_count(bits).sum(axis=-1, dtype=np.float64) for bits in (part, whole)]
    return np.asarray(counts[0] / np.maximum(counts[1], 1.0))
