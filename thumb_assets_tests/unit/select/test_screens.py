"""Choosing from slides and screen recordings: states by their time and by what is new in them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from thumb_assets.select.choose import Choice
from thumb_assets.select.measure import joined
from thumb_assets.select.score import score_candidates
from thumb_assets.select.states import kept_shares, worth_of_states
from thumb_assets.select.verdicts import judge
from thumb_assets.settings.selection import RejectSettings, SelectionSettings
from thumb_assets_tests.unit.select.builders import (
    Case,
    appearance_table,
    by_frame,
    candidates_table,
    clip_table,
    decisions_table,
    faces_table,
    frames_table,
    ranking,
    sharpness_table,
    shots_table,
)

RATE = 10
NUM_FRAMES = 1000
# A state per slide: first frame, exclusive end; shown by the frame four before its end.
SPANS = {96: (0, 100), 296: (100, 300), 396: (300, 400), 446: (400, 450), 996: (450, 1000)}
OTHERS = (50, 200, 350, 700)


def picture(*boxes: tuple[int, int]) -> str:
    """Edges: the outlines of boxes of 12x16 at these places of a grid of 8x10."""
    edges = np.zeros((108, 192), np.uint8)
    for row, column in boxes:
        top, left = 2 + 13 * row, 2 + 19 * column
        edges[top : top + 12, left : left + 16] = 1
        edges[top + 2 : top + 10, left + 2 : left + 14] = 0
    return np.packbits(edges).tobytes().hex()


def line(row: int, length: int = 8) -> tuple[tuple[int, int], ...]:
    return tuple((row, column) for column in range(length))


# The third slide goes on with what the second shows.
SHOWS = {
    96: picture(*line(0)),
    296: picture(*line(2)),
    396: picture(*line(2), *line(4)),
    446: picture(*line(6)),
    996: picture(*line(5, 4)),
}


def case(
    shows: Mapping[int, str] = SHOWS,
    spans: Mapping[int, tuple[int, int]] = SPANS,
    changed_share: Mapping[int, float] | None = None,
    **changes: Any,
) -> Case:
    frame_indices = sorted({*spans, *OTHERS})
    looks = dict.fromkeys(frame_indices, (1.0, 0.0))
    tables: dict[str, Any] = {
        "sharpness": sharpness_table(dict.fromkeys(frame_indices, 100.0) | {50: 900.0}),
        # White throughout, and much alike.
        "appearance": appearance_table(
            frame_indices,
            edges=shows,
            changed_share=changed_share or {},
            descriptors=looks,
            hashes=dict.fromkeys(frame_indices, 0),
            bright_share=dict.fromkeys(frame_indices, 0.9),
            luma_entropy=dict.fromkeys(frame_indices, 1.0),
            text_share=dict.fromkeys(frame_indices, 0.3),
        ),
        "frames": frames_table([frame / RATE for frame in range(NUM_FRAMES)]),
        "shots": shots_table([0], num_frames=NUM_FRAMES),
    }
    candidates = candidates_table(
        {frame: frame / RATE for frame in frame_indices}, dict.fromkeys(frame_indices, 0), spans
    )
    return Case(candidates, **(tables | changes))


def choose(top_k: int | str = 3, shows: Mapping[int, str] = SHOWS, **changes: Any) -> Choice:
    settings = {"top_k": top_k} | changes.pop("settings", {})
    return case(shows, **changes).choose(settings=SelectionSettings().model_copy(update=settings))


def reasons(choice: Choice) -> dict[int, str]:
    return {frame: row["reason"] for frame, row in by_frame(choice.rejections).items()}


def test_the_longest_states_are_chosen_and_a_growing_one_when_all_of_it_is_there():
    choice = choose()
    assert sorted(ranking(choice)) == [96, 396, 996]
    assert reasons(choice) == {
        296: "growing_state",
        446: "less_new_on_screen",
        **dict.fromkeys(OTHERS, "no_state"),
    }
    row = by_frame(choice.rejections)[296]
    assert (row["value"], row["threshold"], row["setting"]) == (1.0, 0.8, "selection.screens")


@pytest.mark.parametrize("top_k", [5, "auto"])
def test_a_screen_that_is_shown_briefly_is_no_bad_one(top_k: int | str):
    """Its score is its time: what is far below the best of a take is junk, a short state is a screen."""
    spans = SPANS | {446: (400, 450), 511: (500, 515), 996: (515, 1000)}
    shows = SHOWS | {511: picture(*line(7, 5))}
    choice = case(shows, spans).choose(settings=SelectionSettings(top_k=top_k))
    assert 511 in ranking(choice)
    assert "far_below_best" not in reasons(choice).values()


def test_what_the_numbers_say_of_a_state_that_is_left_out_is_true():
    choice = choose()
    row = by_frame(choice.rejections)[446]
    assert row["setting"] == "selection.top_k"
    assert row["value"] < row["threshold"]


def test_a_state_counts_by_its_time_up_to_ten_seconds_and_with_that_it_grew_out_of():
    worth = dict(zip(case().measured.frame_indices.tolist(), worth_of_states(case().measured).tolist(), strict=True))
    assert worth[96] == worth[396] == worth[996] == 1.0
    assert worth[446] == pytest.approx(0.5**0.7)
    assert all(np.isnan(worth[frame]) for frame in OTHERS)


@pytest.mark.parametrize(("length", "factor"), [(40, 0.3), (60, 1.0)])
def test_a_short_state_at_the_start_or_the_end_of_the_file_counts_less(length, factor):
    spans = {length - 4: (0, length), 996 - length: (length, 1000 - length), 996: (1000 - length, 1000)}
    shows = {frame: picture(*line(row)) for row, frame in enumerate(spans)}
    worth = worth_of_states(case(shows, spans).measured)
    ends = worth[~np.isnan(worth)][[0, 2]]
    assert ends == pytest.approx(factor * (length / 100) ** 0.7)


def test_the_share_of_edges_that_the_next_state_keeps():
    measured = case().measured
    kept = dict(zip(measured.frame_indices.tolist(), kept_shares(measured).tolist(), strict=True))
    assert [kept[frame] for frame in sorted(SPANS)] == [0.0, 1.0, 0.0, 0.0, 0.0]


def test_a_page_of_print_over_a_list_is_another_screen():
    shows = SHOWS | {396: picture(*line(1), *line(2), *line(3))}
    assert reasons(choose(shows=shows))[296] == "growing_state"
    choice = case(shows, changed_share={396: 0.9}).choose()
    assert "growing_state" not in reasons(choice).values()


def test_a_moving_cursor_is_no_new_state():
    """An arrow's few edges beside a page of text."""
    page = [*line(1), *line(2), *line(3)]
    cursor = {96: (5, 1), 296: (7, 4), 396: (6, 6)}
    shows = {frame: picture(*page, place) for frame, place in cursor.items()} | {446: picture(*line(5))}
    choice = choose(2, shows | {996: picture(*line(7))})
    assert 396 in ranking(choice)
    assert {frame for frame, reason in reasons(choice).items() if reason == "growing_state"} == {96, 296}


