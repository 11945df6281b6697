import numpy as np
import pyarrow as pa
import pytest

from thumb_assets.errors import ContractError
from thumb_assets.select.combine import Scores, iqa_percentiles, score_candidates, used_components, weighted_means
from thumb_assets.select.measured import Measured, measured_from_tables
from thumb_assets.settings import ComponentWeights, SelectionSettings
from thumb_assets_tests.unit.select.builders import candidates_table, clip_table, iqa_table, sharpness_table

SETTINGS = SelectionSettings()
CANDIDATES = candidates_table({10: 1.0, 20: 2.0, 30: 3.0})
NOTHING = {
    "sharpness": None,
    "clip_scores": None,
    "iqa_scores": None,
    "iqa_lower_better": {},
    "faces": None,
    "frame_size": None,
}


def measured_of(**tables) -> Measured:
    return measured_from_tables(CANDIDATES, **NOTHING | tables)


def scores_of(*, settings: SelectionSettings = SETTINGS, **tables) -> Scores:
    return score_candidates(measured_of(**tables), settings=settings)


def iqa_percentiles_of(table: pa.Table, lower_better: dict[str, bool]) -> np.ndarray:
    measured = measured_of(iqa_scores=table, iqa_lower_better=lower_better)
    return iqa_percentiles(measured.iqa, groups=np.zeros(3, np.uint8))


def test_all_three_components_are_weighed_as_the_settings_say():
    scores = scores_of(
        sharpness=sharpness_table({10: 1.0, 20: 2.0, 30: 3.0}),
        clip_scores=clip_table({10: 0.3, 20: 0.2, 30: 0.1}),
        iqa_scores=iqa_table({"niqe": {10: 5.0, 20: 3.0, 30: 4.0}}),
        iqa_lower_better={"niqe": True},
    )
    weights = SETTINGS.weights
    total = weights.sharpness + weights.clip + weights.iqa
    expected = [
        (weights.sharpness * 1 / 3 + weights.clip + weights.iqa * 1 / 3) / total,
        (weights.sharpness * 2 / 3 + weights.clip * 2 / 3 + weights.iqa) / total,
        (weights.sharpness + weights.clip * 1 / 3 + weights.iqa * 2 / 3) / total,
    ]
    assert scores.combined.tolist() == pytest.approx(expected)
    assert used_components(scores, has_faces=False, settings=SETTINGS) == ("sharpness", "clip", "iqa")


def test_failed_row_leaves_the_component_out_and_the_weights_adjust():
    scores = scores_of(
        sharpness=sharpness_table({10: 1.0, 20: 2.0, 30: 3.0}),
        clip_scores=clip_table({10: 0.3, 20: None, 30: 0.1}),
    )
    assert scores.combined[1] == pytest.approx(2 / 3)
    weights = SETTINGS.weights
    expected = (weights.sharpness * 1 / 3 + weights.clip) / (weights.sharpness + weights.clip)
    assert scores.combined[0] == pytest.approx(expected)


def test_scorer_without_any_value_or_weight_is_not_among_the_used():
    settings = SelectionSettings(weights=ComponentWeights(iqa=0.0))
    scores = scores_of(
        sharpness=sharpness_table({10: 1.0, 20: 2.0, 30: 3.0}),
        clip_scores=clip_table({10: None, 20: None, 30: None}),
        iqa_scores=iqa_table({"piqe": {10: 1.0, 20: 2.0, 30: 3.0}}),
        iqa_lower_better={"piqe": True},
        settings=settings,
    )
    assert used_components(scores, has_faces=False, settings=settings) == ("sharpness",)
    assert used_components(scores, has_faces=True, settings=settings) == ("sharpness", "faces")
    assert scores.combined.tolist() == scores.percentiles["sharpness"].tolist()
    assert not np.isnan(scores.percentiles["iqa"]).any()


def test_candidate_without_a_component_has_base_zero():
    scores = scores_of(sharpness=sharpness_table({10: 4.0, 20: None}))
    assert scores.combined.tolist() == [1.0, 0.0, 0.0]


def test_zero_weights_all_around_give_zero_not_nan():
    assert weighted_means([np.array([1.0]), np.array([0.5])], weights=[0.0, 0.0]).tolist() == [0.0]


def test_rows_of_other_frames_do_not_shift_the_percentiles():
    scores = {"piqe": {10: 1.0, 15: 0.0, 20: 2.0, 30: 3.0, 99: -1.0}}
    ranks = iqa_percentiles_of(iqa_table(scores), {"piqe": True})
    assert ranks.tolist() == pytest.approx([1.0, 2 / 3, 1 / 3])


def test_iqa_is_the_mean_over_the_metrics_a_candidate_has():
    table = iqa_table({"piqe": {10: 1.0, 20: 2.0}, "musiq": {10: 10.0, 20: None, 30: None}})
    ranks = iqa_percentiles_of(table, {"piqe": True, "musiq": False})
    assert ranks[:2].tolist() == [1.0, 0.5]
    assert np.isnan(ranks[2])


def test_metric_of_unknown_direction_is_an_error():
    with pytest.raises(ContractError, match="musiq"):
        iqa_percentiles_of(iqa_table({"musiq": {10: 1.0}}), {})


def test_repeated_key_is_an_error():
    table = sharpness_table({10: 1.0, 20: 2.0})
    with pytest.raises(ContractError, match="repeats"):
        scores_of(sharpness=pa.concat_tables([table, table]))
