import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest

from thumb_assets.errors import ContractError
from thumb_assets.select.choose import Choice
from thumb_assets.settings.selection import ComponentWeights, SelectionSettings, SimilaritySettings
from thumb_assets.tables.conform import contract_problems, empty_table
from thumb_assets_tests.unit.select.builders import (
    VIDEO_ID,
    Case,
    appearance_table,
    by_frame,
    candidates_table,
    clip_table,
    decisions_table,
    faces_table,
    frames_table,
    iqa_table,
    ranking,
    recurrences_table,
    sharpness_table,
    shots_table,
)

# Without the contrast, which the table of sharpness brings with it, and the shots: a score is then the percentile
# a test is about.
SETTINGS = SelectionSettings(min_share_of_best=0, weights=ComponentWeights(contrast=0.0))
REJECT = SETTINGS.reject
GAP = SETTINGS.min_gap_seconds
SPARSE = {place: place * 10 * GAP for place in range(5)}
RISING = {place: float(place + 1) for place in range(5)}


def with_k(top_k: int, **values) -> SelectionSettings:
    return SelectionSettings(top_k=top_k, **{"weights": SETTINGS.weights, "min_share_of_best": 0} | values)


def test_best_scores_win_and_the_rest_says_lower_score():
    choice = Case(candidates_table(SPARSE), sharpness_table(RISING), settings=with_k(2)).choose()
    assert ranking(choice) == [4, 3]
    rejections = by_frame(choice.rejections)
    assert {row["reason"] for row in rejections.values()} == {"lower_score"}
    assert rejections[2]["stage"] == "rank"
    assert rejections[2]["value"] == pytest.approx(3 / 5)
    assert rejections[2]["threshold"] == by_frame(choice.selections)[3]["combined_score"] == pytest.approx(4 / 5)
    assert choice.components == ("sharpness",)


def test_what_is_far_below_the_best_is_not_chosen_and_the_last_one_says_that_nothing_else_is_worth_it():
    choice = Case(
        candidates_table(SPARSE),
        sharpness_table(RISING),
        settings=with_k(4, min_share_of_best=0.7, distinct_shots=False),
    ).choose()
    assert ranking(choice) == [4, 3]
    reasons = [by_frame(choice.selections)[frame]["reason"] for frame in (4, 3)]
    assert [reason.endswith("; 2 of 4: nothing else is worth it") for reason in reasons] == [False, True]
    rows = by_frame(choice.rejections)
    assert {row["reason"] for row in rows.values()} == {"far_below_best"}
    assert (rows[2]["stage"], rows[2]["setting"]) == ("rank", "selection.min_share_of_best")
    assert (rows[2]["value"], rows[2]["threshold"]) == pytest.approx((3 / 5, 0.7))


def test_a_pinned_frame_and_an_unmeasured_one_need_no_share_of_the_best():
    scores = sharpness_table(RISING | {1: None}, luma_means={1: None}, luma_stds={1: None})
    settings = with_k(4, min_share_of_best=0.9, distinct_shots=False)
    choice = Case(candidates_table(SPARSE), scores, settings=settings, decisions=decisions_table({0: "pin"})).choose()
    assert sorted(ranking(choice)) == [0, 1, 4]


def test_a_pin_of_the_best_brings_in_no_others():
    settings = with_k(3, min_share_of_best=0.9, distinct_shots=False)
    case = Case(candidates_table(SPARSE), sharpness_table(RISING), settings=settings)
    assert ranking(case.choose()) == [4]
    pinned = Case(case.candidates, case.sharpness, settings=settings, decisions=decisions_table({4: "pin"})).choose()
    assert ranking(pinned) == [4]


def test_the_best_of_another_shot_needs_no_share_of_the_best():
    shots = dict.fromkeys(range(2), 0) | dict.fromkeys(range(2, 5), 1)
    for is_distinct, ranked in ((True, [4, 3, 1]), (False, [4, 3])):
        settings = with_k(4, min_share_of_best=0.7, distinct_shots=is_distinct)
        choice = Case(candidates_table(SPARSE, shots), sharpness_table(RISING), settings=settings).choose()
        assert sorted(ranking(choice)) == sorted(ranked)


