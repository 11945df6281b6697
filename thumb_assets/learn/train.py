"""Trains the head by ridge regression, and finds out on videos that were held out what it is worth."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thumb_assets.errors import BadInputError
from thumb_assets.learn.compare import Compared, compare, is_better
from thumb_assets.learn.examples import Examples
from thumb_assets.select.learned_head import FEATURES, LearnedHead, standardised

# With fewer labels chance decides.
MIN_LABELS = 10
_NUM_FOLDS, _NUM_INNER_FOLDS = 5, 3
# Of the regularisation, relative to the variance of the features, of which the embedding and the rest bring 1 each.
_STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
_SEED = 0

Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Training:
    """Result of the training.

    Attributes:
        head: trained on all examples.
        strength: of the regularisation, out of those that were tried.
        compared: by measure, the learned and the hand-made order of examples that were held out.
        is_better: see `compare.is_better`.
        num_labels, num_videos: that were trained on.
        warnings: what to know of the figures, one line each.
    """

    head: LearnedHead
    strength: float
    compared: dict[str, Compared]
    is_better: bool
    num_labels: int
    num_videos: int
    warnings: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Facts stored with the head, as JSON can hold them."""
        return {
            "strength": self.strength,
            "num_labels": self.num_labels,
            "num_videos": self.num_videos,
            "cross_validated": {name: asdict(each) for name, each in self.compared.items()},
            "warnings": list(self.warnings),
        }


def train(examples: Examples | None, hand_made: NDArray[np.float64]) -> Training:
    """Trains on all examples, and on parts of them to hold the held-out rest against the hand-made scores.

    The folds are of whole videos, and the strength of the regularisation is found again within each fold's training
    part, so that no video influences its own order. The same examples give the same head, to the byte.

    Args:
        examples: None where no label could be used.
        hand_made: (N,) float64, what the hand-made combination scores each candidate; `examples.positions` points into
            it.

    Raises:
        BadInputError: there are fewer than MIN_LABELS examples, or all say the same.
    """
    num_labels = 0 if examples is None else len(examples.targets)
    if examples is None or num_labels < MIN_LABELS:
        raise BadInputError(
            f"{num_labels} usable labels, and at least {MIN_LABELS} are needed: pin and ban more frames of videos that "
            "were run, or give --labels FILE.csv"
        )
    if np.ptp(examples.targets) == 0:
        raise BadInputError(
            f"all {num_labels} labels are the same, so there is nothing to learn: label frames that are wanted, "
            "and others that are not"
        )
    from sklearn.linear_model import Ridge  # noqa: F401 - its libraries are loaded before their threads are limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):  # sums by several threads differ in the last digits
        held_out = np.empty(num_labels)
        units = examples.videos.copy()
        for fold, (rest, test) in enumerate(_folds(examples, num_folds=_NUM_FOLDS)):
            part = examples.rows(rest)
            held_out[test] = _fit(part, strength=_best_strength(part)).predict(examples.features[test])
            if examples.num_videos == 1:
                units[test] = fold
        strength = _best_strength(examples)
        head = _fit(examples, strength=strength)
    compared = compare(held_out, hand_made[examples.positions], examples.targets, units=units)
    return Training(
        head,
        strength,
        compared,
        examples.num_videos > 1 and is_better(compared),  # of one video nothing is known of others
        num_labels,
        examples.num_videos,
        tuple(_warnings(examples, compared)),
    )


def _folds(examples: Examples, *, num_folds: int) -> Iterator[tuple[Places, Places]]:
    """Places to train on and to hold out: whole videos; frames, where there is only one video."""
    from sklearn.model_selection import GroupKFold, KFold

    if examples.num_videos > 1:
        splitter = GroupKFold(min(num_folds, examples.num_videos))
        yield from splitter.split(examples.features, groups=examples.videos)
    else:
        # Blocks in time would often hold frames of one kind only.
        splitter = KFold(min(num_folds, len(examples.targets)), shuffle=True, random_state=_SEED)
        yield from splitter.split(examples.features)


def _best_strength(examples: Examples) -> float:
    """The one whose predictions of held-out examples are nearest to their targets; of equal ones the strongest."""
    if len(examples.targets) < _NUM_INNER_FOLDS:
        return _STRENGTHS[-1]
    losses = np.zeros(len(_STRENGTHS))
    for rest, test in _folds(examples, num_folds=_NUM_INNER_FOLDS):
        part, targets, weights = examples.rows(rest), examples.targets[test], examples.weights[test]
        for place, strength in enumerate(_STRENGTHS):
            errors = _fit(part, strength=strength).predict(examples.features[test]) - targets
            losses[place] += float((weights * errors**2).sum())
    return _STRENGTHS[len(losses) - 1 - int(np.argmin(losses[::-1]))]


def _fit(examples: Examples, *, strength: float) -> LearnedHead:
    from sklearn.linear_model import Ridge

    means, scales = _moments(examples.features)
    features = standardised(examples.features, means=means, scales=scales)
    ridge = Ridge(alpha=strength * float(examples.weights.sum()), solver="cholesky")
    ridge.fit(features, examples.targets, sample_weight=examples.weights)
    return LearnedHead(examples.embedding_model, ridge.coef_, means, scales, float(ridge.intercept_))


def _moments(features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and scales of (R, F) features, of those that are known.

    The scales are standard deviations times the square root of how many there are of the kind, so that the embedding
    weighs as much as all else, whatever its dimensions. A feature that never differs has no weight.
    """
    is_known = ~np.isnan(features)
    num_known = np.maximum(is_known.sum(axis=0), 1)
    means = np.where(is_known, features, 0.0).sum(axis=0) / num_known
    deviations = np.sqrt((np.where(is_known, features - means, 0.0) ** 2).sum(axis=0) / num_known)
    num_dimensions = features.shape[1] - len(FEATURES)
    sizes = np.where(np.arange(features.shape[1]) < num_dimensions, num_dimensions, len(FEATURES))
    # Rounding makes a little deviation of none.
    is_constant = deviations <= 1e-9 * np.maximum(np.abs(means), 1.0)
    return means, np.where(is_constant, 1.0, deviations) * np.sqrt(sizes)


def _warnings(examples: Examples, compared: dict[str, Compared]) -> Iterator[str]:
    if examples.num_videos == 1:
        yield "all labels are of one video: frames of it were held out, so the figures say nothing of other videos"
    if compared["srcc"].difference.standard_error is None:
        yield "too few videos have labels that differ within the video: nothing says whether it is better"
