"""The learned scorer: a linear head over the embedding of a candidate and what else was measured of it.

It is trained elsewhere (`learn`), from what people liked; here it only says what it expects them to like.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.faces import face_bonuses
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.score import score_candidates
from thumb_assets.settings.selection import SelectionSettings

# What a candidate is among those of its video: percentiles of these components.
_PERCENTILES = ("sharpness", "clip", "iqa", "stillness", "contrast")
# What it is by itself. Of what was measured only that which cannot be infinite.
_VALUES = (
    "clip_score",
    "luma_mean",
    "luma_std",
    "luma_entropy",
    "dark_share",
    "bright_share",
    "text_share",
    "motion",
)
# The features beside the D of the embedding, in their order.
FEATURES: tuple[str, ...] = (*(f"{name}_percentile" for name in _PERCENTILES), *_VALUES, "log_sharpness", "face")
# A feature means the same whatever the settings of the choice are.
_USUAL = SelectionSettings(shot_weight=0)


@dataclass(frozen=True, eq=False)
class LearnedHead:
    """Weights over the F = D + len(FEATURES) features of a candidate: those of its embedding, then FEATURES.

    The score is `intercept + sum(weights * (features - means) / scales)`, a feature that is not known counting as its
    mean. It is what was learned to be wanted, about 0..1, and only its order within a video has a meaning.

    Attributes:
        embedding_model: see `embedding_model_of`; it knows the embeddings of no other.
        weights, means, scales: (F,) float64, finite; scales > 0.
        intercept: the score of what is average in everything.
    """

    embedding_model: str
    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    scales: NDArray[np.float64]
    intercept: float

    @property
    def num_dimensions(self) -> int:
        """D, of the embeddings."""
        return len(self.weights) - len(FEATURES)

    def scores(self, measured: CandidateArrays) -> NDArray[np.float64]:
        """(N,) float64, more is better; NaN where a candidate has no embedding of the head's model."""
        scores = np.full(len(measured.frame_indices), np.nan)
        for video, features in features_by_video(measured, embedding_model=self.embedding_model):
            if features.shape[1] == len(self.weights):
                scores[measured.span(video)] = self.predict(features)
        return scores

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The scores of (n, F) features as `features_by_video` makes them: (n,) float64, NaN without an embedding."""
        is_known = ~np.isnan(features[:, : self.num_dimensions]).any(axis=1)
        # einsum adds up row by row in one order, where a matrix product's depends on the number of threads.
        sums = np.einsum("nf,f->n", standardised(features, means=self.means, scales=self.scales), self.weights)
        return np.where(is_known, self.intercept + sums, np.nan)


def features_by_video(measured: CandidateArrays, *, embedding_model: str) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """The features of the candidates, for training and for prediction alike.

    Args:
        measured: one video or many.
        embedding_model: videos that have embeddings of another one, or none, are passed over.

    Yields:
        The place of a video and (n, D + len(FEATURES)) float64 of its n candidates: the embedding, then FEATURES, which
        are percentiles in (0, 1], measured values in their units, the natural logarithm of 1 + Laplacian variance and
        the bonus for clear faces, 0..1. NaN where something is not known.
    """
    others = _other_features(measured)
    for video, embeddings in enumerate(measured.embeddings):
        if embeddings.shape[1] and measured.embedding_models[video] == embedding_model:
            yield video, np.hstack([embeddings.astype(np.float64), others[measured.span(video)]])


def _other_features(measured: CandidateArrays) -> NDArray[np.float64]:
    """(N, len(FEATURES)) float64."""
    percentiles = score_candidates(measured, settings=_USUAL).percentiles
    faces = face_bonuses(measured, settings=_USUAL) / _USUAL.face_bonus
    has_faces = np.repeat(measured.has_faces, np.diff(measured.offsets))
    columns = [
        *(percentiles[name] for name in _PERCENTILES),
        *(measured[name] for name in _VALUES),
        np.log1p(measured["laplacian_variance"]),
        np.where(has_faces, faces, np.nan),
    ]
    return np.stack(columns, axis=1)


def standardised(
    features: NDArray[np.float64], *, means: NDArray[np.float64], scales: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, F) features about their means, in units of their scales; 0, the mean, where one is not known."""
    return np.nan_to_num((features - means) / scales, nan=0.0)
