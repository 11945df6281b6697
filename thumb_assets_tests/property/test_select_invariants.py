"""What holds of every choice, whatever the candidates and their scores."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import assume, given
from hypothesis import strategies as st

from thumb_assets.select import Choice, Measured, joined, measured_from_tables, percentile_ranks, pick
from thumb_assets.settings import ComponentWeights, SelectionSettings
from thumb_assets_tests.unit.select.builders import (
    Case,
    by_frame,
    candidates_table,
    clip_table,
    faces_table,
    iqa_table,
    ranking,
    sharpness_table,
)

# Few distinct values, so that ties, equal stamps and distances of exactly the gap come up often.
levels = st.integers(0, 6).map(float)
maybe_levels = st.none() | levels


@st.composite
def selection_settings(draw):
    weights = {name: draw(st.sampled_from([0.0, 0.3, 1.0])) for name in ("sharpness", "clip", "iqa")}
    return SelectionSettings(
        top_k=draw(st.integers(1, 6)),
        min_gap_seconds=draw(st.sampled_from([0.0, 1.0, 3.0])),
        distinct_shots=draw(st.booleans()),
        weights=ComponentWeights(**weights),
    )


@st.composite
def cases(draw):
    frames = sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=12)))
    seconds = {frame_index: draw(st.sampled_from([frame_index / 2, 3.0])) for frame_index in frames}
    cuts = draw(st.sets(st.integers(1, 40), max_size=4))
    shots = {frame_index: sum(cut <= frame_index for cut in cuts) for frame_index in frames}

    def values(strategy):
        return {frame_index: draw(strategy) for frame_index in frames}

    luma_means = values(st.sampled_from([0.0, 100.0, 255.0, None]))
    sharpness = sharpness_table(
        values(maybe_levels), luma_means=luma_means, luma_stds=values(levels.map(lambda v: 2 * v))
    )
    faces = faces_table([(frame_index, draw(st.sampled_from([0.5, 1.0])), 500.0) for frame_index in frames])
    return Case(
        candidates_table(seconds, shots),
        draw(st.sampled_from([None, sharpness])),
        draw(st.sampled_from([None, clip_table(values(maybe_levels))])),
        draw(st.sampled_from([None, iqa_table({"niqe": values(maybe_levels), "musiq": values(maybe_levels)})])),
        {"niqe": True, "musiq": False},
        draw(st.sampled_from([None, faces])),
        settings=draw(selection_settings()),
    )


def same(one: Choice, other: Choice) -> bool:
    return (
        one.selections.equals(other.selections)
        and one.rejections.equals(other.rejections)
        and one.components == other.components
    )


@given(cases())
def test_every_candidate_is_in_exactly_one_table(case):
    choice = case.choose()
    selected, rejected = by_frame(choice.selections), by_frame(choice.rejections)
    assert not selected.keys() & rejected.keys()
    assert sorted(selected.keys() | rejected.keys()) == case.candidates.column("frame_index").to_pylist()
    assert len(selected) == choice.selections.num_rows
    assert len(rejected) == choice.rejections.num_rows


@given(cases())
def test_never_empty_and_never_more_than_asked(case):
    assert 1 <= case.choose().selections.num_rows <= case.settings.top_k


@given(cases())
def test_selections_keep_their_distance(case):
    seconds = sorted(case.choose().selections.column("pts_seconds").to_pylist())
    assert all(after - before >= case.settings.min_gap_seconds for before, after in pairwise(seconds))


@given(cases())
def test_ranks_are_dense_and_follow_score_then_frame(case):
    rows = sorted(case.choose().selections.to_pylist(), key=lambda row: (-row["combined_score"], row["frame_index"]))
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(0 <= row["combined_score"] <= 1 + case.settings.face_bonus for row in rows)


@given(cases(), st.randoms(use_true_random=False))
def test_row_order_of_the_inputs_changes_nothing(case, random):
    def shuffled(table: pa.Table | None) -> pa.Table | None:
        return table if table is None else table.take(random.sample(range(table.num_rows), table.num_rows))

    names = ("candidates", "sharpness", "clip_scores", "iqa_scores", "faces")
    assert same(case.choose(), case.choose(**{name: shuffled(getattr(case, name)) for name in names}))


@given(cases())
def test_best_usable_candidate_is_always_chosen(case):
    choice = case.choose()
    best = min(choice.selections.to_pylist(), key=lambda row: row["rank"])
    scored = choice.rejections.filter(pc.is_in(choice.rejections["reason"], pa.array(["lower_score"])))
    assert all(value <= best["combined_score"] for value in scored.column("value").to_pylist())


@given(cases())
def test_shots_repeat_only_when_no_other_shot_could_be_taken(case):
    assume(case.settings.distinct_shots)
    choice = case.choose()
    selected = choice.selections.to_pylist()
    used = {row["shot_index"] for row in selected}
    if len(used) == len(selected):
        return
    # A second frame of a shot was taken, so each usable frame of an unused shot must be too close to a selection
    # of the first pass, the best of each shot.
    dropped = {frame for frame, row in by_frame(choice.rejections).items() if row["stage"] == "reject"}
    seconds = [row["pts_seconds"] for row in selected]
    for row in case.candidates.to_pylist():
        if row["frame_index"] not in dropped and row["shot_index"] not in used:
            assert min(abs(row["pts_seconds"] - other) for other in seconds) < case.settings.min_gap_seconds


@given(cases())
def test_every_reason_is_true_of_the_outcome(case):
    choice, settings = case.choose(), case.settings
    selected = choice.selections.to_pylist()
    candidates = by_frame(case.candidates)
    least = min(row["combined_score"] for row in selected)
    for row in choice.rejections.to_pylist():
        candidate = candidates[row["frame_index"]]
        if row["reason"] == "lower_score":
            assert row["value"] <= row["threshold"] == least
            assert len(selected) == settings.top_k
        elif row["reason"] == "too_close_to_selection":
            distance = min(abs(candidate["pts_seconds"] - other["pts_seconds"]) for other in selected)
            assert row["value"] == distance < row["threshold"] == settings.min_gap_seconds
        elif row["reason"] == "shot_already_selected":
            scores = [s["combined_score"] for s in selected if s["shot_index"] == candidate["shot_index"]]
            assert settings.distinct_shots
            assert least <= row["value"] <= row["threshold"] == max(scores)
        else:
            assert row["stage"] == "reject"
            is_below = row["reason"] != "too_bright"
            assert row["value"] < row["threshold"] if is_below else row["value"] > row["threshold"]


@given(cases())
def test_places_stay_empty_only_for_want_of_distance(case):
    choice = case.choose()
    if choice.selections.num_rows < case.settings.top_k:
        reasons = choice.rejections.filter(pc.not_equal(choice.rejections["stage"], "reject"))["reason"]
        assert set(reasons.to_pylist()) <= {"too_close_to_selection"}


@given(cases())
def test_monotone_change_of_a_scale_changes_nothing(case):
    def bent(table: pa.Table | None, name: str) -> pa.Table | None:
        if table is None:
            return None
        values = [None if value is None else math.exp(value) * 1e-3 - 5 for value in table[name].to_pylist()]
        place = table.schema.get_field_index(name)
        return table.set_column(place, table.schema.field(name), [pa.array(values, pa.float64())])

    other = case.choose(
        sharpness=bent(case.sharpness, "laplacian_variance"),
        clip_scores=bent(case.clip_scores, "clip_score"),
        iqa_scores=bent(case.iqa_scores, "iqa_score"),
    )
    assert same(case.choose(), other)


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
    frames = case.candidates.column("frame_index").to_pylist()
    failed = clip_table(dict.fromkeys(frames))
    assert same(case.choose(clip_scores=None), case.choose(clip_scores=failed))


@given(cases(), st.integers(1, 6))
def test_more_places_without_shots_keep_the_earlier_selections(case, top_k):
    settings = case.settings.model_copy(update={"distinct_shots": False, "top_k": top_k})
    more = settings.model_copy(update={"top_k": top_k + 1})
    fewer = ranking(case.choose(settings=settings))
    assert ranking(case.choose(settings=more))[: len(fewer)] == fewer


def measured_of(case: Case, video_id: str) -> Measured:
    tables = {name: value for name, value in vars(case).items() if name != "settings"}
    return replace(measured_from_tables(**tables), video_ids=(video_id,))


@given(st.lists(cases(), min_size=1, max_size=5), selection_settings())
def test_videos_chosen_from_together_are_chosen_from_as_if_each_were_alone(together, settings):
    picks = pick(joined([measured_of(case, f"v{n}-00000000") for n, case in enumerate(together)]), settings=settings)
    start = 0
    for case, chosen in zip(together, picks.chosen, strict=True):
        frames = case.candidates.column("frame_index").to_pylist()
        choice = case.choose(settings=settings)
        assert [frames[position - start] for position in chosen] == ranking(choice)
        of_video = slice(start, start + len(frames))
        scores = {frame: row["combined_score"] for frame, row in by_frame(choice.selections).items()}
        combined = dict(zip(frames, picks.scores.combined[of_video].tolist(), strict=True))
        assert {frame: combined[frame] for frame in scores} == scores
        dropped = {frame for frame, row in by_frame(choice.rejections).items() if row["stage"] == "reject"}
        is_dropped = zip(frames, picks.is_dropped[of_video].tolist(), strict=True)
        assert {frame for frame, is_one in is_dropped if is_one} == dropped
        start += len(frames)


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