def test_what_stands_throughout_makes_no_two_states_alike():
    frame = [*line(0), *line(7)]
    shows = {each: picture(*frame, *line(row)) for row, each in enumerate(SPANS, start=1)}
    choice = choose(5, shows)
    assert sorted(ranking(choice)) == sorted(SPANS)


def test_a_screen_that_comes_again_is_taken_after_what_was_not_seen():
    shows = SHOWS | {996: picture(*line(0))}  # the title again, at the end
    assert sorted(ranking(choose(3, shows))) in ([96, 396, 446], [396, 446, 996])


def test_auto_takes_each_screen_that_is_new():
    shows = SHOWS | {996: picture(*line(0))}
    choice = choose("auto", shows)
    assert len(ranking(choice)) == 3
    (again,) = {96, 996} - set(ranking(choice))
    row = by_frame(choice.rejections)[again]
    assert (row["reason"], row["setting"]) == ("already_covered", "selection.min_coverage_gain")
    assert row["value"] < row["threshold"] == 0.03


def test_states_keep_the_least_distance():
    choice = choose(5, settings={"min_gap_seconds": 6.0})
    assert 446 not in ranking(choice)
    assert reasons(choice)[446] == "too_close_to_selection"


def test_pinned_and_banned_frames_are_what_people_said():
    choice = choose(3, decisions=decisions_table({200: "pin", 996: "ban"}))
    assert 200 in ranking(choice)
    assert 996 not in ranking(choice)
    assert len(ranking(choice)) == 3


def test_a_pinned_state_is_not_shown_twice():
    shows = SHOWS | {996: picture(*line(0))}
    choice = choose(3, shows, decisions=decisions_table({96: "pin"}))
    assert sorted(ranking(choice)) == [96, 396, 446]


