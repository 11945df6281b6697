import numpy as np
import pyarrow as pa
import pytest

from thumb_assets.errors import ContractError
from thumb_assets.select.guidance import NO_GUIDANCE, Guidance
from thumb_assets.select.score import Scores, score_candidates, used_components, weighted_means
from thumb_assets.settings.selection import ComponentWeights, SelectionSettings
from thumb_assets.tables.conform import table_from_rows
from thumb_assets_tests.unit.select.builders import (
    VIDEO_ID,
    Case,
    candidates_table,
    clip_table,
    frames_table,
    iqa_table,
    sharpness_table,
    subjects_table,
)
from thumb_assets_tests.unit.store.builders import row

# The three whose tables these tests give; the contrast, which the table of sharpness brings with it, has its own test.
SETTINGS = SelectionSettings(shot_weight=0, weights=ComponentWeights(contrast=0.0))
CANDIDATES = candidates_table({10: 1.0, 20: 2.0, 30: 3.0})


def scores_of(*, settings: SelectionSettings = SETTINGS, guidance: Guidance = NO_GUIDANCE, **tables) -> Scores:
    return score_candidates(Case(CANDIDATES, **tables).measured, settings=settings, guidance=guidance)


def iqa_percentiles_of(table: pa.Table, lower_better: dict[str, bool]) -> np.ndarray:
    return scores_of(iqa_scores=table, iqa_lower_better=lower_better).percentiles["iqa"]


def test_all_three_components_are_weighed_as_the_settings_say():
    weights = ComponentWeights(sharpness=0.25, clip=0.35, iqa=0.15, contrast=0.0)
    settings = SETTINGS.model_copy(update={"weights": weights})
    scores = scores_of(
        settings=settings,
        sharpness=sharpness_table({10: 1.0, 20: 2.0, 30: 3.0}),
        clip_scores=clip_table({10: 0.3, 20: 0.2, 30: 0.1}),
        iqa_scores=iqa_table({"niqe": {10: 5.0, 20: 3.0, 30: 4.0}}),
        iqa_lower_better={"niqe": True},
    )
    total = weights.sharpness + weights.clip + weights.iqa
    expected = [
        (weights.sharpness * 1 / 3 + weights.clip + weights.iqa * 1 / 3) / total,
        (weights.sharpness * 2 / 3 + weights.clip * 2 / 3 + weights.iqa) / total,
        (weights.sharpness + weights.clip * 1 / 3 + weights.iqa * 2 / 3) / total,
    ]
    assert scores.combined.tolist() == pytest.approx(expected)
    assert used_components(scores, has_faces=False, settings=settings) == ("sharpness", "clip", "iqa")


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
    settings = SelectionSettings(shot_weight=0, weights=ComponentWeights(iqa=0.0, contrast=0.0))
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


def test_what_stands_still_and_what_has_contrast_counts_for_more():
    differences = [0.0] * 40
    differences[20:22] = [5.0, 5.0]
    differences[30:32] = [1.0, 1.0]
    scores = scores_of(
        sharpness=sharpness_table(dict.fromkeys((10, 20, 30), 9.0), luma_stds={10: 20.0, 20: 60.0, 30: 40.0}),
        frames=frames_table([number / 10 for number in range(40)], frame_difference=differences),
        settings=SelectionSettings(shot_weight=0),
    )
    assert scores.percentiles["stillness"].tolist() == pytest.approx([1.0, 1 / 3, 2 / 3])
    assert scores.percentiles["contrast"].tolist() == pytest.approx([1 / 3, 1.0, 2 / 3])
    weights = SelectionSettings().weights
    rest = weights.sharpness * 2 / 3
    expected = (rest + weights.stillness + weights.contrast / 3) / (
        weights.sharpness + weights.stillness + weights.contrast
    )
    assert scores.combined[0] == pytest.approx(expected)


def test_of_the_library_counts_the_share_that_its_weight_gives():
    table = sharpness_table({10: 1.0, 20: 2.0, 30: 3.0})
    library = {"sharpness": np.array([0.5, 2.0, 2.5, 8.0])}
    settings = SelectionSettings(shot_weight=0, weights=ComponentWeights(contrast=0.0), library_weight=0.4)
    scores = scores_of(sharpness=table, settings=settings, guidance=Guidance(library=library))
    expected = [0.6 * own + 0.4 * share for own, share in ((1 / 3, 0.25), (2 / 3, 0.5), (1.0, 0.75))]
    assert scores.percentiles["sharpness"].tolist() == pytest.approx(expected)
    off = settings.model_copy(update={"library_weight": 0.0})
    alone = scores_of(sharpness=table, settings=off, guidance=Guidance(library=library))
    assert alone.combined.tolist() == scores_of(sharpness=table).combined.tolist()