def test_each_change_of_content_is_kept_however_bad():
    settings = with_k(5, min_share_of_best=0.9, strategy="keyframes")
    reasons = Case(candidates_table(SPARSE), sharpness_table(RISING), settings=settings).choose().rejections
    assert "far_below_best" not in reasons.column("reason").to_pylist()


def test_result_conforms_and_carries_the_candidate():
    choice = Case(candidates_table(SPARSE), sharpness_table(RISING), settings=SETTINGS).choose()
    assert contract_problems("selections", choice.selections) == []
    assert contract_problems("rejections", choice.rejections) == []
    row = by_frame(choice.selections)[4]
    assert row["video_id"] == VIDEO_ID
    assert row["pts_seconds"] == SPARSE[4]
    assert row["pts"] == round(1000 * SPARSE[4])
    assert row["shot_index"] == 4
    absent = ("clip", "iqa", "stillness", "text", "judge", "learned")
    assert {row[f"{name}_percentile"] for name in absent} == {row["face_bonus"]} == {row["cluster_index"]} == {None}
    assert row["contrast_percentile"] == pytest.approx(3 / 5)  # all alike
    assert row["reason"] == "rank 1 of 3: sharpness 1.00; only candidate of shot 4"


def test_equal_scores_go_to_the_earlier_frame():
    choice = Case(candidates_table(SPARSE), settings=with_k(2)).choose()
    assert ranking(choice) == [0, 1]
    assert set(by_frame(choice.selections)[0]["reason"].split()) > {"no", "score"}
    assert choice.components == ()


def test_neighbour_in_time_is_too_close_with_its_distance():
    seconds = {0: 0.0, 1: 0.75 * GAP, 2: 2 * GAP}
    choice = Case(candidates_table(seconds), sharpness_table({0: 9.0, 1: 8.0, 2: 7.0}), settings=with_k(2)).choose()
    assert ranking(choice) == [0, 2]
    row = by_frame(choice.rejections)[1]
    assert (row["stage"], row["reason"], row["threshold"]) == ("diversify", "too_close_to_selection", GAP)
    assert row["value"] == pytest.approx(0.75 * GAP)


def test_distance_of_exactly_the_gap_is_enough():
    choice = Case(candidates_table({0: 0.0, 1: GAP})).choose()
    assert ranking(choice) == [0, 1]


def test_gap_holds_when_places_stay_empty():
    choice = Case(candidates_table({place: place * 0.3 * GAP for place in range(4)}), settings=with_k(4)).choose()
    assert ranking(choice) == [0]
    assert set(choice.rejections.column("reason").to_pylist()) == {"too_close_to_selection"}


def test_other_shot_is_taken_before_a_better_frame_of_the_same_shot():
    shots = {0: 0, 1: 0, 2: 1, 3: 1, 4: 1}
    scores = sharpness_table({0: 1.0, 1: 2.0, 2: 5.0, 3: 4.0, 4: 3.0})
    choice = Case(candidates_table(SPARSE, shots), scores, settings=with_k(2)).choose()
    assert ranking(choice) == [2, 1]
    rejections = by_frame(choice.rejections)
    for frame_index in (3, 4):
        row = rejections[frame_index]
        assert (row["stage"], row["reason"]) == ("diversify", "shot_already_selected")
        assert row["value"] < row["threshold"] == 1.0
    # It is worse than both selections: no rule was needed to keep it out.
    assert (rejections[0]["reason"], rejections[0]["value"]) == ("lower_score", pytest.approx(1 / 5))


def test_in_a_video_of_one_shot_the_rule_of_the_shots_keeps_nothing_out():
    scores = sharpness_table({0: 5.0, 1: 4.0, 2: 3.0, 3: 2.0, 4: 1.0})
    choice = Case(candidates_table(SPARSE, dict.fromkeys(range(5), 0)), scores, settings=with_k(2)).choose()
    assert set(choice.rejections.column("reason").to_pylist()) == {"lower_score"}


