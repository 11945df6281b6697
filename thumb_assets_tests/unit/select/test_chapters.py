"""Chapters on made-up vectors: where they begin, which candidate stands for them, what they are called."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thumb_assets.select.chapters import Labels, Timeline, chapters_of, clusters_of, spans_of, verify_chapters
from thumb_assets.select.measure import ScoreTables
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.settings.stages import ChaptersSettings
from thumb_assets.tables.conform import contract_problems, table_from_rows
from thumb_assets_tests.unit.select.test_tell import VIDEO_ID, row_of

ALIKE = 0.374  # cosine 0.93
SHOT_SECONDS, RATE = 5.0, 10
# What a place looks like: unit vectors, a little off in each candidate.
PLACES = np.eye(6, 16, dtype=np.float32)


def looks(places: str, *, noise: float = 0.05, seed: int = 1) -> np.ndarray:
    """(N, 16) float32 of L2 norm 1; `A` is a place, `?` like nothing else, `-` not known."""
    rng = np.random.default_rng(seed)
    rows = []
    for letter in places:
        row = rng.normal(size=16) if letter == "?" else PLACES["ABCDEF".find(letter)] + noise * rng.normal(size=16)
        rows.append(np.zeros(16) if letter == "-" else row / np.linalg.norm(row))
    return np.array(rows, np.float32).reshape(-1, 16)


def timeline_of(places: str, *, is_shown: Sequence[bool] | None = None, **changes: float) -> Timeline:
    """Two candidates in each shot of 5 s."""
    vectors = looks("".join(letter * 2 for letter in places), **changes)
    num_shots = len(places)
    shots = np.repeat(np.arange(num_shots), 2)
    return Timeline(
        borders=SHOT_SECONDS * np.arange(num_shots + 1),
        shots=shots,
        seconds=SHOT_SECONDS * shots + np.tile([1.0, 3.0], num_shots),
        vectors=vectors,
        is_shown=np.ones(2 * num_shots, np.bool_) if is_shown is None else np.repeat(is_shown, 2),
    )


def starts_of(timeline: Timeline, **changes: object) -> list[int]:
    settings = ChaptersSettings.model_validate({"min_chapter_seconds": 0.0, **changes})
    return spans_of(timeline, settings=settings, alike_distance=ALIKE)


def test_content_that_comes_back_is_another_chapter() -> None:
    assert starts_of(timeline_of("AAABBBAABBB")) == [0, 3, 6, 8]
    labels = clusters_of(timeline_of("AAABBBAABBB"), settings=ChaptersSettings(), alike_distance=ALIKE)
    assert len(set(labels.tolist())) == 2
    assert labels[0] == labels[12]


def test_noise_joins_what_is_near_in_time() -> None:
    timeline = timeline_of("AAAAABBBBB")
    timeline.vectors[4] = looks("?", seed=9)[0]  # one of the two candidates of shot 2
    assert starts_of(timeline) == [0, 5]
    labels = clusters_of(timeline, settings=ChaptersSettings(), alike_distance=ALIKE)
    assert labels[4] == labels[3]


def test_all_noise_one_look_or_nothing_known_is_one_chapter() -> None:
    assert starts_of(timeline_of("????????"), eps=0.1) == [0]
    assert starts_of(timeline_of("AAAAAAAA", noise=0.0)) == [0]
    assert starts_of(timeline_of("--------")) == [0]
    nothing = timeline_of("AABB")
    bare = Timeline(nothing.borders, nothing.shots, nothing.seconds, np.zeros((8, 0), np.float32), nothing.is_shown)
    assert starts_of(bare) == [0]


def test_one_candidate_and_none() -> None:
    one = Timeline(np.array([0.0, 4.0, 9.0]), np.array([1]), np.array([5.0]), looks("A"), np.array([True]))
    assert starts_of(one) == [0]
    settings = ChaptersSettings(min_chapter_seconds=0.0, min_samples=1)
    assert spans_of(one, settings=settings, alike_distance=0.0) == [0]  # similarity.max_cosine=1: no two are alike
    empty = np.zeros(0)
    none = Timeline(np.array([0.0, 4.0]), empty.astype(np.int64), empty, looks(""), empty.astype(np.bool_))
    assert starts_of(none) == [0]


def test_a_short_span_joins_the_neighbour_that_is_more_like_it() -> None:
    timeline = timeline_of("AAACBBB")
    mixed = looks("AB", noise=0.0)
    toward_b = (0.5 * mixed[0] + mixed[1] + 1.2 * PLACES[2]) / np.linalg.norm(
        0.5 * mixed[0] + mixed[1] + 1.2 * PLACES[2]
    )
    timeline.vectors[6:8] = toward_b
    assert starts_of(timeline) == [0, 3, 4]
    assert starts_of(timeline, min_chapter_seconds=6.0) == [0, 3]
    toward_a = (mixed[0] + 0.5 * mixed[1] + 1.2 * PLACES[2]) / np.linalg.norm(
        mixed[0] + 0.5 * mixed[1] + 1.2 * PLACES[2]
    )
    timeline.vectors[6:8] = toward_a
    assert starts_of(timeline, min_chapter_seconds=6.0) == [0, 4]


def test_content_around_a_short_span_is_one_chapter_again() -> None:
    assert starts_of(timeline_of("AAABAAACCC")) == [0, 3, 4, 7]
    assert starts_of(timeline_of("AAABAAACCC"), min_chapter_seconds=6.0) == [0, 7]


def test_there_are_at_most_so_many() -> None:
    assert starts_of(timeline_of("AABBCCDDEE")) == [0, 2, 4, 6, 8]
    assert len(starts_of(timeline_of("AABBCCDDEE"), max_chapters=3)) == 3
    assert starts_of(timeline_of("AABBCCDDEE"), max_chapters=1) == [0]


def test_what_shows_nothing_has_no_say() -> None:
    places = "AAACABBBB"  # C stands for black: a fade
    assert starts_of(timeline_of(places, is_shown=[letter != "C" for letter in places])) == [0, 5]


def test_time_parts_what_looks_alike() -> None:
    timeline = timeline_of("AAAAAA", noise=0.01)
    timeline.seconds[6:] += 1200
    timeline.borders[3:] += 1200
    assert starts_of(timeline, time_weight=0.0) == [0]
    assert starts_of(timeline, time_weight=0.5) == [0, 3]


def test_very_many_candidates_are_compared_by_a_part_of_them() -> None:
    timeline = timeline_of("A" * 800 + "B" * 800)
    assert starts_of(timeline, time_weight=0.0) == [0, 800]


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    num_shots = draw(st.integers(1, 12))
    lengths = draw(st.lists(st.sampled_from([0.0, 0.04, 1.0, 7.5, 300.0]), min_size=num_shots, max_size=num_shots))
    borders = np.concatenate([[0.0], np.cumsum(lengths)])
    shots = np.array(sorted(draw(st.lists(st.integers(0, num_shots - 1), max_size=30))), np.int64)
    vectors = looks(draw(st.text("ABC?-", min_size=len(shots), max_size=len(shots))))
    is_shown = np.array(draw(st.lists(st.booleans(), min_size=len(shots), max_size=len(shots))), np.bool_)
    return Timeline(borders, shots, borders[shots], vectors, is_shown)


@given(
    timelines(),
    st.sampled_from([None, 0.01, 0.5, 2.0]),
    st.integers(1, 5),
    st.sampled_from([0.0, 1.0, 30.0]),
    st.integers(1, 6),
)
def test_spans_tile_the_video_whatever_it_shows(
    timeline: Timeline, eps: float | None, min_samples: int, min_seconds: float, most: int
) -> None:
    settings = ChaptersSettings(
        eps=eps, min_samples=min_samples, min_chapter_seconds=min_seconds, max_chapters=most, time_weight=0.1
    )
    starts = spans_of(timeline, settings=settings, alike_distance=ALIKE)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert starts[-1] < len(timeline.borders) - 1
    assert len(starts) <= most
    if len(starts) > 1:
        ends = [*starts[1:], len(timeline.borders) - 1]
        lengths = [timeline.borders[end] - timeline.borders[start] for start, end in zip(starts, ends, strict=True)]
        assert min(lengths) >= min_seconds
    assert spans_of(timeline, settings=settings, alike_distance=ALIKE) == starts


# From tables to the table.


def tables_of(places: str, *, dark: Sequence[int] = (), noise: float = 0.05) -> tuple[pa.Table, ScoreTables]:
    """Shots of 50 frames at 10 per second, a candidate at their frames 10 and 30; `dark` ones are black."""
    num_frames = 50 * len(places)
    indices = [50 * shot + offset for shot in range(len(places)) for offset in (10, 30)]
    vectors = looks("".join(2 * letter for letter in places), noise=noise).astype(np.float16)
    frames = [
        row_of("frames", frame_index=index, pts_seconds=index / RATE, field_order="progressive")
        for index in range(num_frames)
    ]
    shots = [
        row_of(
            "shots",
            shot_index=shot,
            start_frame_index=50 * shot,
            exclusive_end_frame_index=50 * shot + 50,
            transition="cut",
        )
        for shot in range(len(places))
    ]
    candidates = [
        row_of("candidate_frames", frame_index=index, pts_seconds=index / RATE, shot_index=index // 50)
        for index in indices
    ]
    sharpness = [
        row_of(
            "sharpness",
            frame_index=index,
            laplacian_variance=500.0 if index % 50 == 30 else 300.0,
            luma_mean=2.0 if index in dark else 120.0,
            luma_std=50.0,
        )
        for index in indices
    ]
    clip_scores = [
        row_of("clip_scores", frame_index=index, embedding=vector, clip_score=0.1, positive_similarity=0.2)
        for index, vector in zip(indices, vectors, strict=True)
    ]
    scores = ScoreTables(
        frames=table_from_rows("frames", frames),
        shots=table_from_rows("shots", shots),
        sharpness=table_from_rows("sharpness", sharpness),
        clip_scores=table_from_rows("clip_scores", clip_scores),
    )
    return table_from_rows("candidate_frames", candidates), scores


def chapters(
    places: str, *, labels: Labels | None = None, dark: Sequence[int] = (), noise: float = 0.05, **changes: object
) -> pa.Table:
    candidates, scores = tables_of(places, dark=dark, noise=noise)
    return chapters_of(
        candidates,
        scores,
        duration_seconds=SHOT_SECONDS * len(places),
        settings=ChaptersSettings.model_validate({"min_chapter_seconds": 0.0, **changes}),
        selection=SelectionSettings(window_seconds=(0.0, 1.0)),
        labels=labels,
    )


def test_chapters_tile_and_are_represented() -> None:
    table = chapters("AAABBBAA")
    assert contract_problems("chapters", table) == []
    assert verify_chapters(table, tables_of("AAABBBAA")[1].shots).is_passed
    rows = table.to_pylist()
    assert [(row["start_frame_index"], row["exclusive_end_frame_index"]) for row in rows] == [
        (0, 150),
        (150, 300),
        (300, 400),
    ]
    assert [(row["start_pts_seconds"], row["end_seconds"]) for row in rows] == [(0.0, 15.0), (15.0, 30.0), (30.0, 40.0)]
    assert [row["num_candidates"] for row in rows] == [6, 6, 4]
    # The first of the sharper ones, although all but the first second lies outside of the selections' window.
    assert [row["frame_index"] for row in chapters("AAABBBAA", noise=0.0).to_pylist()] == [30, 180, 330]
    assert {row["title"] for row in rows} == {None}


def test_a_black_candidate_stands_for_nothing_unless_it_must() -> None:
    dark = [30, 80, 130]
    first = chapters("AAABBB", dark=dark).to_pylist()[0]
    assert first["frame_index"] in {10, 60, 110}
    everything = [50 * shot + offset for shot in range(6) for offset in (10, 30)]
    assert all(row["frame_index"] is not None for row in chapters("AAABBB", dark=everything).to_pylist())


def test_banned_candidates_never_stand_for_a_chapter() -> None:
    candidates, scores = tables_of("AAABBB")
    decisions = [
        row_of("decisions", frame_index=50 * shot + offset, decision="ban") for shot in (3, 4, 5) for offset in (10, 30)
    ]
    banned = ScoreTables(**{**vars(scores), "decisions": table_from_rows("decisions", decisions)})
    table = chapters_of(
        candidates,
        banned,
        duration_seconds=30.0,
        settings=ChaptersSettings(min_chapter_seconds=0.0),
        selection=SelectionSettings(),
    )
    assert table.column("frame_index").to_pylist()[-1] is None
    assert table.column("frame_index").to_pylist()[0] is not None


def test_titles_are_given_where_one_label_stands_out() -> None:
    labels = Labels(("a place", "another place"), PLACES[:2])
    rows = chapters("AAABBBCCC", labels=labels, min_label_margin=0.2).to_pylist()
    assert [row["title"] for row in rows] == ["a place", "another place", None]
    assert rows[0]["title_similarity"] == pytest.approx(1.0, abs=0.05)
    assert rows[2]["title_similarity"] is None
    other_model = Labels(("a place",), np.eye(1, 8, dtype=np.float32))
    assert {row["title"] for row in chapters("AAABBB", labels=other_model).to_pylist()} == {None}


def test_a_video_without_a_frame_has_no_chapter() -> None:
    candidates, scores = tables_of("A")
    empty = {name: table.slice(0, 0) for name, table in scores.tables().items()}
    table = chapters_of(
        candidates.slice(0, 0),
        ScoreTables(**empty),
        duration_seconds=0.0,
        settings=ChaptersSettings(),
        selection=SelectionSettings(),
    )
    assert table.num_rows == 0
    assert verify_chapters(table, empty["shots"]).is_passed


def test_the_order_of_rows_changes_nothing() -> None:
    candidates, scores = tables_of("AAABBBCC")
    turned = {name: table.take(pa.array(range(table.num_rows - 1, -1, -1))) for name, table in scores.tables().items()}
    arguments = {"duration_seconds": 40.0, "settings": ChaptersSettings(), "selection": SelectionSettings()}
    one = chapters_of(
        candidates, ScoreTables(**{**turned, "frames": scores.frames, "shots": scores.shots}), **arguments
    )
    assert one.equals(chapters_of(candidates, scores, **arguments))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"start_frame_index": 140}, "begins at frame 140, not at 150"),
        ({"exclusive_end_frame_index": 290}, "the last chapter ends at frame 290, the video at 300"),
        ({"frame_index": 10}, "represented by frame 10, which is not in it"),
        ({"start_pts_seconds": 14.0}, "begins at 14.0 s, the one before ends at 15.0 s"),
    ],
)
def test_the_check_finds_what_does_not_tile(change: dict[str, float], problem: str) -> None:
    rows = chapters("AAABBB").to_pylist()
    rows[1] = {**rows[1], **change}
    verdict = verify_chapters(table_from_rows("chapters", rows), tables_of("AAABBB")[1].shots)
    assert not verdict.is_passed
    assert any(problem in line for line in verdict.sample)
    assert VIDEO_ID in rows[1]["video_id"]
