"""Batches of frames across videos, and what becomes of a model that fails."""

from collections.abc import Iterator, Sequence
from threading import Event

import pyarrow as pa
import pytest
import torch

from thumb_assets.errors import OutOfMemoryError, ThumbAssetsError
from thumb_assets.inference import use_cores
from thumb_assets.stages.kit.scorer import FrameScorer, ModelThread
from thumb_assets.tables.conform import empty_table

FRAMES: pa.Table = empty_table("frames")


class NumberedFrame:
    """All of a frame that a scorer reads."""

    def __init__(self, frame_index: int, shown_by: str | None = None) -> None:
        self.frame_index = frame_index
        self.shown_by = shown_by


def to_rows(video_id: str, frame_index: int, result: int | None, error: str | None) -> list[dict[str, object]]:
    return [{"video_id": video_id, "frame_index": frame_index, "value": result, "error": error}]


def scorer_of(score, batch_size: int = 4) -> FrameScorer:
    return FrameScorer("sharpness", lambda frame: frame.frame_index, score, to_rows, batch_size=batch_size)


def add(scorer: FrameScorer, video_id: str, indices: Sequence[int]) -> None:
    for index in indices:
        scorer.add(video_id, NumberedFrame(index))


def test_a_batch_fills_across_videos() -> None:
    batches: list[list[int]] = []
    scorer = scorer_of(lambda items: batches.append(list(items)) or [item * 10 for item in items])
    add(scorer, "a", [1, 2, 3])
    assert scorer.has_pending("a")
    add(scorer, "b", [7])
    assert batches == [[1, 2, 3, 7]]
    assert not scorer.has_pending("a")
    assert [row["value"] for row in scorer.take("a", None, FRAMES)] == [10, 20, 30]
    assert [row["value"] for row in scorer.take("b", [7], FRAMES)] == [70]
    assert scorer.take("a", None, FRAMES) == []


def test_a_picture_that_was_scored_in_its_video_is_not_scored_again() -> None:
    scored: list[int] = []
    scorer = scorer_of(lambda items: scored.extend(items) or [item * 10 for item in items], batch_size=2)
    for video_id, index, shown_by in [("a", 1, "x"), ("a", 2, "y"), ("a", 3, "x"), ("b", 4, "x"), ("a", 5, None)]:
        scorer.add(video_id, NumberedFrame(index, shown_by))
    rows = scorer.take("a", [2, 3, 5], FRAMES)
    assert scored == [1, 2, 4, 5]
    assert [(row["frame_index"], row["value"]) for row in rows] == [(2, 20), (3, 10), (5, 50)]
    assert [row["value"] for row in scorer.take("b", None, FRAMES)] == [40]
    scorer.add("a", NumberedFrame(6, "x"))  # another run over the same video
    assert [row["value"] for row in scorer.take("a", None, FRAMES)] == [60]


def test_a_picture_that_fails_fails_wherever_it_is_shown() -> None:
    def score(items: Sequence[int]) -> list[int]:
        if 1 in items:
            raise ValueError("no such picture")
        return list(items)

    scorer = scorer_of(score, batch_size=1)
    for index, shown_by in [(1, "x"), (2, "x"), (3, "y")]:
        scorer.add("a", NumberedFrame(index, shown_by))
    errors = [row["error"] for row in scorer.take("a", None, FRAMES)]
    assert errors == ["ValueError: no such picture", "ValueError: no such picture", None]


def test_rows_nobody_asked_for_are_dropped() -> None:
    scorer = scorer_of(list, batch_size=1)
    add(scorer, "a", [1, 2, 3])
    assert [row["frame_index"] for row in scorer.take("a", [3, 1], FRAMES)] == [3, 1]


def test_a_frame_that_never_came_is_an_error_and_no_table_without_it() -> None:
    scorer = scorer_of(list, batch_size=1)
    add(scorer, "a", [1, 2, 3])
    with pytest.raises(ThumbAssetsError, match="1 of 3 candidate frames never came"):
        scorer.take("a", [3, 1, 9], FRAMES)
    with pytest.raises(ThumbAssetsError, match="2 of 2"):
        scorer.take("a", [3, 1], FRAMES)