def test_a_pinned_frame_says_nothing_of_how_good_the_others_had_to_be():
    scores = sharpness_table({0: 5.0, 1: 4.0, 2: 3.0, 3: 2.0, 4: 1.0})
    for diversify in ("none", "facility_location"):
        settings = with_k(3, diversify=diversify)
        case = Case(candidates_table(SPARSE), scores, settings=settings, decisions=decisions_table({4: "pin"}))
        choice = case.choose()
        assert set(ranking(choice)) == {0, 1, 4}
        assert set(choice.rejections.column("reason").to_pylist()) == {"lower_score"}


def test_auto_says_that_the_video_is_covered():
    vectors = {frame: [1.0, 0.0] if frame < 3 else [0.0, 1.0] for frame in range(6)}
    seconds = {frame: 10.0 * frame for frame in range(6)}
    scores = clip_table({frame: 1 - frame / 10 for frame in range(6)}, embeddings=vectors)
    settings = with_k("auto", similarity=SimilaritySettings(max_embedding_cosine=1.0, is_relative=False))
    choice = Case(candidates_table(seconds), clip_scores=scores, settings=settings).choose()
    assert sorted(ranking(choice)) == [0, 3]
    for row in choice.rejections.to_pylist():
        assert (row["stage"], row["reason"]) == ("diversify", "already_covered")
        assert row["value"] < row["threshold"] == settings.min_coverage_gain


@pytest.mark.parametrize("is_distinct", [True, False])
def test_auto_that_compares_no_looks_says_that_the_shots_decide(is_distinct):
    shots = {0: 0, 1: 0, 2: 1, 3: 1, 4: 2}
    scores = sharpness_table({0: 5.0, 1: 4.0, 2: 3.0, 3: 2.0, 4: 1.0})
    settings = with_k("auto", max_k=2, diversify="none", distinct_shots=is_distinct)
    choice = Case(candidates_table(SPARSE, shots), scores, settings=settings).choose()
    assert ranking(choice) == [0, 2]
    named = {frame: (row["reason"], row["setting"]) for frame, row in by_frame(choice.rejections).items()}
    behind = ("shot_already_selected", "selection.top_k")
    assert named == {1: behind, 3: behind, 4: ("lower_score", "selection.max_k")}


def test_the_limit_that_was_used_is_stored_with_the_setting_it_comes_from():
    vectors = {frame: [np.cos(angle), np.sin(angle)] for frame, angle in enumerate([0.0, 0.01, 0.3, 0.29])}
    seconds = {frame: 10.0 * frame for frame in range(4)}
    scores = clip_table({frame: 1 - frame / 10 for frame in range(4)}, embeddings=vectors)
    case = Case(candidates_table(seconds), clip_scores=scores, settings=with_k(4))
    looser = SimilaritySettings(max_embedding_cosine=0.9)
    row = by_frame(case.choose(settings=with_k(4, similarity=looser)).rejections)[1]
    assert (row["reason"], row["setting"]) == ("near_duplicate", "selection.similarity.is_relative")
    assert row["value"] > row["threshold"] > looser.max_embedding_cosine
    fixed = SimilaritySettings(max_embedding_cosine=0.9, is_relative=False)
    row = by_frame(case.choose(settings=with_k(4, similarity=fixed)).rejections)[1]
    assert (row["threshold"], row["setting"]) == (0.9, "selection.similarity.max_embedding_cosine")


def test_used_shots_fill_up_when_there_are_too_few():
    shots = dict.fromkeys(range(4), 0) | {4: 1}
    scores = sharpness_table({0: 5.0, 1: 4.0, 2: 3.0, 3: 2.0, 4: 1.0})
    choice = Case(candidates_table(SPARSE, shots), scores, settings=with_k(3)).choose()
    assert ranking(choice) == [0, 1, 4]
    assert "place 2 of 4 candidates of shot 0" in by_frame(choice.selections)[1]["reason"]
    # Frame 2 beats the selection of shot 1, and only the rule of the shots stands between.
    assert by_frame(choice.rejections)[2]["reason"] == "shot_already_selected"


