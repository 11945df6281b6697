"""Transitions that the merger makes of probabilities, written as short strips of numbers."""

import pytest

from thumb_assets.shots.transitions import ShotStart, TransitionMerger
from thumb_assets.shots.windows import FramePrediction

NUM_FRAMES = 100


def starts_of(
    single: dict[int, float],
    many: range | tuple[int, ...] = (),
    black: range | tuple[int, ...] = (),
    *,
    threshold: float = 0.5,
    min_shot_seconds: float = 0,
    num_at_once: int = 50,
) -> list[ShotStart]:
    """Frames with that `single`, those with `many` at 0.9, those that are black; all others are still and lit."""
    merger = TransitionMerger(
        threshold=threshold, fade_threshold=12, min_shot_seconds=min_shot_seconds, seconds=[i / 25 for i in range(1000)]
    )
    predictions = [
        FramePrediction(i, single.get(i, 0.0), 0.9 if i in many else 0.0, 3.0 if i in black else 90.0)
        for i in range(NUM_FRAMES)
    ]
    starts = []
    for first in range(0, NUM_FRAMES, num_at_once):
        starts += merger.push(predictions[first : first + num_at_once])
    return starts + merger.finish(NUM_FRAMES)


def test_a_cut_starts_the_frame_after() -> None:
    assert starts_of({29: 0.9}) == [ShotStart(30, "cut", 0.9)]


def test_a_cut_over_two_frames_starts_after_the_peak() -> None:
    assert starts_of({29: 0.6, 30: 0.8}) == [ShotStart(31, "cut", 0.8)]
    assert starts_of({29: 0.8, 30: 0.6}) == [ShotStart(30, "cut", 0.8)]


def test_a_longer_one_is_a_dissolve_that_starts_after_its_peak() -> None:
    assert starts_of({35: 0.7}, range(30, 42)) == [ShotStart(36, "dissolve", 0.7)]
    assert starts_of({34: 0.6, 35: 0.7, 36: 0.65}) == [ShotStart(36, "dissolve", 0.7)]


def test_the_second_probability_alone_is_no_transition() -> None:
    assert starts_of({35: 0.4}, range(30, 42)) == []


def test_the_threshold_decides() -> None:
    assert starts_of({29: 0.5}) == []
    assert starts_of({29: 0.3}, threshold=0.25) == [ShotStart(30, "cut", 0.3)]


def test_out_of_black_is_a_fade_that_starts_after_the_black() -> None:
    assert starts_of({35: 0.7}, range(30, 42), range(20, 33)) == [ShotStart(36, "fade", 0.7)]
    assert starts_of({31: 0.7}, range(30, 42), range(20, 33)) == [ShotStart(33, "fade", 0.7)]


def test_out_and_in_are_one_fade() -> None:
    many = (*range(20, 30), *range(45, 55))
    assert starts_of({24: 0.6, 49: 0.8}, many, range(28, 47)) == [ShotStart(50, "fade", 0.8)]
    assert starts_of({24: 0.8, 49: 0.6}, many, range(28, 47)) == [ShotStart(47, "fade", 0.8)]
    # One half alone is enough, and the way between need not be black throughout.
    assert starts_of({24: 0.8}, many, range(32, 43)) == [ShotStart(43, "fade", 0.8)]


def test_dissolves_with_a_shot_between_are_two() -> None:
    many = (*range(20, 30), *range(45, 55))
    starts = starts_of({24: 0.8, 49: 0.6}, many)
    assert starts == [ShotStart(25, "dissolve", 0.8), ShotStart(50, "dissolve", 0.6)]


def test_cuts_into_and_out_of_black_are_two_cuts() -> None:
    starts = starts_of({29: 0.9, 49: 0.9}, (), range(30, 50))
    assert starts == [ShotStart(30, "cut", 0.9), ShotStart(50, "cut", 0.9)]


def test_a_fade_out_and_a_cut_to_the_picture_are_one_start() -> None:
    starts = starts_of({24: 0.8, 49: 0.9}, range(20, 30), range(28, 50))
    assert starts == [ShotStart(50, "fade", 0.8)]


def test_a_fade_out_that_ends_the_video_starts_no_shot() -> None:
    assert starts_of({85: 0.8}, range(80, 90), range(88, NUM_FRAMES)) == []
    assert starts_of({99: 0.8}) == []


def test_a_start_too_soon_is_ignored() -> None:
    assert starts_of({9: 0.9, 29: 0.9, 39: 0.9}, min_shot_seconds=0.6) == [ShotStart(30, "cut", 0.9)]
    assert [start.frame_index for start in starts_of({9: 0.9, 29: 0.9, 39: 0.9})] == [10, 30, 40]


@pytest.mark.parametrize("num_at_once", [1, 7, NUM_FRAMES])
def test_it_does_not_matter_how_predictions_arrive(num_at_once: int) -> None:
    many = (*range(20, 30), *range(45, 55))
    arguments = ({5: 0.9, 24: 0.6, 49: 0.8, 70: 0.7}, many, range(28, 47))
    assert starts_of(*arguments, num_at_once=num_at_once) == starts_of(*arguments)
