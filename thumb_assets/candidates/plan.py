"""The table `candidate_frames`, out of finished tables."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.candidates.rules import (
    Floats,
    Ints,
    bounds_of,
    cue_frames,
    filled_up,
    held_frames,
    nearest_decoded,
    shot_candidates,
    shot_end_candidates,
    uniform_frames,
)
from thumb_assets.candidates.screens import states_of
from thumb_assets.errors import ContractError
from thumb_assets.settings.stages import CandidatesSettings
from thumb_assets.tables.conform import empty_table, table_from_rows
from thumb_assets.tables.measurements import SAMPLING_METHODS

Asked = dict[str, NDArray[np.bool_]]


def plan_candidates(
    frames: pa.Table,
    shots: pa.Table,
    settings: CandidatesSettings,
    *,
    pinned: Sequence[int] = (),
    subtitles: pa.Table | None = None,
) -> pa.Table:
    """The candidate frames of one video, each with the methods that asked for it.

    A shot asks for the frame on screen `shot_offset_seconds` after its start, or for its middle one where the shot is
    shorter than that, and for one near its end where no other candidate is. A video that has a frame has a candidate:
    where no method asks for any, the first shot's rule is applied. In a recording of screens each state of the screen
    has a candidate, see `screens`. So has each subtitle, in its middle where no other candidate shows it.

    Where frames have no luma_hash, they were not decoded: the nearest frame of the same shot that was stands in for
    each, and a shot without one has no candidate.

    Args:
        frames: table `frames` of one video, any row order.
        shots: table `shots` of the same video, any row order.
        settings: which methods are on, and their distances.
        subtitles: table `subtitles` of the same video; None where it is not there.
        pinned: frames that people pinned; those the video does not have are passed over.

    Returns:
        Table `candidate_frames`, ascending by frame_index; sampling_methods in the order of SAMPLING_METHODS.

    Raises:
        ContractError: frame_index is not 0..n-1, or the shots do not tile [0, n).
    """
    frames, shots = frames.sort_by("frame_index"), shots.sort_by("start_frame_index")
    num_frames = frames.num_rows
    if not np.array_equal(frames.column("frame_index").to_numpy(), np.arange(num_frames)):
        raise ContractError("table frames: frame_index must be 0, 1, 2, ... of one video, without a gap")
    starts, exclusive_ends = _shot_spans(shots, num_frames)
    if not num_frames:
        return empty_table("candidate_frames")
    bounds = bounds_of(frames.column("pts_seconds").to_numpy(), frames.column("duration_seconds")[-1].as_py())
    is_keyframe = frames.column("is_keyframe").to_numpy(zero_copy_only=False)
    is_cut = np.array([name == "cut" for name in shots.column("transition").to_pylist()], np.bool_)
    asked = asked_by_method(bounds, is_keyframe, starts, exclusive_ends, settings=settings, is_cut=is_cut)
    states = states_of(frames, settings)
    asked["state"][states.shown] = True
    if settings.use_cues and subtitles is not None and subtitles.num_rows:
        cues = (subtitles.column(name).to_numpy() for name in ("start_seconds", "end_seconds"))
        asked["cue"][cue_frames(bounds, *cues, asked=_any(asked))] = True
    # Last: a pin adds a candidate, and takes none from a rule that looks at what there is already.
    asked["pinned"][[frame for frame in pinned if frame < num_frames]] = True
    decoded = np.flatnonzero(frames.column("luma_hash").is_valid().to_numpy())
    if 0 < len(decoded) < num_frames:
        asked = _with_stand_ins(asked, decoded, bounds[:-1], starts)
    chosen = np.flatnonzero(np.logical_or.reduce(list(asked.values())))
    shot_of_chosen = shots.column("shot_index").to_numpy()[np.searchsorted(starts, chosen, side="right") - 1]
    columns = (states.shown.tolist(), states.starts.tolist(), states.exclusive_ends.tolist())
    spans = {shown: (start, end) for shown, start, end in zip(*columns, strict=True)}
    rows = frames.select(["video_id", "frame_index", "pts", "pts_seconds"]).take(chosen).to_pylist()
    for row, shot_index in zip(rows, shot_of_chosen.tolist(), strict=True):
        row["shot_index"] = shot_index
        row["sampling_methods"] = [name for name in SAMPLING_METHODS if asked[name][row["frame_index"]]]
        start, end = spans.get(row["frame_index"], (None, None))
        row |= {"state_start_frame_index": start, "state_exclusive_end_frame_index": end}
    return table_from_rows("candidate_frames", rows)


def asked_by_method(
    bounds: Floats,
    is_keyframe: NDArray[np.bool_],
    starts: Ints,
    exclusive_ends: Ints,
    *,
    settings: CandidatesSettings,
    is_cut: NDArray[np.bool_] | None = None,
) -> Asked:
    """The frames that each sampling method asks for, of a video of N >= 1 frames and S shots.

    Args:
        bounds: (N + 1,) float64, see `rules`.
        is_keyframe: (N,) bool.
        starts, exclusive_ends: (S,) int64.
        is_cut: (S,) bool, whether a shot begins with a cut; None where all do.

    Returns:
        By name out of SAMPLING_METHODS (N,) bool.
    """
    asked = {name: np.zeros(len(is_keyframe), dtype=np.bool_) for name in SAMPLING_METHODS}
    asked["uniform"][uniform_frames(bounds, settings)] = True
    if settings.use_keyframes:
        asked["keyframe"] |= is_keyframe
    if settings.every_num_frames is not None:
        asked["every"][:: settings.every_num_frames] = True
    per_shot = shot_candidates(bounds, starts, exclusive_ends, shot_offset_seconds=settings.shot_offset_seconds)
    if settings.use_shots:
        asked["shot"][per_shot] = True
    if settings.use_shots and settings.shot_end_seconds is not None:
        margins = np.full(len(starts), settings.shot_end_seconds)
        if is_cut is not None:  # what fades into the next shot begins to do so earlier
            margins[:-1][~is_cut[1:]] = max(settings.shot_end_seconds, settings.transition_seconds)
        ends = shot_end_candidates(bounds, starts, exclusive_ends, asked=_any(asked), margins=margins)
        asked["shot_end"][ends] = True
        # What a recorder writes last stays as well: for how long is not in the file.
        asked["shot_end"][-1] |= held_frames(np.diff(bounds)[:-1]).any()
    asked["uniform"][filled_up(bounds, _any(asked), settings)] = True
    if not _any(asked).any():
        asked["shot"][per_shot[0]] = True
    return asked


def _any(asked: Asked) -> NDArray[np.bool_]:
    return np.asarray(np.logical_or.reduce(list(asked.values())))


def _with_stand_ins(asked: Asked, decoded: Ints, latest_seconds: Floats, starts: Ints) -> Asked:
    """The same flags on frames that were decoded."""
    num_frames = len(latest_seconds)
    shot_of_frame = np.searchsorted(starts, np.arange(num_frames), side="right")
    moved = {name: np.zeros(num_frames, dtype=np.bool_) for name in asked}
    for name, flags in asked.items():
        moved[name][nearest_decoded(np.flatnonzero(flags), decoded, latest_seconds, shot_of_frame)] = True
    if not any(flags.any() for flags in moved.values()):
        moved["shot"][decoded[0]] = True
    return moved


def _shot_spans(shots: pa.Table, num_frames: int) -> tuple[Ints, Ints]:
    starts = shots.column("start_frame_index").to_numpy()
    exclusive_ends = shots.column("exclusive_end_frame_index").to_numpy()
    borders = np.concatenate([[0], exclusive_ends])
    if not (np.array_equal(starts, borders[:-1]) and borders[-1] == num_frames and (starts < exclusive_ends).all()):
        raise ContractError(f"table shots: the shots do not tile [0, {num_frames})")
    return starts, exclusive_ends