def test_a_metric_s_library_is_its_own_and_no_value_stays_none():
    library = {"iqa.piqe": np.array([-3.0, -2.0, -1.0, 0.0])}  # turned: more is better
    settings = SelectionSettings(shot_weight=0, library_weight=1.0)
    scores = scores_of(
        iqa_scores=iqa_table({"piqe": {10: 2.0, 20: 0.5, 30: None}}),
        iqa_lower_better={"piqe": True},
        settings=settings,
        guidance=Guidance(library=library),
    )
    assert scores.percentiles["iqa"][:2].tolist() == [0.5, 0.75]
    assert np.isnan(scores.percentiles["iqa"][2])


def test_within_a_shot_the_best_frame_counts_whatever_the_shot_shows():
    """Texture differs from shot to shot: the sharpest frame of a smooth one is as good as that of a busy one."""
    seconds = {frame: float(frame) for frame in range(8)}
    candidates = candidates_table(seconds, {frame: frame // 4 for frame in seconds})
    table = sharpness_table({frame: (100.0 if frame < 4 else 1.0) + frame for frame in seconds})

    def percentiles(shot_weight: float) -> list[float]:
        settings = SelectionSettings(shot_weight=shot_weight)
        scores = score_candidates(Case(candidates, table).measured, settings=settings)
        return scores.percentiles["sharpness"].tolist()

    assert percentiles(1.0) == pytest.approx([0.125, 0.375, 0.625, 0.875] * 2)
    of_video, half = percentiles(0.0), percentiles(0.5)
    assert half == pytest.approx([(one + other) / 2 for one, other in zip(of_video, percentiles(1.0), strict=True)])


def judged(scores: dict[int, float | None]) -> pa.Table:
    rows = [
        row("judgements", frame_index, VIDEO_ID)
        | {"judge_score": score, "reason": None if score is None else "so", "error": "no" if score is None else None}
        for frame_index, score in scores.items()
    ]
    return table_from_rows("judgements", rows)


def test_the_judges_score_counts_for_what_it_says_and_not_by_its_rank():
    assert scores_of(judgements=judged({10: 0.0})).percentiles["judge"].tolist() == [0, 0, 0]
    # 20 has an error, 30 was not worth a look.
    found = scores_of(judgements=judged({10: 7.0, 20: None})).percentiles["judge"].tolist()
    assert (found[0], found[2]) == (pytest.approx(0.7), 0.0)
    assert np.isnan(found[1])
    nobody = scores_of(judgements=judged({10: None, 20: None}))
    assert np.isnan(nobody.percentiles["judge"]).all()


def test_useless_to_the_judge_is_behind_what_it_was_not_asked_of_in_time():
    sharpness = sharpness_table({10: 3.0, 20: 2.0, 30: 1.0})
    scores = scores_of(sharpness=sharpness, judgements=judged({10: 0.0, 20: None}))
    assert scores.combined.argmax() == 1


@pytest.mark.parametrize(
    ("share", "cut", "worth"),
    [(0.0, 0.0, 0.0), (0.05, 0.0, 0.5), (0.1, 0.0, 1.0), (0.6, 0.0, 1.0), (0.1, 0.425, 0.5), (0.6, 0.9, 0.0)],
)
def test_a_subject_counts_up_to_a_tenth_of_the_picture_and_only_while_it_is_whole(share, cut, worth):
    subjects = subjects_table({10: (share, cut), 20: (0.2, 0.0), 30: (None, None)})
    found = scores_of(others={"subjects": subjects}).percentiles["subject"]
    assert found[:2].tolist() == pytest.approx([worth, 1.0])
    assert np.isnan(found[2])


def test_a_frame_with_a_person_is_before_a_sharper_one_without():
    sharpness = sharpness_table({10: 3.0, 20: 2.0, 30: 1.0})
    subjects = subjects_table({10: (0.0, 0.0), 20: (0.2, 0.0), 30: (0.2, 1.0)})
    scores = scores_of(sharpness=sharpness, others={"subjects": subjects})
    assert scores.combined.argmax() == 1
    without = scores_of(
        sharpness=sharpness, others={"subjects": subjects_table(dict.fromkeys((10, 20, 30), (0.0, 0.0)))}
    )
    assert without.combined.argmax() == 0, "where nobody is there, the sharpest wins as before"