def test_score_and_components_are_those_of_states():
    choice = choose(3, clip_scores=clip_table({frame: frame / 1000 for frame in sorted({*SPANS, *OTHERS})}))
    assert choice.components == ("state",)
    row = by_frame(choice.selections)[996]
    assert row["combined_score"] == row["state_percentile"] == 1.0
    assert row["clip_percentile"] is not None
    assert f"rank {row['rank']} of 3: state 1.00; place" in row["reason"]


def test_a_speakers_face_beside_the_slides_counts_for_nothing():
    choice = choose(3, faces=faces_table([(446, 0.99, 300.0)]), frame_size=(1600, 1000))
    assert sorted(ranking(choice)) == [96, 396, 996]
    assert {row["face_bonus"] for row in choice.selections.to_pylist()} == {0.0}


def test_off_chooses_as_in_any_other_video():
    choice = choose(settings={"screens": "off"})
    assert set(reasons(choice).values()) <= {"too_bright", "near_duplicate", "too_close_to_selection", "lower_score"}
    other = case(spans={}).choose()
    assert set(ranking(other)) <= set(OTHERS)


def test_flat_states_are_taken_only_where_all_are_and_those_that_show_nothing_never():
    flat = dict.fromkeys(sorted({*SPANS, *OTHERS}), 50.0) | {996: 2.0}
    sharpness = sharpness_table(dict.fromkeys(flat, 100.0), luma_stds=flat)
    choice = choose(5, sharpness=sharpness)
    assert 996 not in ranking(choice)
    assert reasons(choice)[996] == "too_flat"
    all_flat = sharpness_table(dict.fromkeys(flat, 100.0), luma_stds=dict.fromkeys(flat, 5.0))
    assert len(ranking(choose(3, sharpness=all_flat))) == 3
    nothing = sharpness_table(dict.fromkeys(flat, 100.0), luma_stds=dict.fromkeys(flat, 2.0))
    assert ranking(choose(3, sharpness=nothing)) == []


@pytest.mark.parametrize(
    ("changed", "margins", "cards"),
    [
        ({296: 1.0, 996: 1.0}, {96: 0.3, 996: 0.3}, {96, 996}),
        # A title page has the ground of the pages after it.
        ({296: 0.2, 996: 1.0}, {96: 0.3, 996: 0.3}, {996}),
        # In a deck all pages look so.
        ({296: 1.0, 996: 1.0}, dict.fromkeys(SPANS, 0.3), set()),
        # A page in the middle is no card, whatever it looks like.
        ({296: 1.0, 396: 1.0}, {296: 0.3}, set()),
    ],
)
def test_title_and_end_cards_are_not_chosen(changed, margins, cards):
    frames = sorted({*SPANS, *OTHERS})
    likeness = clip_table(dict.fromkeys(frames, 0.0), title_card_similarities=dict.fromkeys(frames, 0.0) | margins)
    # 15 % of ten are one: two need more.
    settings = {"reject": RejectSettings(max_share=0.3)}
    choice = choose(5, changed_share=changed, clip_scores=likeness, settings=settings)
    assert {frame for frame, reason in reasons(choice).items() if reason == "title_card"} == cards
    assert not cards & set(ranking(choice))


def test_a_screen_of_a_short_time_is_chosen_beside_long_ones():
    short = {96: (0, 100), 106: (100, 110), 996: (450, 1000)}
    shows = {frame: picture(*line(row)) for row, frame in enumerate(short)}
    choice = choose(3, shows, spans=short)
    assert sorted(ranking(choice)) == [96, 106, 996]
    scores = [row["combined_score"] for row in choice.selections.to_pylist()]
    assert min(scores) < SelectionSettings().min_share_of_best * max(scores)


def test_without_edges_states_count_by_their_time_alone():
    choice = choose(3, shows={})
    assert sorted(ranking(choice)) == [96, 296, 396]


def test_a_recording_has_no_say_in_another_video():
    recording, other = case().measured, case(spans={}, shows={}).measured
    both = joined([recording, other])
    settings = SelectionSettings()
    num = len(recording.frame_indices)
    for own, part in ((recording, slice(0, num)), (other, slice(num, None))):
        np.testing.assert_array_equal(
            score_candidates(both, settings=settings).combined[part], score_candidates(own, settings=settings).combined
        )
        np.testing.assert_array_equal(judge(both, settings=settings).tiers[part], judge(own, settings=settings).tiers)
