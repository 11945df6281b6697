"""Which frames of a video are worth scoring: one per shot, a uniform grid, sync frames, every n-th frame.

What belongs here: the sampling rules, applied to finished tables (`plan_candidates`) and while frames still arrive
(`CandidatePredictor`). What does not: finding shots (shots), decoding (video), judging a frame (the scorers, select).
All time searches use the running maximum of pts_seconds, so that a damaged file whose stamps repeat or jump back
is still searched by frame_index.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.errors import ContractError
from thumb_assets.settings import CandidatesSettings
from thumb_assets.tables import empty_table, table_from_rows
from thumb_assets.tables.measurements import SAMPLING_METHODS


def plan_candidates(
    frames: pa.Table, shots: pa.Table, settings: CandidatesSettings, *, pinned: Sequence[int] = ()
) -> pa.Table:
    """The candidate frames of one video, each with the methods that asked for it.

    A shot asks for its first frame that is at least `shot_offset_seconds` after its start, or for its middle frame
    where the shot is shorter than that. A video that has a frame has a candidate: where no method asks for any, the
    first shot's rule is applied.

    Where frames have no luma_hash, they were not decoded: the nearest frame of the same shot that was stands in for
    each, and a shot without one has no candidate.

    Args:
        frames: table `frames` of one video, any row order.
        shots: table `shots` of the same video, any row order.
        settings: which methods are on, and their distances.
        pinned: frames that people pinned; those the video does not have are passed over.

    Returns:
        Table `candidate_frames`, ascending by frame_index; sampling_methods in the order of SAMPLING_METHODS.

    Raises:
        ContractError: frame_index is not 0..n-1, or the shots do not tile [0, n).
    """
    frames = frames.sort_by("frame_index")
    num_frames = frames.num_rows
    if not np.array_equal(frames.column("frame_index").to_numpy(), np.arange(num_frames)):
        raise ContractError("table frames: frame_index must be 0, 1, 2, ... of one video, without a gap")
    starts, exclusive_ends, shot_indices = _shot_spans(shots, num_frames)
    if not num_frames:
        return empty_table("candidate_frames")
    latest_seconds = np.maximum.accumulate(frames.column("pts_seconds").to_numpy())
    asked = _asked_by_method(frames, latest_seconds, settings)
    asked["pinned"][[frame for frame in pinned if frame < num_frames]] = True
    per_shot = shot_candidates(latest_seconds, starts, exclusive_ends, shot_offset_seconds=settings.shot_offset_seconds)
    if settings.use_shots:
        asked["shot"][per_shot] = True
    elif not any(flags.any() for name, flags in asked.items() if name != "pinned"):
        asked["shot"][per_shot[0]] = True
    decoded = np.flatnonzero(frames.column("luma_hash").is_valid().to_numpy())
    if 0 < len(decoded) < num_frames:
        asked = _with_stand_ins(asked, decoded, latest_seconds, starts)
    chosen = np.flatnonzero(np.logical_or.reduce(list(asked.values())))
    shot_of_chosen = shot_indices[np.searchsorted(starts, chosen, side="right") - 1]
    rows = frames.select(["video_id", "frame_index", "pts", "pts_seconds"]).take(chosen).to_pylist()
    for row, shot_index in zip(rows, shot_of_chosen.tolist(), strict=True):
        row["shot_index"] = shot_index
        row["sampling_methods"] = [name for name in SAMPLING_METHODS if asked[name][row["frame_index"]]]
    return table_from_rows("candidate_frames", rows)


def shot_candidates(
    latest_seconds: NDArray[np.float64],
    starts: NDArray[np.int64],
    exclusive_ends: NDArray[np.int64],
    *,
    shot_offset_seconds: float,
) -> NDArray[np.int64]:
    """For each shot its first frame at least the offset after its start, or its middle frame where it has none.

    Args:
        latest_seconds: (N,) float64, running maximum of pts_seconds by frame_index, non-decreasing.
        starts: (S,) int64 frame_index of the first frame of each shot.
        exclusive_ends: (S,) int64 frame_index behind the last frame of each shot, greater than its start.
        shot_offset_seconds: distance from the shot's start, >= 0.

    Returns:
        (S,) int64 frame_index, inside [start, exclusive_end) whatever the shot's length.

    >>> seconds = np.arange(10) / 10
    >>> shot_candidates(seconds, np.array([0, 7]), np.array([7, 10]), shot_offset_seconds=0.4).tolist()
    [4, 8]
    """
    positions = np.searchsorted(latest_seconds, latest_seconds[starts] + shot_offset_seconds)
    # Where stamps repeat, an offset of 0 is met before the shot already: the search must not leave it to the left.
    positions = np.maximum(positions, starts)
    return np.where(positions < exclusive_ends, positions, starts + (exclusive_ends - starts) // 2)


def num_intervals_reached(
    latest_seconds: NDArray[np.float64], *, begin_seconds: float, interval_seconds: float
) -> NDArray[np.float64]:
    """How many middles of uniform intervals, `begin + (k + 0.5) * interval` for k >= 0, lie at or before each time.

    Counting per frame instead of searching per interval keeps the work proportional to the frames: one damaged stamp
    of 10^9 s would mean 10^9 intervals. The count is a float64 for the same reason: it may exceed an int64.

    Args:
        latest_seconds: (N,) float64, each >= begin_seconds.
        begin_seconds: pts_seconds of the first frame.
        interval_seconds: length of an interval, > 0.

    Returns:
        (N,) float64 whole numbers >= 0.

    >>> num_intervals_reached(np.array([0.0, 1.4, 1.5, 4.5]), begin_seconds=0.0, interval_seconds=3.0).tolist()
    [0.0, 0.0, 1.0, 2.0]
    """
    counts = np.floor((latest_seconds - begin_seconds) / interval_seconds + 0.5)
    # The division rounds; the rule is stated on the products, so these decide at the border.
    counts = counts - (begin_seconds + (counts - 0.5) * interval_seconds > latest_seconds)
    counts = counts + (begin_seconds + (counts + 0.5) * interval_seconds <= latest_seconds)
    return np.maximum(counts, 0.0)


def nearest_decoded(
    asked: NDArray[np.int64],
    decoded: NDArray[np.int64],
    latest_seconds: NDArray[np.float64],
    shot_of_frame: NDArray[np.int64],
) -> NDArray[np.int64]:
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


def uniform_frames(pts_seconds: NDArray[np.float64], settings: CandidatesSettings) -> NDArray[np.int64]:
    """The frames that the uniform grid asks for; none where it is off.

    Args:
        pts_seconds: (N,) float64 by frame_index, N >= 1.

    Returns:
        int64 frame_index, ascending.
    """
    if settings.uniform_interval_seconds is None:
        return np.empty(0, dtype=np.int64)
    latest_seconds = np.maximum.accumulate(pts_seconds)
    counts = num_intervals_reached(
        latest_seconds,
        begin_seconds=float(latest_seconds[0]),
        interval_seconds=settings.uniform_interval_seconds,
    )
    return np.flatnonzero(np.diff(counts, prepend=0.0) > 0)


class CandidatePredictor:
    """Says while frames arrive which of them may become candidates, so that one decode pass can keep their pixels.

    When the `shots` table ends up with the announced starts, everything it has said, `finish` included, is a superset
    of what `plan_candidates` gives. An answer names the frame at hand, except in two cases, where the frame is in the
    past: a start announced later than its shot's candidate, and a shot shorter than the offset, whose middle is known
    only when it has ended. It keeps 9 bytes per frame seen and no pixels.
    """

    def __init__(self, settings: CandidatesSettings) -> None:
        self._settings = settings
        self._starts = [0]
        self._latest_seconds = array("d")
        self._is_wanted = bytearray()
        self._num_intervals = 0.0
        self._served_start = -1  # start of the open shot whose candidate is known, -1 for none

    def observe(
        self, frame_index: int, *, pts_seconds: float, is_keyframe: bool, shot_starts: Sequence[int] = ()
    ) -> list[int]:
        """Takes one frame and the shots announced with it; gives the frames that are wanted now and were not before.

        Args:
            frame_index: 0 in the first call, one more in each call.
            pts_seconds: of this frame, finite.
            is_keyframe: whether it is a codec sync frame.
            shot_starts: first frames of shots, each at most frame_index; the shot that starts at 0 needs no word.

        Returns:
            Ascending frame_index values, none of them greater than `frame_index`, none of them given before.

        Raises:
            ValueError: a frame is out of order or an announced start lies outside the frames seen.
        """
        if frame_index != len(self._latest_seconds):
            raise ValueError(f"frame_index is {frame_index}, expected {len(self._latest_seconds)}")
        latest = max(self._latest_seconds[-1], pts_seconds) if self._latest_seconds else float(pts_seconds)
        self._latest_seconds.append(latest)
        self._is_wanted.append(False)
        wanted = self._close_shots(shot_starts)
        if self._is_sampled(frame_index, is_keyframe=is_keyframe):
            wanted.append(frame_index)
        wanted += self._open_shot_candidate()
        return self._not_given_before(wanted)

    def finish(self, shot_starts: Sequence[int] = ()) -> list[int]:
        """Takes the shots that were announced after the last frame; gives the last frames that are wanted.

        Returns and Raises: as `observe`.
        """
        wanted = self._close_shots(shot_starts)
        if self._latest_seconds:
            wanted += self._candidate_of(self._starts[-1], len(self._latest_seconds))
        return self._not_given_before(wanted)

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
            wanted += self._candidate_of(self._starts[place - 1], start)
            if following:
                wanted += self._candidate_of(start, following[0])
        return wanted

    def _open_shot_candidate(self) -> list[int]:
        start = self._starts[-1]
        due_seconds = self._latest_seconds[start] + self._settings.shot_offset_seconds
        # Once per shot: looking again at every frame would make a video of one long shot quadratic.
        if start == self._served_start or self._latest_seconds[-1] < due_seconds:
            return []
        self._served_start = start
        return self._candidate_of(start, len(self._latest_seconds))

    def _candidate_of(self, start: int, exclusive_end: int) -> list[int]:
        # The first shot counts even with use_shots off: it supplies the candidate of a video that gets no other.
        if start and not self._settings.use_shots:
            return []
        seconds = np.array(self._latest_seconds[start:exclusive_end])
        begin, end = np.zeros(1, np.int64), np.array([len(seconds)])
        offset = self._settings.shot_offset_seconds
        return [start + int(shot_candidates(seconds, begin, end, shot_offset_seconds=offset)[0])]

    def _is_sampled(self, frame_index: int, *, is_keyframe: bool) -> bool:
        settings = self._settings
        is_due = False
        if settings.uniform_interval_seconds is not None:
            before = self._num_intervals
            self._num_intervals = float(
                num_intervals_reached(
                    np.array(self._latest_seconds[-1:]),
                    begin_seconds=self._latest_seconds[0],
                    interval_seconds=settings.uniform_interval_seconds,
                )[0]
            )
            is_due = self._num_intervals > before
        is_nth = settings.every_num_frames is not None and frame_index % settings.every_num_frames == 0
        return is_due or is_nth or (settings.use_keyframes and is_keyframe)

    def _not_given_before(self, wanted: Sequence[int]) -> list[int]:
        fresh = [frame_index for frame_index in sorted(set(wanted)) if not self._is_wanted[frame_index]]
        for frame_index in fresh:
            self._is_wanted[frame_index] = True
        return fresh


def _asked_by_method(
    frames: pa.Table, latest_seconds: NDArray[np.float64], settings: CandidatesSettings
) -> dict[str, NDArray[np.bool_]]:
    """One (N,) flag array per sampling method; that of the shots is still blank."""
    asked = {name: np.zeros(len(latest_seconds), dtype=np.bool_) for name in SAMPLING_METHODS}
    asked["uniform"][uniform_frames(latest_seconds, settings)] = True
    if settings.use_keyframes:
        asked["keyframe"] = frames.column("is_keyframe").to_numpy()
    if settings.every_num_frames is not None:
        asked["every"][:: settings.every_num_frames] = True
    return asked


def _with_stand_ins(
    asked: dict[str, NDArray[np.bool_]],
    decoded: NDArray[np.int64],
    latest_seconds: NDArray[np.float64],
    starts: NDArray[np.int64],
) -> dict[str, NDArray[np.bool_]]:
    """The same flags on frames that were decoded."""
    num_frames = len(latest_seconds)
    shot_of_frame = np.searchsorted(starts, np.arange(num_frames), side="right")
    moved = {name: np.zeros(num_frames, dtype=np.bool_) for name in asked}
    for name, flags in asked.items():
        moved[name][nearest_decoded(np.flatnonzero(flags), decoded, latest_seconds, shot_of_frame)] = True
    if not any(flags.any() for flags in moved.values()):
        moved["shot"][decoded[0]] = True
    return moved


def _shot_spans(shots: pa.Table, num_frames: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    shots = shots.sort_by("start_frame_index")
    starts = shots.column("start_frame_index").to_numpy()
    exclusive_ends = shots.column("exclusive_end_frame_index").to_numpy()
    borders = np.concatenate([[0], exclusive_ends])
    if not (np.array_equal(starts, borders[:-1]) and borders[-1] == num_frames and (starts < exclusive_ends).all()):
        raise ContractError(f"table shots: the shots do not tile [0, {num_frames})")
    return starts, exclusive_ends, shots.column("shot_index").to_numpy()
