"""Chooses the frame that stands for each interval of a video, out of what is measured of every frame.

An interval has a few slots, and the sharpest frame of each that is not plainly bad is a finalist: known while frames
arrive, so that its picture can be kept then. The rules of the selection are held against the finalists once the shots
are known; where all of an interval break one, against all of its frames.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.select.measure import ScoreTables, arrays_from_tables
from thumb_assets.select.rules import USABLE
from thumb_assets.select.verdicts import judge
from thumb_assets.settings.selection import RejectSettings, SelectionSettings

# So many slots has an interval, and none is shorter than this: a picture is kept for each.
_MOST_SLOTS, _LEAST_SLOT_SECONDS = 4, 0.5
# What a plainly bad frame has less than any other: more than a Laplacian variance can be.
_BAD = 1e6


@dataclass(frozen=True)
class Grid:
    """The intervals of a video, counted from its first frame, and their slots.

    >>> Grid(10.0).num_slots, Grid(1.0).num_slots, Grid(10.0).slot_at(12.6)
    (4, 2, 5)
    """

    interval_seconds: float

    @property
    def num_slots(self) -> int:
        """Slots of an interval."""
        return max(1, min(_MOST_SLOTS, int(self.interval_seconds / _LEAST_SLOT_SECONDS)))

    def slot_at(self, seconds: float) -> int:
        """The slot, counted through the video, of a moment in seconds from the first frame on."""
        interval = self.interval_at(seconds)
        within = (seconds - interval * self.interval_seconds) / self.interval_seconds
        return interval * self.num_slots + min(self.num_slots - 1, max(0, int(within * self.num_slots)))

    def interval_at(self, seconds: float) -> int:
        """The interval of a moment; a microsecond before its start counts as its start, since stamps are rounded."""
        return math.floor(seconds / self.interval_seconds + 1e-6)


@dataclass(frozen=True)
class Tile:
    """One interval and the frame that stands for it.

    Attributes:
        start_seconds, end_seconds: of the interval, from the video's first frame on.
        num_broken: rules that the frame breaks; 0 where it is a good one.
    """

    tile_index: int
    start_seconds: float
    end_seconds: float
    frame_index: int
    pts_seconds: float
    num_broken: int


def merit(
    *,
    luma_mean: float,
    luma_std: float,
    laplacian_variance: float,
    frame_difference: float | None,
    is_corrupt: bool | None,
    reject: RejectSettings,
) -> float:
    """The worth of a frame among its slot's, from its own row of `frames`: its sharpness, less where it is bad."""
    is_bad = (
        luma_mean < reject.min_luma_mean
        or luma_std < reject.min_luma_std
        or (frame_difference or 0.0) > reject.max_motion
        or bool(is_corrupt)
    )
    return laplacian_variance - (_BAD if is_bad else 0.0)


def choose_tiles(
    frames: pa.Table, shots: pa.Table | None, *, interval_seconds: float, reject: RejectSettings
) -> list[Tile]:
    """One tile for each interval of a video, in order.

    Of the frames of an interval that break the mildest rules, and the fewest, the sharpest is taken; where none begins
    in an interval, the one that is still shown.

    Args:
        frames, shots: the video's tables; frames that were not decoded are passed over.
        reject: the thresholds of the rules.
    """
    known = frames.filter(frames.column("luma_hash").is_valid())
    if not known.num_rows:
        return []
    grid, seconds = Grid(interval_seconds), frames.column("pts_seconds").to_numpy()
    begin = float(seconds[0])
    end = max(float(seconds[-1]), begin) + float(frames.column("duration_seconds")[-1].as_py()) - begin
    indices, at = known.column("frame_index").to_numpy(), known.column("pts_seconds").to_numpy() - begin
    intervals = np.array([grid.interval_at(second) for second in at.tolist()])
    about: dict[str, Any] = {"intervals": intervals, "known": known, "frames": frames, "shots": shots}
    about["reject"] = reject
    finalists = _finalists(known, at, grid, reject)
    best = _best_by_interval(finalists, **about)
    poor = [interval for interval, (_, tier, _) in best.items() if tier > USABLE]
    if poor:
        every = np.union1d(finalists, np.flatnonzero(np.isin(intervals, poor)))
        among_all = _best_by_interval(every, **about)
        best |= {each: among_all[each] for each in poor if among_all[each][1] < best[each][1]}
    num_intervals = max(1, math.ceil(end / interval_seconds - 1e-6), max(best) + 1)
    tiles = []
    for interval in range(num_intervals):
        place, _, num_broken = best.get(interval) or _held(interval * interval_seconds, at)
        start = interval * interval_seconds
        stop = max(end, start) if interval == num_intervals - 1 else start + interval_seconds
        tiles.append(Tile(interval, start, stop, int(indices[place]), float(at[place]) + begin, num_broken))
    return tiles


