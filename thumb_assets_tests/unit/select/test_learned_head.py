"""The head's features and its prediction, which is the formula it says."""

from dataclasses import replace

import numpy as np
import pytest

from thumb_assets.select.guidance import Guidance
from thumb_assets.select.learned_head import FEATURES, LearnedHead, features_by_video
from thumb_assets.select.measure import joined
from thumb_assets.select.ranks import percentile_ranks
from thumb_assets.select.score import score_candidates
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets_tests.unit.learn.builders import MODEL, NUM_DIMENSIONS, made_up


def a_head(**changes: object) -> LearnedHead:
    random = np.random.default_rng(3)
    num_features = NUM_DIMENSIONS + len(FEATURES)
    head = LearnedHead(
        MODEL,
        weights=random.normal(size=num_features),
        means=random.normal(size=num_features),
        scales=random.uniform(0.5, 2, num_features),
        intercept=0.25,
    )
    return replace(head, **changes)


def test_the_features_are_the_embedding_and_what_was_measured() -> None:
    measured = made_up(2, 5)
    (first, _), (place, second) = features_by_video(measured, embedding_model=MODEL)
    assert (first, place) == (0, 1)
    assert second.shape == (5, NUM_DIMENSIONS + len(FEATURES))
    assert np.array_equal(second[:, :NUM_DIMENSIONS], measured.embeddings[1].astype(np.float64))
    named = dict(zip(FEATURES, second[:, NUM_DIMENSIONS:].T, strict=True))
    variances = measured["laplacian_variance"][5:]
    assert np.array_equal(named["sharpness_percentile"], percentile_ranks(variances))
    assert np.array_equal(named["log_sharpness"], np.log1p(variances))
    assert np.array_equal(named["luma_mean"], measured["luma_mean"][5:])
    assert np.isnan(named["motion"]).all()
    assert np.isnan(named["face"]).all()


def test_a_feature_does_not_depend_on_the_other_videos() -> None:
    together = dict(features_by_video(made_up(3, 5), embedding_model=MODEL))
    one = made_up(3, 5)
    alone = joined([one])
    for video, features in features_by_video(alone, embedding_model=MODEL):
        assert np.array_equal(features, together[video], equal_nan=True)


def test_the_score_is_the_formula_and_what_is_unknown_is_average() -> None:
    measured, head = made_up(2, 5), a_head()
    expected = []
    for _, features in features_by_video(measured, embedding_model=MODEL):
        for row in features:
            terms = [
                0.0 if np.isnan(value) else weight * (value - mean) / scale
                for value, weight, mean, scale in zip(row, head.weights, head.means, head.scales, strict=True)
            ]
            expected.append(0.25 + sum(terms))
    assert head.scores(measured) == pytest.approx(np.array(expected), rel=1e-12)


def test_without_an_embedding_of_its_model_it_says_nothing() -> None:
    measured = made_up(3, 4)
    embeddings = [each.copy() for each in measured.embeddings]
    embeddings[0][2] = np.nan
    embeddings[1] = np.zeros((4, 0), np.float16)
    measured = replace(measured, embeddings=tuple(embeddings), embedding_models=(MODEL, MODEL, "other (none)"))
    is_known = ~np.isnan(a_head().scores(measured))
    assert is_known.tolist() == [True, True, False, True] + [False] * 8
    longer = np.ones(NUM_DIMENSIONS + 1 + len(FEATURES))
    assert np.isnan(a_head(weights=longer, means=longer, scales=longer).scores(measured)).all()


def test_its_percentile_is_a_component_and_elsewhere_neutral() -> None:
    measured = replace(made_up(2, 5), embedding_models=(MODEL, "other (none)"))
    head, settings = a_head(), SelectionSettings()
    plain = score_candidates(measured, settings=settings)
    guided = score_candidates(measured, settings=settings, guidance=Guidance(scorer=head))
    assert np.array_equal(guided.percentiles["learned"][:5], percentile_ranks(head.scores(measured)[:5]))
    assert np.isnan(guided.percentiles["learned"][5:]).all()
    assert np.array_equal(guided.combined[5:], plain.combined[5:])
    assert not np.array_equal(guided.combined[:5], plain.combined[:5])
