"""Measures of a candidate by the frames around it: motion, nearness of a cut, fades, flashes, damage that goes on."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.candidates.rules import held_frames
from thumb_assets.select.ranks import quantiles_of_groups

# By name of what `surroundings` returns: the columns it comes from, as `table.column`.
_CUTS = ("frames.pts_seconds", "shots.start_frame_index", "shots.transition")
_MOTION = ("frames.frame_difference", "shots.start_frame_index")
_STATES = (
    "candidate_frames.state_start_frame_index",
    "candidate_frames.state_exclusive_end_frame_index",
    "frames.pts_seconds",
)
SURROUNDINGS: dict[str, tuple[str, ...]] = {
    "motion": _MOTION,
    "greatest_motion": _MOTION,
    "cut_distance_seconds": (*_CUTS, "frames.is_keyframe"),
    "transition_distance_seconds": _CUTS,
    "contrast_share": ("frames.luma_std",),
    "sharpness_share": ("frames.laplacian_variance",),
    "brightness_jump": ("frames.luma_mean",),
    "own_seconds": ("frames.pts_seconds", "shots.start_frame_index", "shots.exclusive_end_frame_index"),
    "is_damaged": ("frames.is_corrupt", "frames.is_keyframe"),
    "state_seconds": _STATES,
    "state_share": _STATES,
    "is_end_state": _STATES,
}
# How far a candidate is compared with the frames around it, in seconds to either side; no transition is much longer.
_REACH_SECONDS = 0.8
# Frames so near, in seconds, share what befalls one of them: a flash's edge, a cut that was not found.
_NEAR_SECONDS = 0.12
# Values around candidates that are copied at a time: 2 MB, however many candidates a video has.
_VALUES_PER_BLOCK = 2**18


def surroundings(
    candidates: pa.Table, *, frames: pa.Table | None, shots: pa.Table | None
) -> dict[str, NDArray[np.float64]]:
    """Measures each candidate by the frames around it.

    Args:
        candidates: table `candidate_frames`, N rows ascending by frame_index.
        frames, shots: the video's tables; what needs one that is not there is not known.

    A frame that stays on screen does not move, whatever comes before and after it, and is looked at in the middle of
    its time: what is near is what is near then.

    Returns:
        By name out of SURROUNDINGS (N,) float64, NaN where it is not known:
        motion: mean of the differences to the frames before and after, within the shot, in levels;
        greatest_motion: the greatest difference of two frames within 0.12 s, or of its own to its neighbours, within
        the shot, in levels;
        cut_distance_seconds: to the nearest frame beyond a cut, infinite in a video without one; the only candidate of
        a shot that begins it and is a sync frame counts as far from the shot before, of which it holds nothing;
        transition_distance_seconds: to the nearest dissolve or fade, infinite where there is none;
        contrast_share, sharpness_share: standard deviation of the luma, Laplacian variance, over the greatest within
        0.8 s of the shot, 0..1;
        brightness_jump: mean luma above the median within 0.8 s, in levels;
        own_seconds: how much of its shot's time it stands for: as much as each candidate of the shot;
        is_damaged: 1 where the decoder calls the frame corrupt, or one since its last sync frame, else 0;
        state_seconds, state_share: how long the state of the screen lasts that it shows, and of the video's time, 0..1;
        is_end_state: 1 where that state holds the video's first or last frame, else 0.
    """
    values = {name: np.full(candidates.num_rows, np.nan) for name in SURROUNDINGS}
    indices = candidates.column("frame_index").to_numpy()
    if frames is None:
        return values
    frames = _in_order(frames, "frame_index")
    shots = None if shots is None else _in_order(shots, "start_frame_index")
    seconds = _rising(frames.column("pts_seconds").to_numpy())
    shown = frames.column("duration_seconds").to_numpy()
    moments, is_held = _moments(indices, seconds=seconds, shown=shown)
    starts, ends = _shot_bounds(indices, shots=shots, num_frames=frames.num_rows)
    if shots is not None:
        is_keyframe = frames.column("is_keyframe").to_numpy(zero_copy_only=False)
        _, place_of_shot, num_in_shot = np.unique(starts, return_inverse=True, return_counts=True)
        is_clean = (indices == starts) & is_keyframe[indices] & (num_in_shot[place_of_shot] == 1)
        values |= _distances(indices, moments, shots=shots, seconds=seconds, is_clean=is_clean)
        values["own_seconds"] = (
            _lengths(starts, ends, seconds=seconds, last_seconds=float(shown[-1])) / num_in_shot[place_of_shot]
        )
    difference = _floats(frames, "frame_difference")
    before = np.where(indices > starts, difference[indices], np.nan)
    following = np.minimum(indices + 1, len(difference) - 1)
    after = np.where(indices + 1 < ends, difference[following], np.nan)
    values["motion"] = np.where(is_held, 0.0, _mean_of_known(before, after))
    greatest = _greatest_near(difference, indices, seconds=seconds, starts=starts, ends=ends)
    values["greatest_motion"] = np.where(is_held, 0.0, greatest)
    values["is_damaged"] = _damage(frames)[indices]
    values |= _states(candidates, np.append(seconds, seconds[-1:] + float(shown[-1])))
    means, contrasts, sharpness = (_floats(frames, name) for name in ("luma_mean", "luma_std", "laplacian_variance"))
    firsts = np.minimum(np.searchsorted(seconds, moments - _REACH_SECONDS), indices).clip(starts)
    lasts = np.minimum(np.searchsorted(seconds, moments + _REACH_SECONDS, side="right"), ends)
    is_decoded = ~np.isnan(means[indices])
    at, first, last = indices[is_decoded], firsts[is_decoded], lasts[is_decoded]
    values["contrast_share"][is_decoded] = _shares(contrasts[at], _greatest(contrasts, first, last))
    values["sharpness_share"][is_decoded] = _shares(sharpness[at], _greatest(sharpness, first, last))
    values["brightness_jump"][is_decoded] = means[at] - _medians(means, first, last)
    return values


def _moments(
    indices: NDArray[np.int64], *, seconds: NDArray[np.float64], shown: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """When each candidate is looked at, and whether it is held: its stamp, or the middle of a longer time on screen."""
    is_held = held_frames(shown)[indices]
    return seconds[indices] + np.where(is_held, shown[indices] / 2, 0.0), is_held


def _rising(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The stamps, those of damaged files mended: where they fall or repeat, time goes on by the least usual step."""
    steps = np.diff(seconds)
    if (steps > 0).all():
        return seconds
    step = float(np.percentile(steps[steps > 0], 5)) if (steps > 0).any() else 0.0
    least = step * np.arange(len(seconds))
    return np.asarray(np.maximum.accumulate(seconds - least) + least)


