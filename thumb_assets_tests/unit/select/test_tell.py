"""Reasons why a frame was chosen or not, in words: every reason, every setting, every frame of a video."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from thumb_assets.errors import BadInputError, ContractError
from thumb_assets.select.choose import choose
from thumb_assets.select.measure import FACE_VALUES, VALUES, CandidateArrays, FaceArrays, ScoreTables
from thumb_assets.select.reasons import selection_reason
from thumb_assets.select.rules import REASONS, RULES
from thumb_assets.select.tell import (
    DOUBTFUL,
    SETTINGS,
    Step,
    Story,
    funnel,
    sentence_of,
    story_of,
    tell_all,
    tell_frame,
    tell_rejections,
)
from thumb_assets.select.verdicts import NO_RULE, judge
from thumb_assets.settings.load import load_settings
from thumb_assets.settings.selection import RejectSettings, SelectionSettings
from thumb_assets.settings.stages import CandidatesSettings
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.tables.contracts import TABLES

# In the order in which they are told.
KNOWN_REASONS = (
    "damaged",
    "too_dark",
    "too_bright",
    "too_flat",
    "without_detail",
    "test_pattern",
    "low_entropy",
    "recurring",
    "near_cut",
    "in_transition",
    "flash",
    "blurred",
    "moving_too_fast",
    "turned_away",
    "eyes_shut",
    "title_card",
    "text_overlay",
    "letterbox",
    "avoided",
    "unsafe",
    "unrated",
    "outside_window",
    "late_in_story",
    "foretells_end",
    "like_banned",
    "banned",
    "no_state",
    "growing_state",
    "too_close_to_selection",
    "near_duplicate",
    "less_new_on_screen",
    "already_covered",
    "shot_already_selected",
    "same_content",
    "alike_in_traits",
    "less_different",
    "far_below_best",
    "lower_score",
)

VIDEO_ID = "clip-0a1b2c3d"
NUM_FRAMES, RATE = 100, 10.0
FAR = float("inf")
HEALTHY = {
    **dict.fromkeys(VALUES, 0.0),
    "luma_mean": 120.0,
    "luma_std": 50.0,
    "luma_entropy": 7.0,
    "laplacian_variance": 100.0,
    "motion": 2.0,
    "acutance": 0.4,
    "cut_distance_seconds": FAR,
    "transition_distance_seconds": FAR,
    "contrast_share": 1.0,
    "sharpness_share": 1.0,
    "state_seconds": float("nan"),
}
BROKEN = [
    ("is_damaged", 1.0, "damaged", "reject.no_damage"),
    ("luma_mean", 3.0, "too_dark", "reject.min_luma_mean"),
    ("dark_share", 0.95, "too_dark", "reject.max_dark_share"),
    ("luma_mean", 250.0, "too_bright", "reject.max_luma_mean"),
    ("bright_share", 0.7, "too_bright", "reject.max_bright_share"),
    ("luma_std", 3.0, "too_flat", "reject.min_luma_std"),
    ("luma_entropy", 1.0, "low_entropy", "reject.min_luma_entropy"),
    ("num_recurrences", 9.0, "recurring", "reject.max_recurrences"),
    ("cut_distance_seconds", 0.04, "near_cut", "reject.min_cut_seconds"),
    ("transition_distance_seconds", 0.4, "in_transition", "reject.min_transition_seconds"),
    ("contrast_share", 0.4, "in_transition", "reject.min_contrast_share"),
    ("sharpness_share", 0.4, "in_transition", "reject.min_sharpness_share"),
    ("brightness_jump", 60.0, "flash", "reject.max_brightness_jump"),
    ("laplacian_variance", 1.2, "blurred", "reject.min_sharpness_of_median"),
    ("acutance", 0.15, "blurred", "reject.min_acutance"),
    ("bright_share", 0.5, "flash", "reject.max_bright_share_jump"),
    ("greatest_motion", 40.0, "moving_too_fast", "reject.max_motion"),
    ("title_card_similarity", 0.5, "title_card", "reject.max_title_card_margin"),
    ("text_share", 0.3, "text_overlay", "reject.max_text_share"),
    ("bar_share", 0.3, "letterbox", "reject.max_bar_share"),
    ("pts_seconds", 9.0, "outside_window", "window_seconds"),
]


def measured(changes: Mapping[str, float], num_candidates: int = 5) -> CandidateArrays:
    """Candidates without a fault, but for the last one."""
    values = {name: np.full(num_candidates, value) for name, value in HEALTHY.items()}
    for name, value in changes.items():
        values[name][-1] = value
    nothing = np.zeros((num_candidates, 0), np.float16)
    faces = FaceArrays(np.zeros(2, np.int64), np.zeros(0, np.int64), *[np.zeros(0)] * len(FACE_VALUES))
    return CandidateArrays(
        video_ids=(VIDEO_ID,),
        offsets=np.array([0, num_candidates]),
        frame_indices=np.arange(num_candidates),
        shot_indices=np.zeros(num_candidates, np.int64),
        values=values,
        difference_hash=np.zeros(num_candidates, np.uint64),
        iqa={},
        embeddings=(nothing,),
        embedding_models=(None,),
        descriptors=(nothing,),
        faces=faces,
        has_faces=np.array([False]),
        frame_sizes=np.zeros((1, 2), np.int64),
    )


@pytest.mark.parametrize(("name", "value", "reason", "setting"), BROKEN)
def test_the_setting_that_decides_is_stored_with_the_numbers(
    name: str, value: float, reason: str, setting: str
) -> None:
    settings = SelectionSettings(window_seconds=(0.0, 8.0), reject=RejectSettings(max_share=1.0))
    verdicts = judge(measured({name: value}), settings=settings)
    assert verdicts.first_broken.tolist()[:-1] == [NO_RULE] * 4
    rejection = verdicts.rules[verdicts.first_broken[-1]].rejection(4)
    assert rejection.reason == reason
    assert rejection.setting == f"selection.{setting}"
    sentence = sentence_of(vars(rejection), settings)
    assert sentence.endswith(f"(selection.{setting})")
    assert "nan" not in sentence.lower()
    assert "None" not in sentence


def test_what_people_and_words_decide_is_found_too() -> None:
    settings = SelectionSettings(avoid="a cat")
    verdicts = judge(measured({"decision": -1.0}), settings=settings, avoided=np.array([0.0, 0.0, 0.0, 0.4, 0.0]))
    avoided, banned = (verdicts.rules[verdicts.first_broken[place]].rejection(place) for place in (3, 4))
    assert sentence_of(vars(avoided), settings) == (
        "likeness to what selection.avoid says is +0.400 beside that to a good frame, above +0.020 "
        "(selection.avoid_margin)"
    )
    assert banned.setting is None
    assert sentence_of(vars(banned), settings) == "people banned it (table `decisions`)"


def row_because(reason: str, setting: str | None, value: float | None, threshold: float | None) -> dict[str, Any]:
    name = None if setting is None else f"selection.{setting}"
    return {"reason": reason, "setting": name, "value": value, "threshold": threshold}


@pytest.mark.parametrize(
    ("reason", "named", "value", "threshold", "expected"),
    [
        (
            "too_close_to_selection",
            "min_gap_seconds",
            0.4,
            1.0,
            "0.400 s from a selection, which is below 1.000 s (selection.min_gap",
        ),
        (
            "near_duplicate",
            "similarity.max_cosine",
            0.97,
            0.93,
            "cosine 0.970 is above 0.930 (selection.similarity.max_cosine)",
        ),
        (
            "near_duplicate",
            "similarity.is_relative",
            0.99,
            0.985,
            "cosine 0.990 is above 0.985, half of the mean distance of the video's candidates, which are all much al",
        ),
        (
            "near_duplicate",
            "similarity.is_relative",
            3.0,
            5.5,
            "3 of 64 bits of their difference hashes differ, below 5.5, half of the mean distance",
        ),
        (
            "near_duplicate",
            "similarity.min_hash_distance",
            3.0,
            14.0,
            "3 of 64 bits of their difference hashes differ, below 14.0 (selection.similarity.m",
        ),
        (
            "shot_already_selected",
            "distinct_shots",
            0.8,
            0.7,
            "a selection of its shot has 0.7000 (selection.distinct_shots)",
        ),
        (
            "same_content",
            "keyframes.threshold",
            0.9,
            0.85,
            "is not below 0.850, and the segment has a selection (selection.keyframes.thr",
        ),
        (
            "alike_in_traits",
            "strategy",
            0.5,
            1.5,
            "it differs from a selection in 0.5 traits, each of these from those before it in 1.5 or more",
        ),
        (
            "less_different",
            "diversity_weight",
            0.8,
            0.7,
            "score 0.8000 is above 0.7000, the least of the selections, but others show",
        ),
        (
            "lower_score",
            "top_k",
            0.2,
            0.7,
            "score 0.2000 is below 0.7000, the least of the selections (selection.top_k)",
        ),
        (
            "lower_score",
            "max_k",
            0.2,
            0.7,
            "score 0.2000 is below 0.7000, the least of the selections (selection.max_k)",
        ),
        ("lower_score", "top_k", 0.7, 0.7, "the selections were enough without it (selection.top_k)"),
        ("lower_score", "top_k", 0.2, None, "the selections were enough without it (selection.top_k)"),
        (
            "blurred",
            "reject.min_sharpness_of_median",
            12.3,
            40.1,
            "Laplacian variance 12.3 is below 40.1, 3 % of the video's median (selection.reject.mi",
        ),
    ],
)
def test_sentences_have_value_and_threshold(
    reason: str, named: str, value: float | None, threshold: float | None, expected: str
) -> None:
    assert expected in sentence_of(row_because(reason, named, value, threshold), SelectionSettings())


def test_every_reason_has_a_sentence_and_every_setting_exists() -> None:
    assert REASONS == KNOWN_REASONS
    settings = SelectionSettings()
    for rule in RULES:
        rule.value_of(settings)  # AttributeError where there is no such setting
        for numbers in ((0.5, 0.25), (0.25, 0.5), (None, None)):
            sentence = sentence_of(row_because(rule.reason, rule.setting, *numbers), settings)
            assert "{" not in sentence, rule.reason
            assert sentence.endswith(f"({rule.name})")


def test_of_two_settings_of_one_number_the_one_that_decided_is_named() -> None:
    settings = SelectionSettings(reject=RejectSettings(min_contrast_share=0.6))
    assert settings.reject.min_transition_seconds == 0.6
    sentence = sentence_of(row_because("in_transition", "reject.min_contrast_share", 0.5, 0.6), settings)
    assert sentence == (
        "50 % of the best contrast around it, which is below 60 % (selection.reject.min_contrast_share)"
    )


def stored(table: pa.Table, footer: Mapping[str, str]) -> pa.Table:
    return table.replace_schema_metadata(dict(footer))


def row_of(table_name: str, **values: Any) -> dict[str, Any]:
    """A row of the contract: what is not given is null, or something of the type."""
    blank = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0, pa.bool_(): False}
    row = {
        column.name: None if column.is_nullable else blank.get(column.type, []) for column in TABLES[table_name].columns
    }
    return {**row, "video_id": VIDEO_ID, **values}


def a_story(
    rejections: Mapping[int, tuple[str, str, float | None, float | None, str]],
    *,
    doubtful: tuple[int, ...] = (),
    selected: Mapping[int, float] | None = None,
    sampling: CandidatesSettings | None = None,
    undecoded: tuple[int, ...] = (),
    settings: SelectionSettings | None = None,
) -> Story:
    """A video of 100 frames in two shots of 50; candidates are the selected and the rejected."""
    selected = {40: 0.9} if selected is None else selected
    frames = [
        row_of(
            "frames",
            frame_index=index,
            pts=index,
            pts_seconds=index / RATE,
            field_order="progressive",
            luma_hash=None if index in undecoded else "0" * 32,
        )
        for index in range(NUM_FRAMES)
    ]
    shots = [
        row_of("shots", shot_index=0, start_frame_index=0, exclusive_end_frame_index=50, transition="cut"),
        row_of("shots", shot_index=1, start_frame_index=50, exclusive_end_frame_index=100, transition="cut"),
    ]
    candidates = [
        row_of("candidate_frames", frame_index=index, pts_seconds=index / RATE, shot_index=index // 50)
        for index in (*selected, *rejections)
    ]
    selections = [
        row_of("selections", frame_index=index, rank=rank, combined_score=score, reason=f"rank {rank}: sharpness 1.00")
        for rank, (index, score) in enumerate(selected.items(), start=1)
    ]
    names = ("stage", "reason", "value", "threshold", "setting")
    rejected = [
        row_of("rejections", frame_index=index, **dict(zip(names, values, strict=True)))
        for index, values in rejections.items()
    ]
    footer = {SETTINGS: (settings or SelectionSettings()).model_dump_json(), DOUBTFUL: str(list(doubtful))}
    return story_of(
        {
            "frames": table_from_rows("frames", frames),
            "shots": table_from_rows("shots", shots),
            "candidate_frames": stored(
                table_from_rows("candidate_frames", candidates),
                {SETTINGS: (sampling or CandidatesSettings()).model_dump_json()},
            ),
            "selections": stored(table_from_rows("selections", selections), footer),
            "rejections": stored(table_from_rows("rejections", rejected), footer),
        }
    )


DARK = ("reject", "too_dark", 3.0, 16.0, "selection.reject.min_luma_mean")
TEXT = ("reject", "text_overlay", 0.2, 0.06, "selection.reject.max_text_share")
LOW = ("rank", "lower_score", 0.2, 0.9, "selection.top_k")


def test_the_funnel_adds_up_and_has_the_doubtful_apart() -> None:
    story = a_story({1: DARK, 2: DARK, 3: TEXT, 4: TEXT, 60: LOW}, doubtful=(4,), undecoded=(90, 91))
    steps = funnel(story)
    assert steps == [
        Step("frames", 100),
        Step("decoded", 98, "sparse.is_on"),
        Step("candidates", 6, "candidates"),
        Step("rejected: too dark", 2, "selection.reject.min_luma_mean"),
        Step("rejected: text overlay", 1, "selection.reject.max_text_share"),
        Step("doubtful: text overlay", 1, "selection.reject.max_text_share"),
        Step("left out: lower score", 1, "selection.top_k"),
        Step("selections", 1, "selection.top_k"),
    ]
    assert sum(step.num_frames for step in steps[3:]) == steps[2].num_frames


def test_a_candidate_is_told_with_its_reason() -> None:
    story = a_story({1: DARK, 4: TEXT, 60: LOW}, doubtful=(4,))
    assert tell_frame(story, 1) == (
        "frame 1 (0.100 s): rejected, too dark: mean luma 3.0 is below 16.0 (selection.reject.min_luma_mean)"
    )
    assert tell_frame(story, 4) == (
        "frame 4 (0.400 s): doubtful, text overlay: writing covers 20 % of it, above 6 % "
        "(at least 2 %, and so much above the video's median) "
        "(selection.reject.max_text_share); the rule drops no more than 15 % of the candidates "
        "(selection.reject.max_share), so it is taken last, and only where less than 15 % are usable "
        "(selection.reject.min_usable_share)"
    )
    assert tell_frame(story, 60).startswith("frame 60 (6.000 s): left out, lower score: score 0.2000 is below 0.9000")
    assert tell_frame(story, 40) == "frame 40 (4.000 s): selected with score 0.9000, rank 1: sharpness 1.00"


def test_a_frame_that_is_no_candidate_leads_to_the_nearest_of_its_shot() -> None:
    story = a_story({10: DARK, 60: LOW})
    text = tell_frame(story, 48)
    assert text.startswith(
        "frame 48 (4.800 s): no candidate: candidates are taken 0.4 s after each shot's start (candidates.use_shots, "
        "candidates.shot_offset_seconds), in the middle of every 1.5 s (candidates.uniform_interval_seconds). "
        "The nearest candidates are 40 (4.000 s) and 60 (6.000 s); of its shot, 0, frame 40 was selected"
    )
    assert "of its shot, 1, frame 60 was left out, lower score" in tell_frame(story, 50)
    assert tell_frame(story, 99).endswith("(selection.top_k)")
    assert "The nearest candidate is 60 (6.000 s); of its shot" in tell_frame(story, 99)
    alone = a_story({10: DARK})
    assert tell_frame(alone, 70).endswith("The nearest candidate is 40 (4.000 s); its shot, 1, has none")


def test_other_ways_of_sampling_are_named() -> None:
    sampling = CandidatesSettings(
        use_shots=False, uniform_interval_seconds=None, use_keyframes=True, every_num_frames=5
    )
    text = tell_frame(a_story({}, sampling=sampling), 48)
    assert "taken at every sync frame (candidates.use_keyframes), at every multiple of 5 (candidates.every_" in text
    nothing = CandidatesSettings(use_shots=False, uniform_interval_seconds=None)
    assert "taken in the first shot only (candidates)" in tell_frame(a_story({}, sampling=nothing), 48)


def test_a_frame_that_was_not_decoded_says_so() -> None:
    text = tell_frame(a_story({}, undecoded=(48,)), 48)
    assert text.startswith("frame 48 (4.800 s): not decoded by the sparse pass (sparse.is_on), so no candidate")


@pytest.mark.parametrize("frame_index", [-1, 100, 10**12])
def test_a_frame_the_video_has_not_is_one_clear_error(frame_index: int) -> None:
    with pytest.raises(BadInputError, match=rf"^there is no frame {frame_index}: the video has frames 0 to 99$"):
        tell_frame(a_story({}), frame_index)


def test_of_each_reason_the_closest_are_told_and_the_rest_counted() -> None:
    story = a_story(
        {index: ("reject", "too_dark", 15.0 - index, 16.0, "selection.reject.min_luma_mean") for index in range(10)}
        | {60: LOW}
    )
    lines = tell_rejections(story, most_per_reason=2)
    assert [line.split(":")[0] for line in lines[:2]] == ["frame 0 (0.000 s)", "frame 1 (0.100 s)"]
    assert lines[2] == "and 8 more: too dark"
    assert lines[3].startswith("frame 60 (6.000 s): left out, lower score")
    assert len(lines) == 4
    assert tell_all(story)[0].startswith("frame 40 (4.000 s): selected")
    assert tell_all(story)[1:3] == lines[:2]


def test_every_frame_of_a_video_has_an_answer() -> None:
    story = a_story({1: DARK, 60: LOW})
    for frame_index in range(NUM_FRAMES):
        assert tell_frame(story, frame_index).startswith(f"frame {frame_index} (")
    empty = a_story({}, selected={})
    assert "no candidate, like all others" in tell_frame(empty, 3)
    assert funnel(empty)[-1] == Step("selections", 0, "selection.top_k")


def test_tables_that_do_not_say_their_settings_are_to_be_made_again() -> None:
    story = a_story({})
    tables = {"frames": story.frames, "shots": story.shots, "rejections": story.rejections}
    bare = story.selections.replace_schema_metadata(None)
    with pytest.raises(ContractError, match=r"table selections: .* run the stage `selections` again"):
        story_of({**tables, "candidate_frames": story.candidates, "selections": bare})


def test_a_reason_that_no_rule_gives_is_to_be_made_again() -> None:
    story = a_story({1: ("reject", "too_dark", 3.0, 16.0, "selection.reject.no_such_setting")})
    with pytest.raises(ContractError, match=r"table rejections: .* run the stage `selections` again"):
        tell_frame(story, 1)


def test_settings_survive_the_footer() -> None:
    settings = load_settings(overrides=["selection.window_seconds=[1,5]", "selection.top_k=auto"]).selection
    assert SelectionSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(("max_share", "doubtful"), [(0.0, (4,)), (1.0, ())])
def test_a_choice_tells_which_candidates_are_in_doubt(max_share: float, doubtful: tuple[int, ...]) -> None:
    candidates = table_from_rows(
        "candidate_frames",
        [
            row_of("candidate_frames", frame_index=index, pts_seconds=3.0 * index, shot_index=index)
            for index in range(5)
        ],
    )
    sharpness = table_from_rows(
        "sharpness",
        [
            row_of("sharpness", frame_index=index, laplacian_variance=variance, luma_mean=120.0, luma_std=50.0)
            for index, variance in enumerate([100.0, 110.0, 120.0, 130.0, 1.0])
        ],
    )
    settings = SelectionSettings(top_k=2, reject=RejectSettings(max_share=max_share))
    choice = choose(candidates, ScoreTables(sharpness=sharpness), settings=settings)
    assert choice.doubtful == doubtful
    assert {row["frame_index"]: row["reason"] for row in choice.rejections.to_pylist()}[4] == "blurred"


BEST = {"rank": 1, "num_selections": 3, "face_bonus": None, "shot_index": 4, "place_in_shot": 1, "num_in_shot": 5}


def test_no_score_at_all_says_so():
    text = selection_reason({"sharpness": None, "clip": None}, **BEST)
    assert text == "rank 1 of 3: no score (no sharpness, clip); best of 5 candidates of shot 4"


def test_second_choice_of_a_shot_says_its_place():
    text = selection_reason({"clip": 0.5}, **BEST | {"place_in_shot": 2})
    assert text.endswith("clip 0.50; place 2 of 5 candidates of shot 4")


def test_absent_bonus_goes_unsaid():
    assert "face" not in selection_reason({"clip": 0.5}, **BEST | {"face_bonus": 0.0})


def test_kept_in_spite_of_a_rule_is_said_in_one_line():
    text = selection_reason({"clip": 0.5}, **BEST, broken_rule="too_dark")
    assert text.endswith("kept though too dark: there were not enough better ones")
    assert "\n" not in text


def test_a_pinned_frame_says_that_people_wanted_it():
    assert selection_reason({"clip": 0.5}, **BEST, is_pinned=True).endswith("of shot 4; pinned")


@pytest.mark.parametrize(
    ("rows", "changes", "ended"),
    [
        ({}, {"top_k": 5}, "selection.top_k"),
        ({60: ("rank", "lower_score", 0.2, 0.9, "selection.max_k")}, {"max_k": 1}, "selection.max_k"),
        (
            {60: ("diversify", "already_covered", 0.01, 0.03, "selection.min_coverage_gain")},
            {},
            "selection.min_coverage_gain",
        ),
        ({60: ("diversify", "shot_already_selected", 0.2, 0.9, "selection.top_k")}, {}, "shots"),
        (
            {60: ("diversify", "same_content", 0.95, 0.9, "selection.keyframes.threshold")},
            {"strategy": "keyframes"},
            "selection.keyframes.threshold",
        ),
    ],
)
def test_the_last_step_names_what_ended_the_choice(
    rows: Mapping[int, tuple[str, str, float, float, str]], changes: Mapping[str, Any], ended: str
) -> None:
    settings = SelectionSettings.model_validate({"top_k": "auto", **changes})
    assert funnel(a_story(rows, settings=settings))[-1] == Step("selections", 1, ended)
