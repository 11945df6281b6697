"""Says while frames arrive which of them may become candidates."""

from array import array
from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from thumb_assets.candidates.plan import asked_by_method
from thumb_assets.candidates.rules import (
    TOLERANCE,
    bounds_of,
    grid_interval,
    num_moments_before,
    rest_moment,
    shot_candidates,
    shot_end_candidates,
)
from thumb_assets.candidates.screens import StateWatch
from thumb_assets.settings.stages import CandidatesSettings

_NOT_YET = -1


class CandidatePredictor:
    """Says while frames arrive which of them may become candidates, so that one decode pass can keep their pixels.

    When the `shots` table ends up with the announced starts, everything it has said, `finish` included, is a superset
    of what `plan_candidates` gives. Answers name frames of the past: that a frame was on screen at a moment is known
    when the next one appears; a shot's end, and the middle of a short one, when it has ended; and what the end of the
    video asks for at the end, unless the file says beforehand how long it is. It keeps 10 bytes per frame seen and no
    pixels.

    Args:
        duration_seconds: of the video as its file says; None where it does not. Where it is wrong, frames are named
            late, or for nothing.
    """

    def __init__(self, settings: CandidatesSettings, *, duration_seconds: float | None = None) -> None:
        self._settings = settings
        self._starts = [0]
        self._latest_seconds = array("d")
        self._is_keyframe = bytearray()
        self._is_sampled = bytearray()  # asked for by anything but shots
        self._is_wanted = bytearray()
        self._num_moments = 0.0
        self._served_start = _NOT_YET  # start of the open shot whose candidate is known
        self._states = StateWatch(settings)
        expected = np.inf if duration_seconds is None else duration_seconds
        self._interval = grid_interval(expected, settings)
        self._rest = None if duration_seconds is None else rest_moment(duration_seconds, settings)

    def observe(
        self,
        frame_index: int,
        *,
        pts_seconds: float,
        is_keyframe: bool,
        shot_starts: Sequence[int] = (),
        frame_difference: float | None = None,
        colour_share: float | None = None,
    ) -> list[int]:
        """Takes one frame and the shots announced with it; gives the frames that are wanted now and were not before.

        Args:
            frame_index: 0 in the first call, one more in each call.
            pts_seconds: of this frame, finite.
            is_keyframe: whether it is a codec sync frame.
            shot_starts: first frames of shots, each at most frame_index; the shot that starts at 0 needs no word.
            frame_difference, colour_share: as the table `frames` has them; without them no state of a screen is found.

        Returns:
            Ascending frame_index values, none of them greater than `frame_index`, none of them given before.

        Raises:
            ValueError: a frame is out of order or an announced start lies outside the frames seen.
        """
        if frame_index != len(self._latest_seconds):
            raise ValueError(f"frame_index is {frame_index}, expected {len(self._latest_seconds)}")
        latest = max(self._latest_seconds[-1], pts_seconds) if self._latest_seconds else float(pts_seconds)
        self._latest_seconds.append(latest)
        self._is_keyframe.append(is_keyframe)
        self._is_sampled.append(self._is_asked_at_once(frame_index, is_keyframe=is_keyframe))
        self._is_wanted.append(False)
        wanted = [frame_index] if self._is_sampled[-1] else []
        if frame_index and self._was_on_grid(latest):
            self._is_sampled[frame_index - 1] = True
            wanted.append(frame_index - 1)
        wanted += self._close_shots(shot_starts)
        wanted += self._open_shot_candidate()
        wanted += self._states.observe(self._latest_seconds, frame_difference, colour_share)
        return self._not_given_before(wanted)

    def finish(self, shot_starts: Sequence[int] = (), *, last_seconds: float = 0.0) -> list[int]:
        """Takes the shots that were announced after the last frame; gives the frames wanted that were not named before.

        Args:
            last_seconds: how long the last frame is on screen.

        Returns and Raises: as `observe`.
        """
        wanted = self._close_shots(shot_starts)
        if not self._latest_seconds:
            return []
        bounds = bounds_of(np.array(self._latest_seconds), last_seconds)
        starts = np.array(self._starts)
        ends = np.append(starts[1:], len(self._latest_seconds))
        flags = np.frombuffer(bytes(self._is_keyframe), np.bool_)
        asked = asked_by_method(bounds, flags, starts, ends, settings=self._settings)
        wanted += self._states.finish(bounds.tolist())
        return self._not_given_before([*wanted, *np.flatnonzero(np.logical_or.reduce(list(asked.values()))).tolist()])

    def _is_asked_at_once(self, frame_index: int, *, is_keyframe: bool) -> bool:
        settings = self._settings
        is_nth = settings.every_num_frames is not None and frame_index % settings.every_num_frames == 0
        return is_nth or (settings.use_keyframes and is_keyframe)

    def _was_on_grid(self, seconds: float) -> bool:
        """True if a moment of the grid has passed since the frame before appeared."""
        if self._interval is None:
            return False
        begin, before = self._latest_seconds[0], self._num_moments
        passed = num_moments_before(np.array([seconds]), begin_seconds=begin, interval_seconds=self._interval)
        self._num_moments = float(passed[0])
        is_due = self._num_moments > before
        if self._rest is not None and begin + self._rest < seconds:
            self._rest, is_due = None, True
        return is_due

    def _close_shots(self, shot_starts: Sequence[int]) -> list[int]:
        wanted = []
        for start in sorted(set(shot_starts) - {0}):
            if not 0 < start < len(self._latest_seconds):
                raise ValueError(f"shot start {start} is not among the {len(self._latest_seconds)} frames seen")
            place = bisect_left(self._starts, start)
            following = self._starts[place : place + 1]
            if following == [start]:
                continue
            insort(self._starts, start)
            wanted += self._candidates_of(self._starts[place - 1], start)
            if following:
                wanted += self._candidates_of(start, following[0])
        return wanted

    def _open_shot_candidate(self) -> list[int]:
        start, num_frames = self._starts[-1], len(self._latest_seconds)
        due_seconds = self._latest_seconds[start] + self._settings.shot_offset_seconds + TOLERANCE
        # Once per shot: looking again at every frame would make a video of one long shot quadratic.
        if start == self._served_start or num_frames - 1 == start or self._latest_seconds[-1] <= due_seconds:
            return []
        self._served_start = start
        return [self._candidate_of(start, num_frames - 1)] if self._has_candidates(start) else []

    def _has_candidates(self, start: int) -> bool:
        # The first shot counts even with use_shots off: it supplies the candidate of a video that gets no other.
        return not start or self._settings.use_shots

    def _candidates_of(self, start: int, exclusive_end: int) -> list[int]:
        """Those of a shot that has ended."""
        if not self._has_candidates(start):
            return []
        candidate = self._candidate_of(start, exclusive_end)
        margin = self._settings.shot_end_seconds
        if not self._settings.use_shots or margin is None:
            return [candidate]
        asked: NDArray[np.bool_] = np.frombuffer(self._is_sampled[start:exclusive_end], np.bool_).copy()
        asked[candidate - start] = True
        bounds, begin, end = self._shot(start, exclusive_end)
        found = shot_end_candidates(bounds, begin, end, asked=asked, margins=np.array([margin]))
        return [candidate, *(found + start).tolist()]

    def _candidate_of(self, start: int, exclusive_end: int) -> int:
        bounds, begin, end = self._shot(start, exclusive_end)
        offset = self._settings.shot_offset_seconds
        return start + int(shot_candidates(bounds, begin, end, shot_offset_seconds=offset)[0])

    def _shot(self, start: int, exclusive_end: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Bounds of a shot's frames, and its place among them."""
        bounds = np.array(self._latest_seconds[start : exclusive_end + 1])
        return bounds, np.zeros(1, np.int64), np.array([exclusive_end - start])

    def _not_given_before(self, wanted: Sequence[int]) -> list[int]:
        fresh = [frame_index for frame_index in sorted(set(wanted)) if not self._is_wanted[frame_index]]
        for frame_index in fresh:
            self._is_wanted[frame_index] = True
        return fresh
