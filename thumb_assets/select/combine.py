"""Combines the scores of the candidates into one number each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.face_quality import face_bonuses
from thumb_assets.select.guidance import NO_GUIDANCE, Guidance
from thumb_assets.select.measured import Measured
from thumb_assets.select.rank import groups_of, groups_of_shots, order_of_known, percentile_ranks
from thumb_assets.settings import SelectionSettings

# Those whose percentiles are blended with the library's; the others are of the video alone, or of what was asked for.
_OF_LIBRARY = ("sharpness", "clip", "contrast")
# Those, and `iqa`, whose percentiles within the shot count as well.
_OF_SHOT = ("sharpness", "clip", "stillness", "contrast")
COMPONENTS = ("sharpness", "clip", "iqa", "stillness", "contrast", "text", "judge", "learned")


@dataclass(frozen=True)
class Scores:
    """The components of every candidate and what they add up to.

    Attributes:
        percentiles: for each of COMPONENTS a (N,) float64 in [0, 1], NaN where the candidate has no value.
        face_bonus: (N,) float64 from 0 to the setting; 0 where faces were not looked for.
        combined: (N,) float64 in [0, 1 + bonus].
    """

    percentiles: Mapping[str, NDArray[np.float64]]
    face_bonus: NDArray[np.float64]
    combined: NDArray[np.float64]


def score_candidates(measured: Measured, *, settings: SelectionSettings, guidance: Guidance = NO_GUIDANCE) -> Scores:
    """The percentiles of every candidate, their weighted mean, and the bonus for a clear face.

    Args:
        measured: one video or many.
        settings: weights, bonus and what a clear face is, the library's share.
        guidance: gives the components `text` and `learned`, and the library's values.
    """
    videos = groups_of(measured.offsets)
    raw = raw_components(measured, guidance=guidance)
    shots = groups_of_shots(measured.offsets, measured.shot_indices)
    percentiles = {
        name: _percentiles(values, videos=videos, shots=shots if name in _OF_SHOT else None, settings=settings)
        for name, values in raw.items()
    }
    for name in _OF_LIBRARY:
        percentiles[name] = _with_library(percentiles[name], raw[name], name, settings=settings, guidance=guidance)
    percentiles["iqa"] = _iqa(measured, videos=videos, shots=shots, settings=settings, guidance=guidance)
    percentiles["judge"] = _judged(measured, videos=videos)
    weights = [float(getattr(settings.weights, name)) for name in COMPONENTS]
    base = weighted_means([percentiles[name] for name in COMPONENTS], weights=weights)
    bonus = face_bonuses(measured, settings=settings)
    return Scores(percentiles, bonus, base + bonus)


def raw_components(measured: Measured, *, guidance: Guidance = NO_GUIDANCE) -> dict[str, NDArray[np.float64]]:
    """By component what it is the percentile of: (N,) float64, more is better, NaN where unknown.

    `iqa` is of several metrics, and `judge` no percentile.
    """
    nothing = np.full(len(measured.frame_indices), np.nan)
    return {
        "sharpness": measured["laplacian_variance"],
        "clip": measured["clip_score"],
        "stillness": -measured["motion"],
        "contrast": measured["luma_std"],
        "text": guidance.wanted(measured),
        "learned": nothing if guidance.scorer is None else guidance.scorer.scores(measured),
    }


def _percentiles(
    values: NDArray[np.float64],
    *,
    videos: NDArray[np.unsignedinteger],
    shots: NDArray[np.unsignedinteger] | None,
    settings: SelectionSettings,
) -> NDArray[np.float64]:
    """Percentiles within the video, blended with those within the shot where these count.

    A shot shows one content, so within it more sharpness is better focus, and not only more texture. Half a rank is
    taken off there: the only candidate of a shot stands in the middle, and the best of many near the top.
    """
    order = order_of_known(values)
    of_video = percentile_ranks(values, groups=videos, order=order)
    weight = settings.shot_weight
    if shots is None or weight == 0:
        return of_video
    is_known = ~np.isnan(values)
    sizes = np.bincount(shots[is_known], minlength=int(shots[-1]) + 1 if len(shots) else 0)
    with np.errstate(divide="ignore"):
        of_shot = percentile_ranks(values, groups=shots, order=order) - 0.5 / sizes[shots]
    return np.asarray((1 - weight) * of_video + weight * of_shot)


def _with_library(
    percentiles: NDArray[np.float64],
    values: NDArray[np.float64],
    name: str,
    *,
    settings: SelectionSettings,
    guidance: Guidance,
) -> NDArray[np.float64]:
    """Blended with the share of the library's values that are not above."""
    reference = guidance.library.get(name)
    weight = settings.library_weight
    if reference is None or not len(reference) or weight == 0:
        return percentiles
    of_library = np.searchsorted(reference, values, side="right") / len(reference)
    return np.asarray((1 - weight) * percentiles + weight * of_library)


def _iqa(
    measured: Measured,
    *,
    videos: NDArray[np.unsignedinteger],
    shots: NDArray[np.unsignedinteger],
    settings: SelectionSettings,
    guidance: Guidance,
) -> NDArray[np.float64]:
    """Mean over the metrics of each candidate's percentile, so that metrics of different units weigh the same."""
    ranks = [
        _with_library(
            _percentiles(values, videos=videos, shots=shots, settings=settings),
            values,
            f"iqa.{name}",
            settings=settings,
            guidance=guidance,
        )
        for name, values in sorted(measured.iqa.items())
    ]
    if not ranks:
        return np.full(len(videos), np.nan)
    means = weighted_means(ranks, weights=[1.0] * len(ranks))
    means[np.isnan(ranks).all(axis=0)] = np.nan
    return means


def _judged(measured: Measured, *, videos: NDArray[np.unsignedinteger]) -> NDArray[np.float64]:
    """The judge's score over 10, no percentile: the best of a bad lot is not good.

    A candidate that was not among the best, which were judged, comes after them; a failed judgement is neutral.
    """
    scores = measured["judge_score"] / 10
    num_judged = np.bincount(videos[~np.isnan(scores)], minlength=len(measured.video_ids))
    is_unasked = np.isnan(scores) & (measured["is_judged"] == 0) & (num_judged[videos] > 0)
    return np.where(is_unasked, 0.0, scores)


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
