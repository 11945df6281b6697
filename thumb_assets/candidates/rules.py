"""The sampling rules: from the times at which frames are on screen to the frames that are asked for. Pure.

Times are given as bounds: N + 1 seconds, at which each of N frames appears and at which the last one is gone.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from thumb_assets.settings.stages import CandidatesSettings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A moment as near as this before a frame is that frame's: sums of floats miss the stamp they mean.
TOLERANCE = 1e-7
# What is shown this long before the moment that a shot's end asks for is near enough to the end.
_NEAR_END_SECONDS = 0.6
# So is what is shown behind that moment, but for this share of the distance to the end.
_NEAR_END_SHARE = 0.6
# A frame that stays on screen so long, or less long but for so many usual steps, is held: a slide, a title, what a
# screen recorder writes where nothing changes.
_HOLD_SECONDS, _LEAST_HOLD_SECONDS, _HOLD_STEPS = 2.0, 0.5, 4
# Nobody reads text that is shown for less.
_LEAST_CUE_SECONDS = 0.4
# What is left behind the last whole interval of the grid is sampled where it is longer than this share of one.
_LEAST_REST = 0.25


def bounds_of(pts_seconds: Floats, last_seconds: float) -> Floats:
    """The bounds of frames: where stamps fall, time stands still until they have caught up.

    Args:
        pts_seconds: (N,) float64 by frame_index, N >= 1.
        last_seconds: how long the last frame is on screen.
    """
    latest = np.maximum.accumulate(pts_seconds)
    return np.append(latest, latest[-1] + last_seconds)


def held_frames(shown: Floats) -> NDArray[np.bool_]:
    """The frames that stay on screen much longer than is usual in the video.

    Args:
        shown: (N,) float64, for how many seconds each frame is on screen.

    >>> held_frames(np.array([19.5, 0.04, 0.04, 0.04, 0.9, 0.04])).tolist()
    [True, False, False, False, True, False]
    """
    steps = shown[shown > 0]
    usual = float(np.percentile(steps, 25)) if len(steps) else 0.0
    return np.asarray(shown >= min(_HOLD_SECONDS, max(_LEAST_HOLD_SECONDS, _HOLD_STEPS * usual)))


def seconds_stood_for(pts_seconds: Floats, frames: Sequence[int]) -> list[float]:
    """Seconds of a video that are nearest to each of some of its frames.

    Args:
        pts_seconds: (N,) float64 by frame_index.
        frames: frame_index, ascending.

    >>> seconds_stood_for(np.arange(11.0), [2, 4, 10])
    [3.0, 4.0, 3.0]
    """
    if not frames:
        return []
    latest = np.maximum.accumulate(pts_seconds)
    own = latest[np.asarray(frames)]
    shown: list[float] = np.diff(np.concatenate([latest[:1], (own[:-1] + own[1:]) / 2, latest[-1:]])).tolist()
    return shown


def shown_at(bounds: Floats, moments: Floats) -> Ints:
    """The frame that is on screen at each moment; the first one before it appears.

    >>> shown_at(np.array([0.0, 1.0, 1.0, 5.0, 6.0]), np.array([0.5, 1.0, 4.0])).tolist()
    [0, 2, 2]
    """
    places = np.searchsorted(bounds[:-1], moments + TOLERANCE, side="right") - 1
    return np.asarray(np.maximum(places, 0), np.int64)


def shot_candidates(bounds: Floats, starts: Ints, exclusive_ends: Ints, *, shot_offset_seconds: float) -> Ints:
    """For each shot the frame on screen the offset after its start, or in its middle where it is shorter.

    Args:
        bounds: (N + 1,) float64, see the module.
        starts: (S,) int64 frame_index of the first frame of each shot.
        exclusive_ends: (S,) int64 frame_index behind the last frame of each shot, greater than its start.
        shot_offset_seconds: distance from the shot's start, >= 0.

    Returns:
        (S,) int64 frame_index, inside [start, exclusive_end) whatever the shot's length.

    >>> seconds = np.arange(11) / 10
    >>> shot_candidates(seconds, np.array([0, 7]), np.array([7, 10]), shot_offset_seconds=0.4).tolist()
    [4, 8]
    """
    begin, end = bounds[starts], bounds[exclusive_ends]
    due = begin + shot_offset_seconds
    moments = np.where(due < end - TOLERANCE, due, begin + (end - begin) / 2)
    return np.clip(shown_at(bounds, moments), starts, exclusive_ends - 1)


def shot_end_candidates(
    bounds: Floats,
    starts: Ints,
    exclusive_ends: Ints,
    *,
    asked: NDArray[np.bool_],
    margins: Floats,
) -> Ints:
    """The frame on screen the margin before the end of each shot that has no other candidate near its end.

    Args:
        bounds, starts, exclusive_ends: as `shot_candidates`.
        asked: (N,) bool, the candidates that there are.
        margins: (S,) float64, distance from the end, within which a transition may have begun.

    Returns:
        (at most S,) int64 frame_index.

    >>> asked = np.zeros(40, np.bool_); asked[4] = True
    >>> first, end, margin = np.array([0]), np.array([40]), np.array([0.2])
    >>> shot_end_candidates(np.arange(41) / 10, first, end, asked=asked, margins=margin).tolist()
    [38]
    """
    begin, end = bounds[starts], bounds[exclusive_ends]
    moments = end - margins
    firsts = np.searchsorted(bounds[:-1], moments - _NEAR_END_SECONDS - TOLERANCE)
    lasts = np.searchsorted(bounds[:-1], end - _NEAR_END_SHARE * margins + TOLERANCE, side="right")
    firsts, lasts = np.maximum(firsts, starts), np.clip(lasts, starts, exclusive_ends)
    num_before = np.concatenate([[0], np.cumsum(asked)])
    has_none = num_before[np.maximum(firsts, lasts)] - num_before[firsts] == 0
    is_due = has_none & (moments > begin + TOLERANCE)
    return np.asarray(np.clip(shown_at(bounds, moments), starts, exclusive_ends - 1)[is_due], np.int64)


def cue_frames(bounds: Floats, starts: Floats, ends: Floats, *, asked: NDArray[np.bool_]) -> Ints:
    """The frames in the middle of those subtitles that no candidate shows.

    Args:
        bounds: (N + 1,) float64, see the module.
        starts, ends: (C,) float64, seconds of the cues, by start; flashes of text are passed over.
        asked: (N,) bool, the candidates that there are.

    Returns:
        int64 frame_index, ascending.

    >>> asked = np.zeros(10, np.bool_); asked[2] = True
    >>> cue_frames(np.arange(11.0), np.array([1.0, 4.0]), np.array([3.0, 7.0]), asked=asked).tolist()
    [5]
    """
    taken = asked.copy()
    firsts, lasts = shown_at(bounds, starts), shown_at(bounds, ends - TOLERANCE)
    begin, end = np.maximum(starts, bounds[0]), np.minimum(ends, bounds[-1])
    middles = shown_at(bounds, begin + (end - begin) / 2)
    for place in np.flatnonzero(end - begin >= _LEAST_CUE_SECONDS).tolist():
        if not taken[firsts[place] : lasts[place] + 1].any():
            taken[middles[place]] = True
    return np.flatnonzero(taken & ~asked)


def num_moments_before(seconds: Floats, *, begin_seconds: float, interval_seconds: float) -> Floats:
    """Number of middles of uniform intervals, `begin + (k + 0.5) * interval` for k >= 0, that lie before each time.

    Counting per frame instead of searching per interval keeps the work proportional to the frames: one damaged stamp
    of 10^9 s would mean 10^9 intervals. The count is a float64 for the same reason: it may exceed an int64.

    Args:
        seconds: (N,) float64.
        begin_seconds: when the first frame appears.
        interval_seconds: length of an interval, > 0.

    Returns:
        (N,) float64 whole numbers >= 0.

    >>> num_moments_before(np.array([0.0, 1.5, 1.6, 4.6]), begin_seconds=0.0, interval_seconds=3.0).tolist()
    [0.0, 0.0, 1.0, 2.0]
    """
    seconds = seconds - TOLERANCE
    counts = np.floor((seconds - begin_seconds) / interval_seconds + 0.5)
    # The division rounds; the rule is stated on the products, so these decide at the border.
    counts = counts - (begin_seconds + (counts - 0.5) * interval_seconds > seconds)
    counts = counts + (begin_seconds + (counts + 0.5) * interval_seconds <= seconds)
    return np.asarray(np.maximum(counts, 0.0))


def grid_interval(duration_seconds: float, settings: CandidatesSettings) -> float | None:
    """Length of the intervals of the uniform grid: shorter in short videos; None where it is off.

    >>> grid_interval(60.0, CandidatesSettings(uniform_interval_seconds=1.5))
    1.5
    >>> grid_interval(2.0, CandidatesSettings(uniform_interval_seconds=1.5, min_num_candidates=8))
    0.25
    """
    interval = settings.uniform_interval_seconds
    if interval is None or not is_short(duration_seconds, settings):
        return interval
    return duration_seconds / settings.min_num_candidates if duration_seconds > 0 else interval


def is_short(duration_seconds: float, settings: CandidatesSettings) -> bool:
    """True if the video is so short that whole intervals would make too few candidates."""
    interval = settings.uniform_interval_seconds
    return interval is not None and duration_seconds < settings.min_num_candidates * interval


def rest_moment(duration_seconds: float, settings: CandidatesSettings) -> float | None:
    """The middle of what is left behind the last interval that has a sample, counted from the begin of the video.

    >>> rest_moment(30.5, CandidatesSettings(uniform_interval_seconds=1.5))
    30.25
    """
    interval = settings.uniform_interval_seconds
    if interval is None or is_short(duration_seconds, settings):
        return None
    rest = duration_seconds % interval
    return duration_seconds - rest / 2 if _LEAST_REST * interval <= rest <= interval / 2 else None


def uniform_frames(bounds: Floats, settings: CandidatesSettings) -> Ints:
    """The frames that the uniform grid asks for: those on screen in the middles of its intervals; none where it is off.

    Args:
        bounds: (N + 1,) float64, see the module.

    Returns:
        int64 frame_index, ascending.
    """
    begin, duration = float(bounds[0]), float(bounds[-1] - bounds[0])
    interval = grid_interval(duration, settings)
    if interval is None:
        return np.empty(0, dtype=np.int64)
    counts = num_moments_before(bounds, begin_seconds=begin, interval_seconds=interval)
    frames = np.flatnonzero(np.diff(counts) > 0)
    rest = rest_moment(duration, settings)
    if rest is not None:
        frames = np.union1d(frames, shown_at(bounds, np.array([begin + rest])))
    return np.asarray(frames, np.int64)


def filled_up(bounds: Floats, asked: NDArray[np.bool_], settings: CandidatesSettings) -> Ints:
    """Frames of a short video that bring its candidates to the least number: what is shown longest, far from others.

    Args:
        bounds: (N + 1,) float64, see the module.
        asked: (N,) bool, the candidates that there are.
    """
    if not is_short(float(bounds[-1] - bounds[0]), settings):
        return np.empty(0, dtype=np.int64)
    shown, indices, taken = np.diff(bounds).round(3), np.arange(len(asked)), asked.copy()
    while taken.sum() < min(settings.min_num_candidates, len(taken)):
        others = np.flatnonzero(taken)
        distance = np.abs(indices[:, None] - others).min(axis=1) if len(others) else np.ones(len(taken), np.int64)
        best = np.lexsort((indices, -distance, -np.where(taken, -1.0, shown)))[0]
        taken[best] = True
    return np.flatnonzero(taken & ~asked)


def nearest_decoded(asked: Ints, decoded: Ints, latest_seconds: Floats, shot_of_frame: Ints) -> Ints:
    """The decoded frame nearest in time to each frame asked for, in the same shot; those without one are left out.

    Args:
        asked: (A,) int64 frame_index.
        decoded: (D,) int64 frame_index, ascending.
        latest_seconds: (N,) float64, running maximum of pts_seconds by frame_index.
        shot_of_frame: (N,) int64, a number for each shot.

    Returns:
        (at most A,) int64 frame_index, ascending, each once.

    >>> seconds, shots = np.arange(10.0), np.array([0] * 5 + [1] * 5)
    >>> nearest_decoded(np.array([2, 4, 7]), np.array([0, 3, 5]), seconds, shots).tolist()
    [3, 5]
    """
    if not len(decoded):
        return np.empty(0, dtype=np.int64)
    behind = np.searchsorted(decoded, asked)
    sides = [decoded[np.clip(place, 0, len(decoded) - 1)] for place in (behind - 1, behind)]
    distances = [
        np.where(
            shot_of_frame[side] == shot_of_frame[asked], np.abs(latest_seconds[side] - latest_seconds[asked]), np.inf
        )
        for side in sides
    ]
    nearest = np.where(distances[0] < distances[1], sides[0], sides[1])
    return np.unique(nearest[np.isfinite(np.minimum(*distances))])