def count_broken(
    frames: pa.Table, shots: pa.Table | None, frame_indices: Sequence[int], *, reject: RejectSettings
) -> list[int]:
    """The number of rules that each of these frames breaks, as tiles are judged."""
    rows = frames.take(pa.array(sorted(set(frame_indices))))
    _, num_broken = _held_against_rules(rows, frames, shots, reject)
    found = dict(zip(rows.column("frame_index").to_pylist(), num_broken.tolist(), strict=True))
    return [found[index] for index in frame_indices]


def _held(start: float, at: NDArray[np.float64]) -> tuple[int, int, int]:
    """The frame that is shown at that moment."""
    return max(0, int(np.searchsorted(at, start, side="right")) - 1), USABLE, 0


def _finalists(known: pa.Table, at: NDArray[np.float64], grid: Grid, reject: RejectSettings) -> NDArray[np.int64]:
    """Positions of the first frame of greatest merit of each slot, ascending."""
    found: dict[int, tuple[float, int]] = {}
    for place, (second, value) in enumerate(zip(at.tolist(), _merits(known, reject), strict=True)):
        slot = grid.slot_at(second)
        if slot not in found or value > found[slot][0]:
            found[slot] = (value, place)
    return np.array(sorted(place for _, place in found.values()), np.int64)


def _merits(known: pa.Table, reject: RejectSettings) -> Iterator[float]:
    names = ("luma_mean", "luma_std", "laplacian_variance", "frame_difference", "is_corrupt")
    for values in zip(*(known.column(name).to_pylist() for name in names), strict=True):
        yield merit(**dict(zip(names, values, strict=True)), reject=reject)


def _best_by_interval(
    places: NDArray[np.int64],
    *,
    intervals: NDArray[np.int64],
    known: pa.Table,
    frames: pa.Table,
    shots: pa.Table | None,
    reject: RejectSettings,
) -> dict[int, tuple[int, int, int]]:
    """By interval: position, tier and number of broken rules of its best frame among those at `places`."""
    rows = known.take(pa.array(places))
    tiers, num_broken = _held_against_rules(rows, frames, shots, reject)
    sharpness = rows.column("laplacian_variance").to_numpy()
    best: dict[int, tuple[int, int, int]] = {}
    for number in np.lexsort((-sharpness, num_broken, tiers)).tolist():
        interval = int(intervals[places[number]])
        best.setdefault(interval, (int(places[number]), int(tiers[number]), int(num_broken[number])))
    return best


def _held_against_rules(
    rows: pa.Table, frames: pa.Table, shots: pa.Table | None, reject: RejectSettings
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(N,) worst tier of the rules that each of these frames breaks, and the number of these rules.

    No rule is capped here: whether a picture is good is asked, not how many of the video are.
    """
    measured = arrays_from_tables(_as_candidates(rows, shots), ScoreTables(frames=frames, shots=shots, sharpness=rows))
    tiers, num_broken = np.full(rows.num_rows, USABLE), np.zeros(rows.num_rows, np.int64)
    for held in judge(measured, settings=SelectionSettings(reject=reject)).rules:
        if _is_about_frames(held.rule.sources) and held.rule.applies_to != "screens":
            tiers = np.where(held.is_broken, np.maximum(tiers, held.tier), tiers)
            num_broken += held.is_broken
    return tiers, num_broken


def _is_about_frames(sources: Iterable[str]) -> bool:
    """True for rules about what is known of every frame."""
    tables = {source.partition(".")[0] for source in sources}
    return bool(tables) and tables <= {"frames", "shots", "sharpness"}


def _as_candidates(rows: pa.Table, shots: pa.Table | None) -> pa.Table:
    """Rows of `frames` with the columns of `candidate_frames` that measuring takes."""
    starts = np.zeros(1, np.int64) if shots is None else shots.column("start_frame_index").to_numpy()
    shot_indices = np.searchsorted(starts, rows.column("frame_index").to_numpy(), side="right") - 1
    table = rows.select(["video_id", "frame_index", "pts_seconds"]).append_column("shot_index", pa.array(shot_indices))
    for name in ("state_start_frame_index", "state_exclusive_end_frame_index"):
        table = table.append_column(name, pa.nulls(rows.num_rows, pa.int64()))
    return table
