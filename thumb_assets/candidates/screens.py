"""Slides and screen recordings: knows them by their frames, and finds the states of the screen in them.

A screen stands still between two changes, and much of it is of one colour. A state is a run of frames that hardly
differ; it is shown by a frame near its end, when all of it has been written and nothing of the next state is there.
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.candidates.rules import TOLERANCE, Floats, Ints, bounds_of
from thumb_assets.settings.stages import CandidatesSettings


@dataclass(frozen=True)
class States:
    """The states of the screen, S of them, ascending.

    Attributes:
        starts, exclusive_ends: (S,) int64 frame_index.
        shown: (S,) int64 frame_index of the frame that shows the state, inside it.
    """

    starts: Ints
    exclusive_ends: Ints
    shown: Ints


_NONE = States(*[np.zeros(0, np.int64)] * 3)


def states_of(frames: pa.Table, settings: CandidatesSettings) -> States:
    """The states of a video that is a recording of screens by these settings; none in any other video.

    Args:
        frames: table `frames` of one video, N rows ascending by frame_index; where a difference is not known, as after
            a sparse pass, there are no states.
        settings: `screens` and its thresholds.
    """
    difference = _floats(frames, "frame_difference")
    if settings.screens == "off" or not len(difference) or np.isnan(difference[1:]).any():
        return _NONE
    bounds = bounds_of(frames.column("pts_seconds").to_numpy(), frames.column("duration_seconds")[-1].as_py())
    is_still = np.append(True, difference[1:] < settings.max_still_difference)
    colours = _floats(frames, "largest_colour_share")
    shown = np.diff(bounds)
    if not _is_screen(
        float(shown[is_still].sum()), float(shown.sum()), colours[~np.isnan(colours)].tolist(), settings=settings
    ):
        return _NONE
    starts = np.append(0, np.flatnonzero(~is_still))
    ends = np.append(starts[1:], len(difference))
    lengths = bounds[ends] - bounds[starts]
    is_long = lengths >= settings.state_seconds - TOLERANCE
    starts, ends = starts[is_long], ends[is_long]
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    return States(starts, ends, np.array([_shown(bounds, *span, settings=settings) for span in spans], np.int64))


def _is_screen(
    still_seconds: float, seconds: float, sorted_shares: Sequence[float], *, settings: CandidatesSettings
) -> bool:
    """True if a video with so much still time and such shares of its commonest colour is a recording of screens."""
    if settings.screens != "auto":
        return settings.screens == "on"
    if not len(sorted_shares) or still_seconds < settings.min_still_share * seconds:
        return False
    return float(np.median(sorted_shares)) >= settings.min_colour_share


def _shown(bounds: Sequence[float] | Floats, start: int, end: int, *, settings: CandidatesSettings) -> int:
    """The last frame that appears `state_seconds` before the state's end; half of a shorter state before it."""
    before_end = min(settings.state_seconds, (bounds[end] - bounds[start]) / 2)
    return max(bisect_right(bounds, bounds[end] - before_end + TOLERANCE, start, end) - 1, start)


class StateWatch:
    """Says while frames arrive which of them may show a state of the screen.

    It announces states as soon as they have ended, while the video so far looks like a recording of screens. It keeps
    8 bytes per state and per second of video.
    """

    def __init__(self, settings: CandidatesSettings) -> None:
        self._settings = settings
        self._is_watching = settings.screens != "off"
        self._start, self._was_still = 0, True
        self._still_seconds = 0.0
        self._colour_shares: list[float] = []
        self._shown: list[int] = []

    def observe(self, bounds: Sequence[float], difference: float | None, colour_share: float | None) -> list[int]:
        """Takes one frame; gives the frames that are wanted now, none of them later than the one before it.

        Args:
            bounds: seconds at which the frames appear, up to this one's; never falling.
            difference: to the frame before; None for the first one, and where it is not known.
            colour_share: `largest_colour_share` of the frame; None where it was not measured.
        """
        index = len(bounds) - 1
        if not self._is_watching:
            return []
        if index and difference is None:
            self._is_watching, self._shown = False, []
            return []
        if index and self._was_still:
            self._still_seconds += bounds[index] - bounds[index - 1]
        if colour_share is not None:
            insort(self._colour_shares, colour_share)
        self._was_still = difference is None or difference < self._settings.max_still_difference
        if self._was_still:
            return []
        wanted = self._close(bounds, index)
        seconds = bounds[index] - bounds[0]
        return wanted if _is_screen(self._still_seconds, seconds, self._colour_shares, settings=self._settings) else []

    def finish(self, bounds: Sequence[float]) -> list[int]:
        """The frames that show the states of the whole video.

        Args:
            bounds: as before, and the second at which the last frame is gone.
        """
        num_frames = len(bounds) - 1
        if not self._is_watching or num_frames < 1:
            return []
        self._close(bounds, num_frames)
        still = self._still_seconds + (bounds[-1] - bounds[-2] if self._was_still else 0.0)
        is_screen = _is_screen(still, bounds[-1] - bounds[0], self._colour_shares, settings=self._settings)
        return self._shown if is_screen else []

    def _close(self, bounds: Sequence[float], end: int) -> list[int]:
        start, self._start = self._start, end
        if bounds[end] - bounds[start] < self._settings.state_seconds - TOLERANCE:
            return []
        self._shown.append(_shown(bounds, start, end, settings=self._settings))
        return self._shown[-1:]


def _floats(frames: pa.Table, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = frames.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values
