"""Invariants of every choice, whatever the candidates, their scores and the settings."""

import math
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import assume, given
from hypothesis import strategies as st

from thumb_assets.select.choose import Choice, pick
from thumb_assets.select.guidance import Guidance
from thumb_assets.select.measure import CandidateArrays, joined
from thumb_assets.select.ranks import percentile_ranks
from thumb_assets.select.rules import DEGRADED, EXCLUDED, rule_of
from thumb_assets.select.similarity import comparable_vectors
from thumb_assets.select.verdicts import NO_RULE, judge
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets_tests.property.selection_cases import cases, maybe_levels, selection_settings
from thumb_assets_tests.unit.select.builders import Case, by_frame, clip_table, iqa_table, ranking

# float16 vectors are multiplied in float32, in another order here than there.
ROUNDING = 1e-4


def frames_of(case: Case) -> list[int]:
    return case.candidates.sort_by("frame_index").column("frame_index").to_pylist()


def decided(case: Case, decision: str) -> set[int]:
    rows = [] if case.decisions is None else case.decisions.to_pylist()
    return {row["frame_index"] for row in rows if row["decision"] == decision}


def same(one: Choice, other: Choice) -> bool:
    return (
        one.selections.equals(other.selections)
        and one.rejections.equals(other.rejections)
        and one.components == other.components
    )


def changed(settings: SelectionSettings, **values) -> SelectionSettings:
    return settings.model_copy(update=values)


@given(cases())
def test_every_candidate_is_in_exactly_one_table(case):
    choice = case.choose()
    selected, rejected = by_frame(choice.selections), by_frame(choice.rejections)
    assert not selected.keys() & rejected.keys()
    assert sorted(selected.keys() | rejected.keys()) == frames_of(case)
    assert len(selected) == choice.selections.num_rows
    assert len(rejected) == choice.rejections.num_rows


@given(cases())
def test_empty_only_where_people_exclude_all_or_all_is_blank_and_never_more_than_asked(case):
    choice = case.choose()
    reasons = set(choice.rejections.column("reason").to_pylist())
    if not choice.selections.num_rows:
        is_blank = set() if case.settings.keep_least_bad else {"too_dark", "too_flat"}
        assert reasons <= {"banned", "outside_window", "avoided"} | is_blank
    assert choice.selections.num_rows <= max(case.settings.most, len(decided(case, "pin")))


@given(cases())
def test_pinned_are_always_chosen_and_banned_never(case):
    choice = case.choose()
    selected = by_frame(choice.selections)
    assert decided(case, "pin") <= selected.keys()
    assert not decided(case, "ban") & selected.keys()
    assert all("pinned" in selected[frame]["reason"] for frame in decided(case, "pin"))
    reasons = {frame: row["reason"] for frame, row in by_frame(choice.rejections).items()}
    assert {reasons[frame] for frame in decided(case, "ban")} <= {"banned", "avoided", "outside_window"}


@given(cases())
def test_selections_keep_their_distance(case):
    rows = sorted(case.choose().selections.to_pylist(), key=lambda row: row["pts_seconds"])
    pinned = decided(case, "pin")
    for before, after in pairwise(rows):
        if not {before["frame_index"], after["frame_index"]} <= pinned:
            assert after["pts_seconds"] - before["pts_seconds"] >= case.settings.min_gap_seconds


@given(cases())
def test_no_two_selections_are_near_duplicates(case):
    assume(case.settings.strategy == "best")
    assume(case.settings.diversify != "none")
    measured, similarity = case.measured, case.settings.similarity
    embeddings, descriptors = measured.embeddings[0], measured.descriptors[0]
    vectors = comparable_vectors(embeddings, descriptors, settings=similarity)
    is_by_embedding = embeddings.shape[1] and not descriptors.shape[1]
    most = similarity.max_embedding_cosine if is_by_embedding else similarity.max_cosine
    # Hashes are compared where those of all that may be chosen are known.
    has_hashes = not np.isnan(measured["luma_entropy"]).any()
    place_of = {frame: place for place, frame in enumerate(frames_of(case))}
    pinned = decided(case, "pin")
    for one, other in combinations(ranking(case.choose()), 2):
        if {one, other} <= pinned:
            continue
        places = place_of[one], place_of[other]
        if vectors is not None:
            assert float(vectors[places[0]] @ vectors[places[1]]) <= most + ROUNDING
        if has_hashes:
            differing = measured.difference_hash[places[0]] ^ measured.difference_hash[places[1]]
            assert int(differing).bit_count() >= similarity.min_hash_distance