def test_shots_do_not_matter_when_turned_off():
    shots = dict.fromkeys(range(4), 0) | {4: 1}
    scores = sharpness_table({0: 5.0, 1: 4.0, 2: 3.0, 3: 2.0, 4: 1.0})
    choice = Case(candidates_table(SPARSE, shots), scores, settings=with_k(3, distinct_shots=False)).choose()
    assert ranking(choice) == [0, 1, 2]
    assert set(choice.rejections.column("reason").to_pylist()) == {"lower_score"}


@pytest.mark.parametrize(
    ("luma", "reason", "threshold"),
    [
        ({"luma_means": {4: REJECT.min_luma_mean - 1}}, "too_dark", REJECT.min_luma_mean),
        ({"luma_means": {4: REJECT.max_luma_mean + 1}}, "too_bright", REJECT.max_luma_mean),
        ({"luma_stds": {4: REJECT.min_luma_std - 1}}, "too_flat", REJECT.min_luma_std),
    ],
)
def test_unusable_candidate_is_rejected_however_good(luma, reason, threshold):
    choice = Case(candidates_table(SPARSE), sharpness_table(RISING, **luma), settings=SETTINGS).choose()
    assert ranking(choice) == [3, 2, 1]
    row = by_frame(choice.rejections)[4]
    assert (row["stage"], row["reason"], row["threshold"]) == ("reject", reason, threshold)
    assert abs(row["value"] - threshold) == 1


@pytest.mark.parametrize(
    "luma",
    [
        {"luma_means": dict.fromkeys(range(5), REJECT.min_luma_mean)},
        {"luma_means": dict.fromkeys(range(5), REJECT.max_luma_mean)},
        {"luma_stds": dict.fromkeys(range(5), REJECT.min_luma_std)},
    ],
)
def test_value_at_the_threshold_is_usable(luma):
    choice = Case(candidates_table(SPARSE), sharpness_table(RISING, **luma), settings=with_k(1)).choose()
    assert ranking(choice) == [4]
    assert "kept though" not in by_frame(choice.selections)[4]["reason"]


def test_a_dark_video_keeps_its_best_and_says_why():
    dark = sharpness_table(RISING, luma_means=dict.fromkeys(range(5), 5.0), luma_stds=dict.fromkeys(range(5), 20.0))
    choice = Case(candidates_table(SPARSE), dark).choose()
    assert ranking(choice) == [4, 3, 2]
    # Those that were left are no better: what is wrong with them is said, not that others had a higher score.
    assert choice.rejections.column("reason").to_pylist() == ["too_dark"] * 2
    assert by_frame(choice.selections)[4]["reason"].endswith("kept though too dark: there were not enough better ones")


def test_only_usable_candidate_stands_alone():
    dark = sharpness_table(RISING, luma_means=dict.fromkeys(range(1, 5), 0.0))
    choice = Case(candidates_table(SPARSE), dark).choose()
    assert ranking(choice) == [0]
    assert choice.rejections.column("reason").to_pylist() == ["too_dark"] * 4


def test_unmeasured_candidate_is_not_rejected():
    table = sharpness_table({0: 1.0, 1: None}, luma_means={1: None}, luma_stds={1: None})
    assert ranking(Case(candidates_table({0: 0.0, 1: 10 * GAP}), table).choose()) == [0, 1]


def test_clear_face_breaks_a_near_tie():
    candidates = candidates_table({0: 0.0, 1: 10 * GAP})
    settings = with_k(1, weights=ComponentWeights(sharpness=0.0))
    faces = faces_table([(1, 1.0, 900.0)])
    choice = Case(candidates, clip_scores=clip_table({0: 0.2, 1: 0.2}), faces=faces, settings=settings).choose()
    assert ranking(choice) == [1]
    row = by_frame(choice.selections)[1]
    assert row["face_bonus"] == SETTINGS.face_bonus
    assert row["combined_score"] == pytest.approx(0.75 + SETTINGS.face_bonus)
    assert f"; +{SETTINGS.face_bonus:.2f} clear face; " in row["reason"]
    assert choice.components == ("clip", "faces")


