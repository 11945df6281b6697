"""The choice itself, of one video or of many at once: score, judge, order, diversify; arrays in, positions out."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.diversify import Field, diversify
from thumb_assets.select.guidance import NO_GUIDANCE, Guidance
from thumb_assets.select.keyframes import choose_keyframes
from thumb_assets.select.measure import COVER, CandidateArrays
from thumb_assets.select.reject import DOUBTFUL, Verdicts, judge
from thumb_assets.select.score import Scores, groups_of, order_in_groups, score_candidates
from thumb_assets.settings import SelectionSettings


@dataclass(frozen=True)
class Picks:
    """What became of every candidate of V videos, N in all; a position counts through all of them.

    Attributes:
        scores: components and combined scores.
        verdicts: which reject rules each breaks, and what follows.
        order: (N,) int64 positions, video by video, best first; those that may not be chosen among them.
        chosen: by video the chosen positions, best first; the cover that people chose before all others.
    """

    scores: Scores
    verdicts: Verdicts
    order: NDArray[np.int64]
    chosen: tuple[list[int], ...]


def pick(measured: CandidateArrays, *, settings: SelectionSettings, guidance: Guidance = NO_GUIDANCE) -> Picks:
    """Chooses from the candidates of each video; no video has a say in another's.

    Args:
        measured: one video or many.
        settings: weights, thresholds, numbers, the strategy.
        guidance: what is looked for, the learned scorer, the library's distributions.
    """
    videos = groups_of(measured.offsets)
    scores = score_candidates(measured, settings=settings, guidance=guidance)
    verdicts = judge(measured, settings=settings, avoided=guidance.avoided(measured))
    order = order_in_groups(scores.combined, groups=videos)
    chosen = []
    with one_thread():
        for video in range(len(measured.video_ids)):
            field = field_of(measured, video, scores=scores, verdicts=verdicts, order=order)
            if settings.strategy == "keyframes" and len(field.positions):
                places, _ = choose_keyframes(field, settings=settings)
            else:
                places = diversify(field, settings=settings)
            positions: list[int] = (field.positions[places] + measured.offsets[video]).tolist()
            chosen.append(sorted(positions, key=lambda position: measured["decision"][position] != COVER))
    return Picks(scores, verdicts, order, tuple(chosen))


def field_of(
    measured: CandidateArrays, video: int, *, scores: Scores, verdicts: Verdicts, order: NDArray[np.int64]
) -> Field:
    """The candidates of one video that may be chosen, best first, the doubtful ones last."""
    span = measured.span(video)
    own = order[span]
    own = own[verdicts.is_taken[own]]
    is_doubtful = verdicts.tiers[own] == DOUBTFUL
    is_doubtful &= not is_doubtful.all()
    own = np.concatenate([own[~is_doubtful], own[is_doubtful]])
    has_hashes = not np.isnan(measured["luma_entropy"][own]).any()
    return Field(
        positions=own - span.start,
        num_usable=int(len(own) - np.count_nonzero(is_doubtful)),
        combined=scores.combined[own],
        seconds=measured["pts_seconds"][own],
        shot_indices=measured.shot_indices[own],
        own_seconds=measured["own_seconds"][own],
        hashes=measured.difference_hash[own] if has_hashes else None,
        embeddings=measured.embeddings[video],
        descriptors=measured.descriptors[video],
        pinned=tuple(np.flatnonzero(measured.is_pinned[own]).tolist()),
    )


@cache
def _thread_pools() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> Any:
    """The matrices are small: threads cost more than they bring, ten times as much where the cores are busy."""
    return _thread_pools().limit(limits=1, user_api="blas")