@given(cases())
def test_ranks_are_dense_and_follow_score_then_frame(case):
    rows = sorted(case.choose().selections.to_pylist(), key=lambda row: row["rank"])
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(0 <= row["combined_score"] <= 1 + case.settings.face_bonus for row in rows)
    # Those that were taken for want of better ones come last, each of the two parts by score.
    kept = ["kept though" in row["reason"] for row in rows]
    assert kept == sorted(kept)
    for part in (False, True):
        keys = [(-row["combined_score"], row["frame_index"]) for row, is_kept in zip(rows, kept, strict=True)
                if is_kept == part]  # fmt: skip
        has_tiers = len({row["reason"].split("kept though ")[-1] for row in rows}) > 1
        assert keys == sorted(keys) or (part and has_tiers)


@given(cases(), st.randoms(use_true_random=False))
def test_row_order_of_the_inputs_changes_nothing(case, random):
    def shuffled(table: pa.Table) -> pa.Table:
        return table.take(pa.array(random.sample(range(table.num_rows), table.num_rows), pa.int64()))

    tables = {"candidates": case.candidates, **case.scores.tables()}
    assert same(case.choose(), case.choose())
    assert same(case.choose(), case.choose(**{name: shuffled(table) for name, table in tables.items()}))


@given(cases())
def test_a_rule_of_degree_rejects_at_most_its_share(case):
    verdicts = judge(case.measured, settings=case.settings, avoided=case.guidance.avoided(case.measured))
    most = case.settings.reject.max_share * len(frames_of(case)) + 1e-9
    is_pinned = np.isin(case.measured.frame_indices, list(decided(case, "pin")))
    for place, held in enumerate(verdicts.rules):
        is_worst = (verdicts.first_broken == place) & (verdicts.tiers == held.tier)
        assert not (is_worst & (is_pinned | ~held.is_broken)).any()
        if held.tier == DEGRADED:
            assert np.count_nonzero(is_worst) <= most


@given(cases())
def test_the_best_is_always_chosen_where_only_scores_count(case):
    settings = changed(case.settings, strategy="best", diversify="none")
    choice = case.choose(settings=settings, decisions=None)
    assume(choice.selections.num_rows)
    best = min(choice.selections.to_pylist(), key=lambda row: row["rank"])
    others = choice.rejections.filter(pc.not_equal(choice.rejections["stage"], "reject"))
    for row in others.to_pylist():
        if row["reason"] in {"lower_score", "less_different", "shot_already_selected"}:
            assert row["value"] <= best["combined_score"]


@given(cases())
def test_shots_repeat_only_when_no_other_shot_could_be_taken(case):
    assume(case.settings.distinct_shots)
    assume(case.settings.strategy == "best")
    choice = case.choose()
    selected = choice.selections.to_pylist()
    used = {row["shot_index"] for row in selected}
    if len(used) == len(selected) or any("kept though" in row["reason"] for row in selected) or case.decisions:
        return
    # A second frame of a shot was taken, so each usable frame of an unused shot must be too close to a selection
    # of the first pass in time or in looks.
    for frame, row in by_frame(choice.rejections).items():
        shot_index = by_frame(case.candidates)[frame]["shot_index"]
        if row["stage"] != "reject" and shot_index not in used:
            assert row["reason"] in {"too_close_to_selection", "near_duplicate", "far_below_best"}


BELOW = {"too_flat", "low_entropy", "near_cut", "in_transition", "blurred", "too_dark"}
ABOVE = {
    *("too_bright", "too_dark", "recurring", "flash", "moving_too_fast", "title_card", "text_overlay", "letterbox"),
    *("avoided", "damaged"),
}


def assert_left_out_by_score(row, least):
    """`least` is the worst score of the selections that people did not pin."""
    value, threshold = row["value"], row["threshold"]
    if row["reason"] == "lower_score":
        assert threshold == least
        assert least is None or value <= least
    elif row["reason"] == "less_different":
        assert value > threshold == least
    else:
        assert value < threshold