def test_no_face_found_is_zero_not_null():
    choice = Case(candidates_table({0: 0.0}), faces=faces_table([]), frame_size=None).choose()
    assert choice.selections.column("face_bonus").to_pylist() == [0.0]


def test_component_without_weight_is_measured_but_not_mentioned():
    settings = with_k(1, weights=ComponentWeights(iqa=0.0, contrast=0.0))
    iqa = {"iqa_scores": iqa_table({"piqe": RISING}), "iqa_lower_better": {"piqe": True}}
    choice = Case(candidates_table(SPARSE), sharpness_table(RISING), settings=settings, **iqa).choose()
    row = choice.selections.to_pylist()[0]
    assert row["iqa_percentile"] == pytest.approx(1 / 5)
    assert row["combined_score"] == 1.0
    assert "iqa" not in row["reason"]


def test_no_candidates_no_selections():
    choice = Case(empty_table("candidate_frames"), sharpness_table({})).choose()
    assert choice == Choice(empty_table("selections"), empty_table("rejections"), ())


def test_rows_of_another_video_are_an_error():
    other = sharpness_table(RISING)
    other = other.set_column(0, other.schema.field(0), [pa.array(["other-11111111"] * 5)])
    with pytest.raises(ContractError, match=r"table sharpness: rows of other-11111111"):
        Case(candidates_table(SPARSE), other).choose()


def test_candidates_of_two_videos_are_an_error():
    table = candidates_table(SPARSE)
    other = table.set_column(0, table.schema.field(0), [pa.array(["other-11111111"] * 5)])
    with pytest.raises(ContractError, match="candidate_frames"):
        Case(pa.concat_tables([table, other])).choose()


def test_result_of_a_fixed_case_stays_as_it_was():
    """Every value and reason of a choice with all components, held by hash; see `VERSION_OF_CHOICE` first."""
    random = np.random.default_rng(7)
    seconds = {frame: frame / 25 for frame in range(0, 1000, 20)}
    values = {name: dict(zip(seconds, random.normal(100, 40, 50).tolist(), strict=True)) for name in "abcd"}
    times = [frame / 25 for frame in range(1000)]
    differences = random.uniform(0, 30, 1000)
    title_cards = dict(zip(seconds, random.uniform(-50, 60, 50).tolist(), strict=True))
    choice = Case(
        candidates_table(seconds, {frame: frame // 90 for frame in seconds}),
        sharpness_table(values["a"], luma_means=values["b"], luma_stds={60: 1.0}),
        clip_table(values["c"] | {80: None}, title_card_similarities=title_cards),
        iqa_table({"piqe": values["d"], "musiq": values["b"]}),
        {"piqe": True, "musiq": False},
        faces_table([(frame, 0.9, 150.0 + frame / 10) for frame in range(0, 1000, 60)]),
        frames=frames_table(times, frame_difference=[None, *differences[1:]]),
        shots=shots_table(range(0, 1000, 90), num_frames=1000, transitions={180: "dissolve"}),
        appearance=appearance_table(list(seconds), text_share={100: 0.5, 220: 0.1}, hashes={300: 0, 320: 1}),
        recurrences=recurrences_table({0: 9, 20: 2}),
        decisions=decisions_table({700: "pin", 400: "ban"}),
        settings=SelectionSettings(weights=ComponentWeights(iqa=0.15, stillness=0.2), shot_weight=0.6),
    ).choose()
    tables = (
        # Which came later: for recordings of screens, subjects, subtitles, sound, aesthetics and tests.
        choice.selections.drop_columns(
            [f"{name}_percentile" for name in ("state", "subject", "words", "sound", "aesthetic")] + ["traits"]
        ),
        choice.rejections.drop_columns(["setting"]),
        choice.rejections,
    )
    text = [json.dumps(table.to_pylist()).encode() for table in tables]
    hashes = ["e25917f2e5ac40fe", "a0deccafe56037ab", "660dc734853f7b12"]
    assert [hashlib.sha256(of_table).hexdigest()[:16] for of_table in text] == hashes
