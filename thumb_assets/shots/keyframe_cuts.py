"""Is there a cut in a group of pictures, and where: from its two sync frames and the sizes of its packets.

A frame behind a cut cannot be predicted from the one before it, so its packet is about as large as a sync frame's and
stands out from its neighbours; an encoder that looks for cuts puts a sync frame there instead. Neither is certain, so
each answer says how sure it is, and the least sure groups are the ones worth looking into.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thumb_assets.settings.stages import ShotsSettings
from thumb_assets.shots.detector import ShotDetector

# Two sync frames that differ by more than this show different things, or one thing that moved much.
DIFFERENT = 0.25
# An encoder ended the group early where it is shorter than this share of the longest: it saw a cut. Less of a
# difference is enough then.
_EARLY_END, _DIFFERENT_AT_EARLY_END = 0.95, 0.12
# A packet is compared with the ninth decile of this many on each side.
_NUM_NEIGHBOURS = 12
# Times that decile: where a packet may be the one behind a cut that is known to be somewhere, where it stands out, and
# where it does so without doubt.
_MAY_BE, _STANDS_OUT, _STANDS_OUT_CLEARLY = 1.2, 1.7, 4.0
# Of the smaller of the two sync frames; a cut to anything but a plain colour costs more.
_LEAST_SHARE_OF_SYNC = 0.1
# Encoders spend bits in pulses (hidden reference frames, a source that was encoded before): where more packets than
# this stand out in a group, none suggests a cut.
_MAX_CUTS_PER_GROUP = 4

_HISTOGRAM_BINS = (8, 4, 8)  # hue, saturation, value
_GREATEST_DIFFERENCE = 100.0  # mean HSV difference that counts as 1


@dataclass(frozen=True)
class GroupEvidence:
    """Evidence of cuts in one group of pictures, from sizes and sync frames.

    Attributes:
        group: its number.
        starts: frame_index values where a shot starts, behind the group's first frame, the next sync frame included.
        certainty: 0..1, how little there is to gain by looking.
        difference: of the two sync frames, 0..1; 0 for the last group, which has but one.
    """

    group: int
    starts: tuple[int, ...]
    certainty: float
    difference: float


def picture_difference(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    """Difference of two small pictures, 0..1: the greater of that of their contents and that of their layout.

    Args:
        first, second: (H, W, 3) uint8 RGB of one size.

    >>> black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    >>> picture_difference(black, white), picture_difference(black, black)
    (1.0, 0.0)
    """
    import cv2

    one, other = (cv2.cvtColor(picture, cv2.COLOR_RGB2HSV) for picture in (first, second))
    moved = float(np.abs(one.astype(np.int16) - other).mean()) / _GREATEST_DIFFERENCE
    histograms = [
        cv2.calcHist([picture], [0, 1, 2], None, list(_HISTOGRAM_BINS), [0, 180, 0, 256, 0, 256]) / picture[..., 0].size
        for picture in (one, other)
    ]
    changed = float(np.abs(histograms[0] - histograms[1]).sum()) / 2
    return min(1.0, max(moved, changed))


def look_settings(settings: ShotsSettings) -> ShotsSettings:
    """For a look at a few pictures: the learned detector knows none with gaps, so AdaptiveDetector takes its place."""
    return settings.model_copy(update={"detector": "adaptive"}) if settings.detector == "transnet" else settings


def find_steps(pictures: Sequence[npt.NDArray[np.uint8]], settings: ShotsSettings) -> list[int]:
    """Cuts that the detector of the settings finds in a few successive pictures, the borders included.

    The first and the last picture are repeated, so that a cut next to them has neighbours to stand out from.

    Args:
        pictures: (H, W, 3) uint8 RGB of one size, in order of display.
        settings: see `look_settings` for which detector it is.

    Returns:
        Positions in `pictures` of those that show another shot than the one before, ascending.
    """
    settings = look_settings(settings).model_copy(update={"min_shot_seconds": 0.0})
    detector = ShotDetector(settings)
    margin = settings.window_width
    for place, picture in enumerate([*[pictures[0]] * margin, *pictures, *[pictures[-1]] * margin]):
        detector.process(picture, seconds=float(place))
    positions = [start.frame_index - margin for start in detector.finish()]
    return [position for position in positions if 0 < position < len(pictures)]


def weigh_groups(
    num_bytes: npt.NDArray[np.int64],
    coding_place: npt.NDArray[np.int64],
    sync_frames: npt.NDArray[np.int64],
    differences: Sequence[float],
    *,
    pts_seconds: npt.NDArray[np.float64],
    min_shot_seconds: float,
) -> list[GroupEvidence]:
    """The evidence of every group of pictures.

    Args:
        num_bytes: (N,) int64 size of each frame's packet, by frame_index.
        coding_place: (N,) int64 place of that packet in the file.
        sync_frames: (S,) int64 ascending frame_index, the first 0.
        differences: S - 1 values, of each sync frame to the next.
        pts_seconds: (N,) float64.
        min_shot_seconds: two starts are at least so far apart.
    """
    ends = [*sync_frames[1:].tolist(), len(num_bytes)]
    longest = max(end - start for start, end in zip(sync_frames.tolist(), ends, strict=True))
    least_places = _first_possible(coding_place)
    found = []
    for group, (first, end) in enumerate(zip(sync_frames.tolist(), ends, strict=True)):
        is_last = end == len(num_bytes)
        spikes = _spikes(
            num_bytes[first:end].astype(np.float64),
            least=_LEAST_SHARE_OF_SYNC * float(min(num_bytes[first], num_bytes[first if is_last else end])),
            seconds=pts_seconds[first:end],
            min_seconds=min_shot_seconds,
        )
        placed = [(_middle(least_places, first, first + place), strength) for place, strength in spikes]
        ends_early = not is_last and end - first < _EARLY_END * longest
        difference = 0.0 if is_last else differences[group]
        found.append(_weigh(group, None if is_last else end, placed, difference, ends_early=ends_early))
    return found


def _weigh(
    group: int, end: int | None, spikes: list[tuple[int, float]], difference: float, *, ends_early: bool
) -> GroupEvidence:
    clear = [place for place, strength in spikes if strength >= _STANDS_OUT_CLEARLY]
    if end is None or difference < (_DIFFERENT_AT_EARLY_END if ends_early else DIFFERENT):
        # Both ends show the same: a flash, or a cut to the same place at another time.
        return GroupEvidence(group, tuple(clear[:1]) if len(clear) == 1 else (), 0.4 if clear else 1.0, difference)
    starts = [place for place, strength in spikes if strength >= _STANDS_OUT]
    if ends_early:
        return GroupEvidence(group, (*sorted(starts), end), 0.6 if starts else 0.9, difference)
    if len(starts) == 1 and clear:
        return GroupEvidence(group, tuple(starts), 0.8, difference)
    if starts:
        return GroupEvidence(group, tuple(sorted(starts)), 0.3, difference)
    if spikes:
        return GroupEvidence(group, (spikes[0][0],), 0.2, difference)
    # Something changed and nothing stands out: slowly, or by movement, or in the step to the next sync frame.
    return GroupEvidence(group, (), 0.1, difference)


def _spikes(
    sizes: npt.NDArray[np.float64], *, least: float, seconds: npt.NDArray[np.float64], min_seconds: float
) -> list[tuple[int, float]]:
    """Places behind the first whose size stands out, with how much, the strongest first."""
    found = []
    for place in range(1, len(sizes)):
        if sizes[place] < least:
            continue
        begin, end = max(1, place - _NUM_NEIGHBOURS), place + _NUM_NEIGHBOURS + 1
        around = np.concatenate([sizes[begin:place], sizes[place + 1 : end]])
        if len(around) < 4:
            continue
        # The percentile is no less than the value below it, which costs a thirtieth and lets nearly all be passed over.
        below = int(0.9 * (len(around) - 1))
        if sizes[place] < _MAY_BE * max(1.0, np.partition(around, below)[below]):
            continue
        strength = float(sizes[place] / max(1.0, np.percentile(around, 90)))
        if strength < _MAY_BE:
            continue
        found.append((place, strength))
    kept: list[tuple[int, float]] = []
    for place, strength in sorted(found, key=lambda each: -each[1]):
        if all(abs(seconds[place] - seconds[other]) >= min_seconds - 0.001 for other, _ in kept):
            kept.append((place, strength))
    is_pulsing = sum(strength >= _STANDS_OUT for _, strength in kept) > _MAX_CUTS_PER_GROUP
    return [] if is_pulsing else kept


def _first_possible(coding_place: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each frame the first one behind the frame shown before it that lies in the file before it.

    Frames between the two were predicted from both, so a cut shown by the frame's size may lie at any of them.
    """
    first_possible = np.arange(len(coding_place))
    latest = -1
    for frame_index in np.argsort(coding_place).tolist():
        if frame_index > latest:
            first_possible[frame_index] = latest + 1
            latest = frame_index
    return first_possible


def _middle(first_possible: npt.NDArray[np.int64], group_start: int, frame_index: int) -> int:
    return (max(group_start + 1, int(first_possible[frame_index])) + frame_index) // 2