@given(cases())
def test_every_reason_is_true_of_the_outcome(case):
    choice, settings = case.choose(), case.settings
    selected = choice.selections.to_pylist()
    candidates = by_frame(case.candidates)
    pinned = decided(case, "pin")
    least = min((row["combined_score"] for row in selected if row["frame_index"] not in pinned), default=None)
    for row in choice.rejections.to_pylist():
        candidate, reason = candidates[row["frame_index"]], row["reason"]
        value, threshold = row["value"], row["threshold"]
        if reason in {"lower_score", "less_different", "far_below_best"}:
            assert_left_out_by_score(row, least)
            assert reason != "far_below_best" or settings.strategy == "best"
        elif reason == "too_close_to_selection":
            distance = min(abs(candidate["pts_seconds"] - other["pts_seconds"]) for other in selected)
            assert value == distance < threshold == settings.min_gap_seconds
        elif reason == "near_duplicate":
            assert settings.diversify != "none"
            similarity = settings.similarity
            is_cosine = threshold in {similarity.max_cosine, similarity.max_embedding_cosine}
            assert value > threshold if is_cosine else value < threshold == similarity.min_hash_distance
        elif reason == "shot_already_selected":
            of_shot = [s["combined_score"] for s in selected if s["shot_index"] == candidate["shot_index"]]
            assert threshold == max(of_shot)
        elif reason in {"same_content", "already_covered"}:
            is_same = reason == "same_content"
            assert settings.strategy == "keyframes" if is_same else settings.top_k == "auto"
            assert value >= threshold - ROUNDING if is_same else value < threshold == settings.min_coverage_gain
        elif reason == "outside_window":
            start, end = settings.window_seconds
            assert value == candidate["pts_seconds"]
            assert value < threshold == start or value >= threshold == end
        elif reason in {"banned", "like_banned"}:
            assert value is threshold is None
            assert decided(case, "ban")
            assert (row["frame_index"] in decided(case, "ban")) == (reason == "banned")
        else:
            assert (reason in BELOW and value < threshold) or (reason in ABOVE and value > threshold)
        is_by_rule = reason in BELOW | ABOVE | {"outside_window", "banned", "like_banned"}
        assert (row["stage"] == "reject") == is_by_rule


@given(cases())
def test_the_setting_that_is_stored_gives_the_threshold(case):
    settings = case.settings
    for row in case.choose().rejections.to_pylist():
        rule = rule_of(row["reason"], row["setting"], row["value"], row["threshold"])
        if rule.side is not None and rule.relative_to is rule.threshold is None and row["stage"] != "rank":
            assert row["threshold"] == rule.value_of(settings)
        if row["reason"] in {"less_different", "already_covered"}:
            assert settings.diversify != "none"


@given(cases())
def test_places_stay_empty_only_for_want_of_distance(case):
    assume(case.settings.top_k != "auto")
    assume(case.settings.strategy == "best")
    choice = case.choose()
    if choice.selections.num_rows < case.settings.top_k:
        reasons = choice.rejections.filter(pc.not_equal(choice.rejections["stage"], "reject"))["reason"]
        assert set(reasons.to_pylist()) <= {"too_close_to_selection", "near_duplicate", "far_below_best"}


@given(cases())
def test_of_each_segment_of_like_content_the_best_is_chosen(case):
    choice = case.choose(settings=changed(case.settings, strategy="keyframes", top_k=1000), decisions=None)
    rows = sorted(choice.selections.to_pylist(), key=lambda row: (row["pts_seconds"], row["frame_index"]))
    clusters = [row["cluster_index"] for row in rows]
    is_known = case.measured.embeddings[0].shape[1] or case.measured.descriptors[0].shape[1]
    assert (None in clusters) <= (not is_known)
    if None not in clusters:
        assert clusters == sorted(set(clusters))
    else:
        assert len({row["shot_index"] for row in rows}) == len(rows)
    least = min((row["combined_score"] for row in rows), default=0.0)
    for row in choice.rejections.to_pylist():
        if row["reason"] == "same_content":
            assert row["value"] >= row["threshold"] - ROUNDING
        elif row["reason"] == "lower_score":
            assert row["value"] <= least


@given(cases())
def test_monotone_change_of_a_scale_changes_nothing(case):
    def bent(table: pa.Table | None, name: str) -> pa.Table | None:
        if table is None:
            return None
        values = [None if value is None else math.exp(value) * 1e-3 for value in table[name].to_pylist()]
        place = table.schema.get_field_index(name)
        return table.set_column(place, table.schema.field(name), [pa.array(values, pa.float64())])

    # What is blurred is told by the ratio to the median, not by the rank.
    reject = case.settings.reject.model_copy(update={"min_sharpness_of_median": 0.0})
    settings = changed(case.settings, reject=reject)
    other = case.choose(
        sharpness=bent(case.sharpness, "laplacian_variance"),
        clip_scores=bent(case.clip_scores, "clip_score"),
        iqa_scores=bent(case.iqa_scores, "iqa_score"),
        settings=settings,
    )
    assert same(case.choose(settings=settings), other)