def _in_order(table: pa.Table, name: str) -> pa.Table:
    """The rows by that column, which holds each value once; as they are where that is how they come."""
    return table if (np.diff(table.column(name).to_numpy()) > 0).all() else table.sort_by(name)


def _shot_bounds(
    indices: NDArray[np.int64], *, shots: pa.Table | None, num_frames: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First frame of each candidate's shot, and the first after it."""
    if shots is None or not shots.num_rows:
        return np.zeros_like(indices), np.full_like(indices, num_frames)
    starts = shots.column("start_frame_index").to_numpy()
    place = np.searchsorted(starts, indices, side="right") - 1
    return starts[place], shots.column("exclusive_end_frame_index").to_numpy()[place]


def _lengths(
    starts: NDArray[np.int64], ends: NDArray[np.int64], *, seconds: NDArray[np.float64], last_seconds: float
) -> NDArray[np.float64]:
    """Seconds from a shot's first frame to the one after its last."""
    bounds = np.append(seconds, seconds[-1:] + last_seconds)
    return np.asarray(bounds[ends] - bounds[starts])


def _distances(
    indices: NDArray[np.int64],
    moments: NDArray[np.float64],
    *,
    shots: pa.Table,
    seconds: NDArray[np.float64],
    is_clean: NDArray[np.bool_],
) -> dict[str, NDArray[np.float64]]:
    """`is_clean`: the frames in which nothing can be left of the shot before."""
    starts = shots.column("start_frame_index").to_numpy()[1:]
    is_cut = np.array([name == "cut" for name in shots.column("transition").to_pylist()[1:]], dtype=np.bool_)
    return {
        "cut_distance_seconds": _distance(indices, moments, starts[is_cut], seconds, is_clean=is_clean),
        "transition_distance_seconds": _distance(
            indices, moments, starts[~is_cut], seconds, is_clean=np.zeros_like(is_clean)
        ),
    }


def _distance(
    indices: NDArray[np.int64],
    moments: NDArray[np.float64],
    starts: NDArray[np.int64],
    seconds: NDArray[np.float64],
    *,
    is_clean: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Seconds to the nearest frame beyond one of these starts of shots: its own, or the last one before it."""
    place = np.searchsorted(starts, indices, side="right")
    bounded = np.concatenate([[0], starts, [0]])
    before = np.where((place > 0) & ~is_clean, moments - seconds[np.maximum(bounded[place] - 1, 0)], np.inf)
    after = np.where(place < len(starts), seconds[bounded[place + 1]] - moments, np.inf)
    # To the microsecond: three frames of 25 a second are 0.12 s, whatever the difference of two floats says.
    return np.asarray(np.round(np.minimum(before, after), 6))


def _states(candidates: pa.Table, bounds: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    starts = _floats(candidates, "state_start_frame_index")
    ends = _floats(candidates, "state_exclusive_end_frame_index")
    is_known = ~np.isnan(starts)
    first, end = starts[is_known].astype(np.int64), ends[is_known].astype(np.int64)
    lengths, total = bounds[end] - bounds[first], float(bounds[-1] - bounds[0])
    known = {
        "state_seconds": lengths,
        "state_share": lengths / total if total > 0 else np.ones(len(lengths)),
        "is_end_state": ((first == 0) | (end == len(bounds) - 1)).astype(np.float64),
    }
    values = {name: np.full(len(starts), np.nan) for name in known}
    for name, own in known.items():
        values[name][is_known] = own
    return values


def _damage(frames: pa.Table) -> NDArray[np.float64]:
    """1 where a frame or one since its last sync frame is corrupt, else 0; NaN where it was not decoded."""
    is_corrupt = _floats(frames, "is_corrupt")
    is_keyframe = frames.column("is_keyframe").to_numpy(zero_copy_only=False)
    total: NDArray[np.float64] = np.cumsum(np.nan_to_num(is_corrupt))
    group_starts = np.maximum.accumulate(np.where(is_keyframe, np.arange(len(total)), 0))
    before_group = np.where(group_starts > 0, total[np.maximum(group_starts - 1, 0)], 0.0)
    return np.asarray(np.where(np.isnan(is_corrupt), np.nan, total > before_group), np.float64)


def _greatest_near(
    difference: NDArray[np.float64],
    indices: NDArray[np.int64],
    *,
    seconds: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The greatest known difference to the frame before, of each frame, its two neighbours and those as near.

    The shot's first frame has no difference that counts.
    """
    near = _NEAR_SECONDS + 1e-6
    firsts = np.minimum(np.searchsorted(seconds, seconds[indices] - near) + 1, indices)
    lasts = np.maximum(np.searchsorted(seconds, seconds[indices] + near, side="right"), indices + 2)
    firsts, lasts = np.maximum(firsts, starts + 1), np.minimum(lasts, ends)
    return _greatest(difference, firsts, lasts)


def _greatest(values: NDArray[np.float64], firsts: NDArray[np.int64], lasts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The greatest known value of each span [first, last), NaN where it has none."""
    if not len(firsts):
        return np.zeros(0)
    # Every second span is one asked for; those between lie from its end to the next one's begin.
    bounds = np.stack([firsts, lasts], axis=1).ravel()
    greatest = np.fmax.reduceat(np.append(values, np.nan), bounds)[::2]
    return np.where(firsts < lasts, greatest, np.nan)


def _medians(values: NDArray[np.float64], firsts: NDArray[np.int64], lasts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The median of the known values of each span [first, last), one frame or more; NaN where it has none."""
    medians = np.full(len(firsts), np.nan)
    sizes = lasts - firsts
    blocks = np.cumsum(sizes) // _VALUES_PER_BLOCK
    for block in np.unique(blocks):
        own = np.flatnonzero(blocks == block)
        ends = np.cumsum(sizes[own])
        places = np.arange(ends[-1]) + np.repeat(lasts[own] - ends, sizes[own])
        medians[own] = quantiles_of_groups(values[places], 0.5, offsets=np.concatenate([[0], ends]))
    return medians


def _shares(values: NDArray[np.float64], greatest: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(values, greatest, out=np.ones(len(values)), where=greatest > 0)


def _mean_of_known(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    both = np.stack([first, second])
    num_known = (~np.isnan(both)).sum(axis=0)
    return np.asarray(
        np.divide(np.nansum(both, axis=0), num_known, out=np.full(len(first), np.nan), where=num_known > 0)
    )


def _floats(frames: pa.Table, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = frames.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values
