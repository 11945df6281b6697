"""Each rule against a candidate that breaks it and one just at its threshold; then how the rules make tiers."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from thumb_assets.select.rules import DEGRADED, DOUBTFUL, EXCLUDED, NOTHING, USABLE, required_tables
from thumb_assets.select.verdicts import NO_RULE, Verdicts, judge
from thumb_assets.settings.selection import RejectSettings, SelectionSettings
from thumb_assets_tests.unit.select.builders import (
    Case,
    appearance_table,
    by_frame,
    candidates_table,
    clip_table,
    decisions_table,
    frames_table,
    ranking,
    recurrences_table,
    safety_table,
    sharpness_table,
)

REJECT = RejectSettings()
FRAMES = list(range(20))
CANDIDATES = candidates_table({frame: 10.0 * frame for frame in FRAMES})
BAD = 7  # the frame that breaks a rule
ONE_OF_20 = 1 / 20


def verdicts_of(case: Case, *, avoided: np.ndarray | None = None) -> Verdicts:
    return judge(case.measured, settings=case.settings, avoided=avoided)


def sharpness(**lumas: Mapping[int, float]) -> Case:
    return Case(CANDIDATES, sharpness_table(dict.fromkeys(FRAMES, 100.0), **lumas))


def appearance(**measures: Mapping[int, float]) -> Case:
    return Case(CANDIDATES, appearance=appearance_table(FRAMES, **measures))


def white_ground(value: float) -> Case:
    return appearance(bright_share=dict.fromkeys(FRAMES, REJECT.max_bright_share) | {BAD: value})


def variances(value: float) -> Case:
    return Case(CANDIDATES, sharpness_table(dict.fromkeys(FRAMES, 100.0) | {BAD: value}))


def title_cards(similarity: float) -> Case:
    likeness = dict.fromkeys(FRAMES, 0.0) | {BAD: similarity}
    return Case(CANDIDATES, clip_scores=clip_table(dict.fromkeys(FRAMES, 0.25), title_card_similarities=likeness))


def frames_of(name: str, values: Mapping[int, float | bool | None], usual: float | bool) -> Case:
    """Twenty frames a quarter of a second apart, all of them candidates."""
    table = frames_table([frame / 4 for frame in FRAMES], **{name: [values.get(frame, usual) for frame in FRAMES]})
    return Case(candidates_table({frame: frame / 4 for frame in FRAMES}), frames=table)


def recurrences(number: float) -> Case:
    return Case(CANDIDATES, recurrences=recurrences_table({BAD: int(number)}))


# Reason, tier, what makes the case of a value, the last value that passes, one that does not.
RULES: list[tuple[str, int, Callable[[float], Case], float, float]] = [
    ("too_dark", NOTHING, lambda v: sharpness(luma_means={BAD: v}), REJECT.min_luma_mean, REJECT.min_luma_mean - 1),
    ("too_bright", DEGRADED, lambda v: sharpness(luma_means={BAD: v}), REJECT.max_luma_mean, REJECT.max_luma_mean + 1),
    ("too_flat", NOTHING, lambda v: sharpness(luma_stds={BAD: v}), REJECT.min_luma_std, REJECT.min_luma_std - 1),
    ("test_pattern", NOTHING, lambda v: appearance(colour_bar_share={BAD: v}), REJECT.max_colour_bar_share, 0.7),
    ("too_dark", NOTHING, lambda v: appearance(dark_share={BAD: v}), REJECT.max_dark_share, 0.99),
    ("too_bright", DEGRADED, white_ground, REJECT.max_bright_share, 0.7),
    ("low_entropy", DEGRADED, lambda v: appearance(luma_entropy={BAD: v}), REJECT.min_luma_entropy, 2.9),
    ("damaged", NOTHING, lambda v: frames_of("is_corrupt", {BAD: bool(v)}, usual=False), 0, 1),
    ("flash", DEGRADED, lambda v: appearance(bright_share={BAD: v}), REJECT.max_bright_share_jump, 0.4),
    ("text_overlay", DEGRADED, lambda v: appearance(text_share={BAD: v}), REJECT.max_text_share, 0.03),
    ("letterbox", DEGRADED, lambda v: appearance(bar_share={BAD: v}), REJECT.max_bar_share, 0.1),
    ("blurred", DEGRADED, variances, 100 * REJECT.min_sharpness_of_median, 2.0),
    ("blurred", DEGRADED, lambda v: appearance(acutance={BAD: v}), REJECT.min_acutance, 0.15),
    ("title_card", DEGRADED, title_cards, 0.25 - 0.25 + REJECT.max_title_card_margin, 0.36),
    ("recurring", DEGRADED, recurrences, REJECT.max_recurrences, REJECT.max_recurrences + 1),
    (
        "flash",
        DEGRADED,
        lambda v: frames_of("luma_mean", {BAD: v}, usual=120.0),
        120 + REJECT.max_brightness_jump,
        120 + REJECT.max_brightness_jump + 1,
    ),
    (
        "in_transition",
        DEGRADED,
        lambda v: frames_of("luma_std", {BAD: v}, usual=50.0),
        50 * REJECT.min_contrast_share,
        50 * REJECT.min_contrast_share - 1,
    ),
    (
        "in_transition",
        DEGRADED,
        lambda v: frames_of("laplacian_variance", {BAD: v}, usual=100.0),
        100 * REJECT.min_sharpness_share,
        100 * REJECT.min_sharpness_share - 1,
    ),
]


@pytest.mark.parametrize(("reason", "tier", "make", "passes", "breaks"), RULES)
def test_a_candidate_beyond_the_threshold_breaks_the_rule(reason, tier, make, passes, breaks):
    verdicts = verdicts_of(make(breaks))
    rule = verdicts.rules[verdicts.first_broken[BAD]]
    assert rule.reason == reason
    # What the decoder calls damaged stays so up to the next sync frame; no other rule is about a second candidate.
    others = [frame for frame in FRAMES if frame != BAD and not (reason == "damaged" and frame > BAD)]
    assert (verdicts.first_broken[others] == NO_RULE).all()
    assert verdicts.tiers[BAD] == tier
    assert not verdicts.is_taken[BAD]
    assert verdicts.is_taken[others].all()
    assert (verdicts_of(make(passes)).first_broken == NO_RULE).all()


def test_damage_lasts_to_the_next_sync_frame():
    flags = {"is_corrupt": [frame == BAD for frame in FRAMES], "is_keyframe": [frame in {0, 11} for frame in FRAMES]}
    case = Case(CANDIDATES, frames=frames_table([10.0 * frame for frame in FRAMES], **flags))
    verdicts = verdicts_of(case)
    assert np.flatnonzero(verdicts.tiers == NOTHING).tolist() == list(range(BAD, 11))
    off = SelectionSettings(reject=RejectSettings(no_damage=False))
    assert (judge(case.measured, settings=off).tiers == USABLE).all()


def test_motion_counts_on_both_sides():
    differences = {BAD: REJECT.max_motion + 1}
    verdicts = verdicts_of(frames_of("frame_difference", differences, usual=0.0))
    # Before the jump and after it.
    assert np.flatnonzero(verdicts.first_broken != NO_RULE).tolist() == [BAD - 1, BAD]
    assert verdicts.rules[verdicts.first_broken[BAD]].reason == "moving_too_fast"


def test_a_white_ground_is_how_the_video_is_and_a_sudden_one_is_a_flash():
    assert (verdicts_of(appearance(bright_share=dict.fromkeys(FRAMES, 0.5))).first_broken == NO_RULE).all()
    few = verdicts_of(appearance(bright_share=dict.fromkeys((3, 9), 0.5)))
    assert {few.rules[few.first_broken[frame]].reason for frame in (3, 9)} == {"flash"}


def test_nothing_known_breaks_no_rule():
    verdicts = verdicts_of(Case(CANDIDATES))
    assert (verdicts.first_broken == NO_RULE).all()
    assert verdicts.is_taken.all()


def test_bars_on_all_of_a_film_are_its_format():
    assert (verdicts_of(appearance(bar_share=dict.fromkeys(FRAMES, 0.25))).tiers == USABLE).all()
    bars = dict.fromkeys(FRAMES, 0.25) | {BAD: 0.25 + REJECT.max_bar_share + 0.01}
    assert np.flatnonzero(verdicts_of(appearance(bar_share=bars)).tiers).tolist() == [BAD]


def test_a_video_that_is_all_rather_like_a_title_card_is_not_rejected_for_it():
    likeness = dict.fromkeys(FRAMES, 0.6)
    case = Case(CANDIDATES, clip_scores=clip_table(dict.fromkeys(FRAMES, 0.25), title_card_similarities=likeness))
    assert (verdicts_of(case).tiers == USABLE).all()


def test_white_pages_are_how_the_video_is_and_an_empty_one_is_not():
    case = Case(
        CANDIDATES,
        sharpness_table(dict.fromkeys(FRAMES, 100.0), luma_means=dict.fromkeys(FRAMES, 240.0), luma_stds={BAD: 2.0}),
        appearance=appearance_table(FRAMES, bright_share=dict.fromkeys(FRAMES, 0.85) | {BAD: 1.0}),
    )
    assert np.flatnonzero(verdicts_of(case).tiers).tolist() == [BAD]


def test_a_dark_film_and_a_terminal_are_not_rejected_for_it():
    case = appearance(luma_entropy=dict.fromkeys(FRAMES, 2.0), dark_share=dict.fromkeys(FRAMES, 0.9))
    assert (verdicts_of(case).tiers == USABLE).all()


def test_where_the_smaller_part_of_a_video_is_white_its_worst_are_dropped_and_the_others_come_last():
    verdicts = verdicts_of(appearance(bright_share={frame: 0.7 + frame / 100 for frame in range(5)}))
    assert np.flatnonzero(verdicts.tiers == DEGRADED).tolist() == [2, 3, 4]
    assert np.flatnonzero(verdicts.tiers == DOUBTFUL).tolist() == [0, 1]
    assert np.flatnonzero(verdicts.is_taken).tolist() == list(range(5, 20))


def test_titles_burnt_in_throughout_do_not_hide_blur_and_title_cards():
    case = Case(
        CANDIDATES,
        sharpness_table(dict.fromkeys(FRAMES, 100.0) | {3: 1.0}),
        appearance=appearance_table(FRAMES, text_share=dict.fromkeys(FRAMES, 0.06) | {BAD: 0.3}),
    )
    verdicts = verdicts_of(case)
    assert np.flatnonzero(verdicts.tiers).tolist() == [3, BAD]
    assert [verdicts.rules[verdicts.first_broken[frame]].reason for frame in (3, BAD)] == ["blurred", "text_overlay"]


def test_a_soft_source_is_held_against_its_own_best():
    soft = verdicts_of(appearance(acutance=dict.fromkeys(FRAMES, 0.15) | {BAD: 0.05}))
    assert np.flatnonzero(soft.tiers).tolist() == [BAD]
    (threshold,) = {held.thresholds[BAD] for held in soft.rules if held.rule.setting == "reject.min_acutance"}
    assert threshold == pytest.approx(0.09)
    one_sharp = verdicts_of(appearance(acutance=dict.fromkeys(FRAMES, 0.15) | {0: 0.45}))
    assert (one_sharp.tiers == USABLE).all(), "a title or a logo does not make a soft source a sharp one"
    sharp = verdicts_of(appearance(acutance=dict.fromkeys(FRAMES, 0.36) | {BAD: 0.2}))
    assert np.flatnonzero(sharp.tiers).tolist() == [BAD]


def test_of_a_rule_of_degree_only_the_worst_are_rejected_and_the_rest_is_doubtful():
    numbers = {frame: REJECT.max_recurrences + frame for frame in range(5, 20)}
    verdicts = verdicts_of(Case(CANDIDATES, recurrences=recurrences_table(numbers)))
    assert np.flatnonzero(verdicts.tiers == DEGRADED).tolist() == [17, 18, 19]  # 15 % of 20
    assert np.flatnonzero(verdicts.tiers == DOUBTFUL).tolist() == list(range(5, 17))
    # A quarter of the video is usable, so the doubtful ones are not needed.
    assert np.flatnonzero(verdicts.is_taken).tolist() == list(range(5))


def test_equally_bad_ones_that_do_not_all_fit_are_doubtful_together():
    few = verdicts_of(appearance(text_share=dict.fromkeys((3, 9, 15), 0.5)))
    assert np.flatnonzero(few.tiers == DEGRADED).tolist() == [3, 9, 15]
    many = verdicts_of(appearance(text_share=dict.fromkeys((3, 9, 12, 15), 0.5)))
    assert not (many.tiers == DEGRADED).any()
    assert np.flatnonzero(many.tiers == DOUBTFUL).tolist() == [3, 9, 12, 15]
    worst = verdicts_of(appearance(text_share={3: 0.9, 5: 0.9} | dict.fromkeys((9, 12, 15), 0.5)))
    assert np.flatnonzero(worst.tiers == DEGRADED).tolist() == [3, 5]


@pytest.mark.parametrize(("max_share", "num_rejected"), [(0.0, 0), (0.05, 1), (0.5, 5), (1.0, 5)])
def test_the_cap_is_the_setting_s(max_share, num_rejected):
    shares = {frame: 0.1 + frame / 100 for frame in range(5)}
    case = appearance(text_share=shares)
    settings = SelectionSettings(reject=RejectSettings(max_share=max_share))
    verdicts = judge(case.measured, settings=settings)
    assert np.count_nonzero(verdicts.tiers == DEGRADED) == num_rejected
    assert np.count_nonzero(verdicts.tiers == DOUBTFUL) == 5 - num_rejected


def test_what_shows_nothing_has_no_cap():
    verdicts = verdicts_of(sharpness(luma_means=dict.fromkeys(range(15), 2.0)))
    assert np.flatnonzero(verdicts.tiers == NOTHING).tolist() == list(range(15))


def test_the_worst_rule_is_the_one_that_is_told():
    case = Case(
        CANDIDATES,
        sharpness_table(dict.fromkeys(FRAMES, 100.0), luma_means={BAD: 1.0}),
        appearance=appearance_table(FRAMES, text_share={BAD: 0.9}),
        decisions=decisions_table({3: "ban"}),
    )
    row = by_frame(case.choose().rejections)
    assert (row[BAD]["reason"], row[BAD]["value"], row[BAD]["threshold"]) == ("too_dark", 1.0, REJECT.min_luma_mean)
    assert (row[3]["reason"], row[3]["value"], row[3]["threshold"]) == ("banned", None, None)


def test_without_better_ones_those_of_degree_come_before_those_that_show_nothing():
    luma_means = {0: 1.0, 1: 120.0}
    case = Case(
        candidates_table({0: 0.0, 1: 10.0}),
        sharpness_table({0: 9.0, 1: 1.0}, luma_means=luma_means),
        appearance=appearance_table([0, 1], text_share={1: 0.9}),
        settings=SelectionSettings(reject=RejectSettings(max_share=0.5)),
    )
    assert verdicts_of(case).tiers.tolist() == [NOTHING, DEGRADED]
    choice = case.choose()
    assert ranking(choice) == [1]
    assert "kept though text overlay" in choice.selections.column("reason")[0].as_py()


def test_doubtful_ones_are_taken_where_few_are_usable_and_after_them_however_good():
    case = Case(
        candidates_table({0: 0.0, 1: 10.0, 2: 20.0}),
        sharpness_table({0: 9.0, 1: 5.0, 2: 4.0}),
        appearance=appearance_table([0, 1, 2], text_share={0: 0.9}),
        settings=SelectionSettings(top_k=2),
    )
    assert ranking(case.choose()) == [1, 2]
    of_three = {
        share: SelectionSettings(top_k=3, reject=RejectSettings(min_usable_share=share)) for share in (0.6, 0.7)
    }
    assert ranking(case.choose(settings=of_three[0.6])) == [1, 2]
    assert ranking(case.choose(settings=of_three[0.7])) == [1, 2, 0]


@pytest.mark.parametrize(
    ("window", "inside"), [((30.0, 60.0), [3, 4, 5]), ((0.0, 5.0), [0]), ((185.0, 999.0), [19]), ((181.0, 185.0), [])]
)
def test_outside_the_window_nothing_is_chosen_and_its_end_is_outside(window, inside):
    settings = SelectionSettings(window_seconds=window, top_k=20)
    choice = Case(CANDIDATES, sharpness_table(dict.fromkeys(FRAMES, 9.0)), settings=settings).choose()
    assert sorted(ranking(choice)) == inside
    rows = [row for row in choice.rejections.to_pylist() if row["reason"] == "outside_window"]
    assert sorted(row["frame_index"] for row in rows) == [frame for frame in FRAMES if frame not in inside]
    for row in rows:
        assert row["value"] == 10.0 * row["frame_index"]
        is_before = row["value"] < window[0]
        assert row["threshold"] == window[0 if is_before else 1]


def test_what_is_to_be_avoided_never_comes_in():
    avoided = np.where(np.arange(20) < 18, 0.5, 0.0)
    verdicts = verdicts_of(Case(CANDIDATES), avoided=avoided)
    assert np.flatnonzero(verdicts.tiers == EXCLUDED).tolist() == list(range(18))
    assert np.flatnonzero(verdicts.is_taken).tolist() == [18, 19]
    assert not verdicts_of(Case(CANDIDATES), avoided=np.full(20, 0.5)).is_taken.any()


def test_a_pinned_candidate_breaks_no_rule():
    case = Case(
        CANDIDATES,
        sharpness_table(dict.fromkeys(FRAMES, 100.0), luma_means={BAD: 0.0}),
        decisions=decisions_table({BAD: "pin"}),
        settings=SelectionSettings(window_seconds=(0.0, 15.0)),
    )
    verdicts = verdicts_of(case, avoided=np.full(20, 0.5))
    assert np.flatnonzero(verdicts.is_taken).tolist() == [BAD]
    assert verdicts.tiers[BAD] == USABLE


SAFE = SelectionSettings(reject=RejectSettings(max_unsafe_probability=0.2))


def rated(probabilities: Mapping[int, float | None], settings: SelectionSettings = SAFE) -> Case:
    everyone = dict.fromkeys(FRAMES, 0.01) | dict(probabilities)
    sharp = sharpness_table(dict.fromkeys(FRAMES, 100.0))
    return Case(CANDIDATES, sharp, others={"safety": safety_table(everyone)}, settings=settings)


def test_what_is_unsafe_or_could_not_be_rated_is_never_taken():
    verdicts = verdicts_of(rated({3: 0.21, 4: 0.2, 5: None}))
    reasons = {frame: verdicts.rules[verdicts.first_broken[frame]].reason for frame in (3, 5)}
    assert reasons == {3: "unsafe", 5: "unrated"}
    assert np.flatnonzero(verdicts.tiers == EXCLUDED).tolist() == [3, 5]
    nothing_else = rated(dict.fromkeys(FRAMES, 0.9))
    assert not verdicts_of(nothing_else).is_taken.any(), "not even as a last resort"
    assert nothing_else.choose().selections.num_rows == 0


def test_without_the_rule_the_probability_counts_for_nothing():
    verdicts = verdicts_of(rated({3: 0.99, 5: None}, SelectionSettings()))
    assert (verdicts.first_broken == NO_RULE).all()


def test_a_pinned_frame_is_a_person_s_word():
    case = rated({3: 0.99})
    pinned = replace(case, decisions=decisions_table({3: "pin"}))
    assert verdicts_of(pinned).is_taken[3]


def test_only_the_rule_of_safety_asks_for_a_table():
    assert required_tables(SelectionSettings()) == ()
    assert required_tables(SAFE) == ("safety",)
