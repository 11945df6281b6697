"""Combines the scores of the candidates into one number each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.face_quality import face_bonuses
from thumb_assets.select.measured import Measured
from thumb_assets.select.rank import groups_of, percentile_ranks
from thumb_assets.settings import SelectionSettings

COMPONENTS = ("sharpness", "clip", "iqa")


@dataclass(frozen=True)
class Scores:
    """The components of every candidate and what they add up to.

    Attributes:
        percentiles: for each of COMPONENTS a (N,) float64 in (0, 1], NaN where the candidate has no value.
        face_bonus: (N,) float64 from 0 to the setting; 0 where faces were not looked for.
        combined: (N,) float64 in [0, 1 + bonus].
    """

    percentiles: Mapping[str, NDArray[np.float64]]
    face_bonus: NDArray[np.float64]
    combined: NDArray[np.float64]


def score_candidates(measured: Measured, *, settings: SelectionSettings) -> Scores:
    """The percentiles of every candidate in its video, their weighted mean, and the bonus for a clear face.

    Args:
        measured: one video or many.
        settings: weights, bonus and what a clear face is.
    """
    videos = groups_of(measured.offsets)
    percentiles = {
        "sharpness": percentile_ranks(measured.laplacian_variance, groups=videos),
        "clip": percentile_ranks(measured.clip_score, groups=videos),
        "iqa": iqa_percentiles(measured.iqa, groups=videos),
    }
    weights = [float(getattr(settings.weights, name)) for name in COMPONENTS]
    base = weighted_means([percentiles[name] for name in COMPONENTS], weights=weights)
    bonus = face_bonuses(measured, settings=settings)
    return Scores(percentiles, bonus, base + bonus)


def used_components(scores: Scores, *, has_faces: bool, settings: SelectionSettings) -> tuple[str, ...]:
    """The components that moved a combined score of one video; `faces` where faces were looked for."""
    used = [
        name
        for name in COMPONENTS
        if getattr(settings.weights, name) > 0 and not np.isnan(scores.percentiles[name]).all()
    ]
    return (*used, "faces") if has_faces else tuple(used)


def weighted_means(components: Sequence[NDArray[np.float64]], *, weights: Sequence[float]) -> NDArray[np.float64]:
    """Weighted mean of each candidate's components over those it has; 0.0 where it has none.

    Leaving a missing component out, and its weight with it, is what makes a missing scorer neutral: a zero in its
    place would punish the candidate, a one reward it.

    Args:
        components: C arrays (N,) float64, one or more, NaN where there is no value.
        weights: C numbers >= 0.

    Returns:
        (N,) float64 between the least and the greatest component of the candidate.

    >>> weighted_means([np.array([1.0, 0.5, np.nan]), np.array([0.0, np.nan, np.nan])], weights=[3.0, 1.0]).tolist()
    [0.75, 0.5, 0.0]
    """
    total = np.zeros(len(components[0]))
    total_weight = np.zeros(len(components[0]))
    for values, weight in zip(components, weights, strict=True):
        has_value = ~np.isnan(values)
        total += np.where(has_value, weight * values, 0.0)
        total_weight += np.where(has_value, weight, 0.0)
    return np.divide(total, total_weight, out=np.zeros_like(total), where=total_weight > 0)


def iqa_percentiles(
    iqa: Mapping[str, NDArray[np.float64]], *, groups: NDArray[np.unsignedinteger]
) -> NDArray[np.float64]:
    """Mean over the metrics of each candidate's percentile, so that metrics of different units weigh the same.

    Args:
        iqa: by metric (N,) float64, more is better, NaN where there is no value.
        groups: (N,) the video of each candidate.

    Returns:
        (N,) float64 in (0, 1]; NaN where no metric has a value.
    """
    ranks = [percentile_ranks(iqa[name], groups=groups) for name in sorted(iqa)]
    if not ranks:
        return np.full(len(groups), np.nan)
    means = weighted_means(ranks, weights=[1.0] * len(ranks))
    means[np.isnan(ranks).all(axis=0)] = np.nan
    return means