@given(cases())
def test_negated_metric_with_the_other_direction_changes_nothing(case):
    assume(case.iqa_scores is not None)
    table = case.iqa_scores
    values = pc.negate(table["iqa_score"])
    negated = table.set_column(table.schema.get_field_index("iqa_score"), table.schema.field("iqa_score"), values)
    assert same(case.choose(), case.choose(iqa_scores=negated, iqa_lower_better={"niqe": False, "musiq": True}))


@given(cases())
def test_rows_of_frames_that_are_no_candidates_change_nothing(case):
    assume(case.iqa_scores is not None)
    strangers = iqa_table({"niqe": {100: -9.0, 101: None}, "musiq": {100: 99.0}})
    assert same(case.choose(), case.choose(iqa_scores=pa.concat_tables([strangers, case.iqa_scores])))


@given(cases())
def test_scorer_that_failed_everywhere_is_as_good_as_absent(case):
    failed = clip_table(dict.fromkeys(frames_of(case)))
    assert same(case.choose(clip_scores=None), case.choose(clip_scores=failed))


@given(cases(), st.integers(1, 6))
def test_more_places_without_shots_keep_the_earlier_selections(case, top_k):
    settings = changed(case.settings, distinct_shots=False, top_k=top_k)
    more = changed(settings, top_k=top_k + 1)
    assert set(ranking(case.choose(settings=settings))) <= set(ranking(case.choose(settings=more)))


@given(cases())
def test_auto_that_asks_for_nothing_takes_the_usable_ones_that_a_number_would(case):
    assume(case.measured.embeddings[0].shape[1] or case.measured.descriptors[0].shape[1])
    settings = changed(case.settings, top_k="auto", strategy="best", min_coverage_gain=0.0)
    assume(settings.diversify != "none")
    as_number = changed(settings, top_k=settings.max_k)
    assert set(ranking(case.choose(settings=settings))) <= set(ranking(case.choose(settings=as_number)))


@given(cases())
def test_auto_leaves_nothing_that_covers_the_video_better(case):
    settings = changed(case.settings, top_k="auto", strategy="best", max_k=1000)
    reasons = set(case.choose(settings=settings).rejections.column("reason").to_pylist())
    is_compared = case.measured.embeddings[0].shape[1] or case.measured.descriptors[0].shape[1]
    assume(is_compared and settings.diversify != "none")
    assert not reasons & {"lower_score", "less_different"}


def measured_of(case: Case, video_id: str) -> CandidateArrays:
    return replace(case.measured, video_ids=(video_id,))


@given(st.lists(cases(), min_size=1, max_size=5), selection_settings(), st.booleans())
def test_videos_chosen_from_together_are_chosen_from_as_if_each_were_alone(together, settings, has_guidance):
    guidance = together[0].guidance if has_guidance else Guidance()
    measured = joined([measured_of(case, f"v{n}-00000000") for n, case in enumerate(together)])
    picks = pick(measured, settings=settings, guidance=guidance)
    for video, (case, chosen) in enumerate(zip(together, picks.chosen, strict=True)):
        span, frames = measured.span(video), frames_of(case)
        choice = case.choose(settings=settings, guidance=guidance)
        assert [frames[position - span.start] for position in chosen] == ranking(choice)
        scores = {frame: row["combined_score"] for frame, row in by_frame(choice.selections).items()}
        combined = dict(zip(frames, picks.scores.combined[span].tolist(), strict=True))
        assert {frame: combined[frame] for frame in scores} == scores
        broken = picks.verdicts.first_broken[span] != NO_RULE
        dropped = {frame for frame, row in by_frame(choice.rejections).items() if row["stage"] == "reject"}
        assert set(np.array(frames)[broken].tolist()) - scores.keys() == dropped
        assert not set(np.array(frames)[picks.verdicts.tiers[span] == EXCLUDED].tolist()) & scores.keys()


@given(st.lists(maybe_levels, max_size=20))
def test_percentile_is_the_share_of_worse_and_half_of_equal(values):
    known = [value for value in values if value is not None]
    ranks = percentile_ranks(np.array([math.nan if v is None else v for v in values]))
    for value, rank in zip(values, ranks.tolist(), strict=True):
        if value is None:
            assert math.isnan(rank)
            continue
        num_worse = sum(other < value for other in known)
        assert rank == (num_worse + (known.count(value) + 1) / 2) / len(known)
        assert 0 < rank <= 1