def fail_on(bad: set[int], error: Exception):
    def score(items: Sequence[int]) -> list[int]:
        if bad & set(items):
            raise error
        return list(items)

    return score


def test_a_bad_frame_costs_itself_alone() -> None:
    scorer = scorer_of(fail_on({2}, RuntimeError("cannot\nsee it")))
    add(scorer, "a", [1, 2, 3, 4])
    rows = scorer.take("a", None, FRAMES)
    assert [row["error"] for row in rows] == [None, "RuntimeError: cannot", None, None]


def test_a_model_that_fails_on_every_frame_fails_the_stage() -> None:
    scorer = scorer_of(fail_on({1, 2, 3, 4}, RuntimeError("device lost")))
    add(scorer, "a", [1, 2, 3, 4])
    with pytest.raises(ThumbAssetsError, match="device lost"):
        scorer.take("a", None, FRAMES)
    add(scorer, "b", [5, 6, 7, 8])
    assert len(scorer.take("b", None, FRAMES)) == 4


def test_want_of_memory_is_no_property_of_a_frame() -> None:
    scorer = scorer_of(fail_on({2}, OutOfMemoryError("too large a batch")))
    add(scorer, "a", [1, 2, 3, 4])
    with pytest.raises(OutOfMemoryError):
        scorer.take("a", None, FRAMES)


def test_a_forgotten_video_leaves_nothing() -> None:
    scorer = scorer_of(list)
    add(scorer, "a", [1, 2])
    scorer.forget("a")
    add(scorer, "b", [3])
    scorer.flush()
    assert scorer.take("a", None, FRAMES) == []
    assert len(scorer.take("b", None, FRAMES)) == 1


@pytest.fixture
def models() -> Iterator[ModelThread]:
    with ModelThread() as executor:
        yield executor


def test_frames_go_on_arriving_while_the_model_works(models: ModelThread) -> None:
    may_answer = Event()
    scorer = scorer_of(lambda items: [item * 10 for item in items if may_answer.wait(60)], batch_size=2)
    scorer.executor = models
    add(scorer, "a", [1, 2, 3])  # would wait for ever if the first batch were waited for
    assert scorer.has_pending("a")
    may_answer.set()
    assert [row["value"] for row in scorer.take("a", None, FRAMES)] == [10, 20, 30]
    assert not scorer.has_pending("a")


def test_no_more_than_a_few_batches_wait_for_the_model(models: ModelThread) -> None:
    asked: list[int] = []
    scorer = scorer_of(lambda items: asked.extend(items) or list(items), batch_size=1)
    scorer.executor = models
    for index in range(20):
        add(scorer, "a", [index])
        assert len(asked) >= index - 2
    assert len(scorer.take("a", None, FRAMES)) == 20


def test_a_video_forgotten_while_the_model_works_leaves_nothing(models: ModelThread) -> None:
    may_answer = Event()
    scorer = scorer_of(lambda items: list(items) if may_answer.wait(60) else [], batch_size=2)
    scorer.executor = models
    add(scorer, "a", [1])
    add(scorer, "b", [2])
    scorer.forget("a")
    assert not scorer.has_pending("a")
    may_answer.set()
    assert scorer.take("a", None, FRAMES) == []
    assert [row["value"] for row in scorer.take("b", None, FRAMES)] == [2]


def test_the_model_gets_all_cores_where_the_decoder_waits_for_it(models: ModelThread) -> None:
    use_cores(is_shared=False)  # another test of this thread may have left it with half
    num_cores = torch.get_num_threads()
    used: list[int] = []
    may_answer = Event()

    def score(items: list[int]) -> list[int]:
        used.append(torch.get_num_threads())
        return list(items) if may_answer.wait(60) else []

    scorer = scorer_of(score, batch_size=1)
    scorer.executor = models
    add(scorer, "a", [1])
    may_answer.set()
    assert len(scorer.take("a", None, FRAMES)) == 1  # has waited, so the next batch is the model's own
    add(scorer, "a", [2])
    assert len(scorer.take("a", None, FRAMES)) == 1
    assert used[:2] == [max(1, num_cores // 2), num_cores]
