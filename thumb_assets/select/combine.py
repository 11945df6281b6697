"""Combines the scores of the candidates into one number each."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thumb_assets.errors import ContractError
from thumb_assets.select.align import aligned_values
from thumb_assets.select.face_quality import face_bonuses
from thumb_assets.select.rank import percentile_ranks
from thumb_assets.settings import SelectionSettings

COMPONENTS = ("sharpness", "clip", "iqa")


@dataclass(frozen=True)
class Scores:
    """The components of every candidate and what they add up to.

    Attributes:
        percentiles: for each of COMPONENTS a (N,) float64 in (0, 1], NaN where the candidate has no value.
        face_bonus: (N,) float64 from 0 to the setting, or None where faces were not looked for.
        combined: (N,) float64 in [0, 1 + bonus].
        used: the components that moved at least one combined score; `faces` where faces were looked for.
    """

    percentiles: Mapping[str, NDArray[np.float64]]
    face_bonus: NDArray[np.float64] | None
    combined: NDArray[np.float64]
    used: tuple[str, ...]


def score_candidates(
    frame_indices: NDArray[np.int64],
    *,
    sharpness: pa.Table | None,
    clip_scores: pa.Table | None,
    iqa_scores: pa.Table | None,
    iqa_lower_better: Mapping[str, bool],
    faces: pa.Table | None,
    frame_size: tuple[int, int] | None,
    settings: SelectionSettings,
) -> Scores:
    """The percentiles of every candidate, their weighted mean, and the bonus for a clear face.

    Args:
        frame_indices: (N,) int64 of the candidates, ascending, N > 0.
        sharpness, clip_scores, iqa_scores, faces, iqa_lower_better, frame_size: see `choose`.
        settings: weights, bonus and what a clear face is.

    Raises:
        ContractError: a key repeats, or the direction of a metric is not known.
        ValueError: there are faces and no frame size.
    """
    no_values = np.full(len(frame_indices), np.nan)
    percentiles = dict.fromkeys(COMPONENTS, no_values)
    if sharpness is not None:
        variances = aligned_values(sharpness, "laplacian_variance", frame_indices=frame_indices)
        percentiles["sharpness"] = percentile_ranks(variances)
    if clip_scores is not None:
        percentiles["clip"] = percentile_ranks(aligned_values(clip_scores, "clip_score", frame_indices=frame_indices))
    if iqa_scores is not None:
        percentiles["iqa"] = iqa_percentiles(iqa_scores, frame_indices=frame_indices, lower_better=iqa_lower_better)
    bonus = None
    if faces is not None:
        bonus = face_bonuses(faces, frame_indices=frame_indices, frame_size=frame_size, settings=settings)
    weights = {name: float(getattr(settings.weights, name)) for name in COMPONENTS}
    base = weighted_means(np.stack([percentiles[name] for name in COMPONENTS]), weights=list(weights.values()))
    used = [name for name in COMPONENTS if weights[name] > 0 and not np.isnan(percentiles[name]).all()]
    if faces is not None:
        used.append("faces")
    return Scores(percentiles, bonus, base if bonus is None else base + bonus, tuple(used))


def weighted_means(components: NDArray[np.float64], *, weights: list[float]) -> NDArray[np.float64]:
    """Weighted mean of each column over the components it has; 0.0 where it has none.

    Leaving a missing component out, and its weight with it, is what makes a missing scorer neutral: a zero in its
    place would punish the candidate, a one reward it.

    Args:
        components: (C, N) float64, NaN where there is no value.
        weights: C numbers >= 0.

    Returns:
        (N,) float64 between the least and the greatest component of the column.

    >>> weighted_means(np.array([[1.0, 0.5, np.nan], [0.0, np.nan, np.nan]]), weights=[3.0, 1.0]).tolist()
    [0.75, 0.5, 0.0]
    """
    total = np.zeros(components.shape[1])
    total_weight = np.zeros(components.shape[1])
    for values, weight in zip(components, weights, strict=True):
        has_value = ~np.isnan(values)
        total[has_value] += weight * values[has_value]
        total_weight[has_value] += weight
    return np.divide(total, total_weight, out=np.zeros_like(total), where=total_weight > 0)


def iqa_percentiles(
    iqa_scores: pa.Table, *, frame_indices: NDArray[np.int64], lower_better: Mapping[str, bool]
) -> NDArray[np.float64]:
    """Mean over the metrics of each candidate's percentile, so that metrics of different units weigh the same.

    Args:
        iqa_scores: table `iqa_scores`; rows of frames that are no candidates are passed over.
        frame_indices: (N,) int64 of the candidates, ascending.
        lower_better: by metric.

    Returns:
        (N,) float64 in (0, 1]; NaN where no metric has a value.

    Raises:
        ContractError: a metric is not in `lower_better`, or a key repeats.
    """
    names = sorted(pc.unique(iqa_scores.column("metric")).to_pylist())
    unknown = [name for name in names if name not in lower_better]
    if unknown:
        raise ContractError(f"table iqa_scores: the footer does not say whether lower is better for {unknown}")
    ranks = []
    for name in names:
        rows = iqa_scores.filter(pc.equal(iqa_scores.column("metric"), name))
        scores = aligned_values(rows, "iqa_score", frame_indices=frame_indices)
        ranks.append(percentile_ranks(scores, lower_better=lower_better[name]))
    if not ranks:
        return np.full(len(frame_indices), np.nan)
    stacked = np.stack(ranks)
    means = weighted_means(stacked, weights=[1.0] * len(ranks))
    return np.where(np.isnan(stacked).all(axis=0), np.nan, means)
