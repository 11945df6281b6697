"""The choice itself, of one video or of many at once: score, drop, order, diversify; arrays in, positions out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.combine import Scores, score_candidates
from thumb_assets.select.diversify import diversify
from thumb_assets.select.measured import Measured
from thumb_assets.select.rank import groups_of, order_in_groups
from thumb_assets.select.reject import NO_RULE, Rule, first_broken, usability_rules
from thumb_assets.settings import SelectionSettings


@dataclass(frozen=True)
class Picks:
    """What became of every candidate of V videos, N in all; a position counts through all of them.

    Attributes:
        scores: components and combined scores.
        rules: the reject rules.
        broken_rules: (N,) int64, the place in `rules` of the first one a candidate breaks, NO_RULE where none.
        is_dropped: (N,) bool: it breaks a rule and its video has a candidate that breaks none.
        order: (N,) int64 positions, video by video, best first, the dropped ones among them.
        chosen: by video the chosen positions, best first.
    """

    scores: Scores
    rules: tuple[Rule, ...]
    broken_rules: NDArray[np.int64]
    is_dropped: NDArray[np.bool_]
    order: NDArray[np.int64]
    chosen: tuple[list[int], ...]


def pick(measured: Measured, *, settings: SelectionSettings) -> Picks:
    """Chooses from the candidates of each video; no video has a say in another's.

    Which of the best are taken together is up to `diversify` alone: another strategy would stand in its place.

    Args:
        measured: one video or many.
        settings: weights, thresholds, numbers.
    """
    videos = groups_of(measured.offsets)
    num_videos = len(measured.video_ids)
    scores = score_candidates(measured, settings=settings)
    rules = usability_rules(measured, settings=settings)
    broken_rules = first_broken(rules)
    has_usable = np.bincount(videos[broken_rules == NO_RULE], minlength=num_videos) > 0
    is_dropped = (broken_rules != NO_RULE) & has_usable[videos]
    order = order_in_groups(scores.combined, groups=videos)
    left = order[~is_dropped[order]]
    ends = np.cumsum(np.bincount(videos[left], minlength=num_videos)).tolist()
    seconds, shots = measured.pts_seconds, measured.shot_indices
    chosen = tuple(
        diversify(left[start:end], pts_seconds=seconds, shot_indices=shots, settings=settings)
        for start, end in zip([0, *ends[:-1]], ends, strict=True)
    )
    return Picks(scores, rules, broken_rules, is_dropped, order, chosen)
