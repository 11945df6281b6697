"""Training: a hidden wish is found and wins, chance does not; order, threads and the others' videos have no say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thumb_assets.errors import BadInputError
from thumb_assets.learn.compare import is_better
from thumb_assets.learn.examples import examples_of
from thumb_assets.learn.labels import Label, LeftOut, merged
from thumb_assets.learn.train import MIN_LABELS, Training, train
from thumb_assets.select.measure import CandidateArrays, joined
from thumb_assets.select.score import score_candidates
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets_tests.unit.learn.builders import labels_along, labels_by_chance, made_up


def trained(measured: CandidateArrays, labels: list[Label]) -> Training:
    left_out = LeftOut()
    examples = examples_of(merged(labels), measured, left_out=left_out)
    assert left_out.rows == {}
    return train(examples, score_candidates(measured, settings=SelectionSettings()).combined)


def test_a_hidden_wish_is_found_and_wins_on_videos_that_were_held_out() -> None:
    measured = made_up(12, 20)
    training = trained(measured, labels_along(measured, noise=0.05))
    at_3, srcc = training.compared["precision@3"], training.compared["srcc"]
    assert training.is_better
    assert at_3.learned.mean > 0.9
    assert at_3.hand_made.mean < 0.7
    assert at_3.difference.mean == pytest.approx(at_3.learned.mean - at_3.hand_made.mean)
    assert srcc.learned.mean > 0.6 > abs(srcc.hand_made.mean)
    assert (training.num_labels, training.num_videos, training.warnings) == (240, 12, ())


def test_the_head_ranks_videos_it_has_never_seen() -> None:
    measured = made_up(12, 20)
    head = trained(measured, labels_along(measured)).head
    other = made_up(6, 20, seed=5)
    wanted = np.array([label.target for label in labels_along(other)])
    scores = head.scores(other)
    assert scores[wanted == 1].mean() > scores[wanted == 0].mean() + 0.3


def test_what_people_choose_by_chance_is_not_learned() -> None:
    """4 of 60 such trainings win; by a rule that only compares the two orders 17 would."""
    measured = made_up(12, 20)
    trainings = [trained(measured, labels_by_chance(measured, seed=seed)) for seed in range(12)]
    assert sum(training.is_better for training in trainings) <= 2
    assert abs(np.mean([training.compared["srcc"].learned.mean for training in trainings])) < 0.1


def test_what_was_learned_of_one_video_is_kept_and_does_not_win() -> None:
    measured = made_up(1, 60)
    training = trained(measured, labels_along(measured, noise=0.05))
    assert is_better(training.compared), "on its own frames it is better"
    assert (training.num_videos, training.is_better) == (1, False)


def test_a_wish_that_the_hand_made_scores_know_already_is_no_win() -> None:
    measured = made_up(12, 20)
    combined = score_candidates(measured, settings=SelectionSettings()).combined
    labels = [
        Label(video_id, frame, value)
        for video, video_id in enumerate(measured.video_ids)
        for frame, value in zip(
            measured.frame_indices[measured.span(video)].tolist(), combined[measured.span(video)].tolist(), strict=True
        )
    ]
    training = trained(measured, labels)
    assert training.compared["srcc"].hand_made.mean == pytest.approx(1)
    assert training.compared["srcc"].learned.mean > 0.5
    assert not training.is_better


@settings(max_examples=8)
@given(data=st.data())
def test_the_order_of_labels_changes_no_byte(data: st.DataObject) -> None:
    measured = made_up(4, 8)
    labels = labels_along(measured)
    labels += [Label(measured.video_ids[0], 0, 0.3, 0.1), Label(measured.video_ids[0], 0, 0.7)]
    shuffled = data.draw(st.permutations(labels))
    one, other = trained(measured, labels), trained(measured, shuffled)
    assert one.head.weights.tobytes() == other.head.weights.tobytes()
    assert one.facts() == other.facts()


def test_nor_does_the_order_of_videos() -> None:
    parts = [replace(made_up(1, 8, seed=number), video_ids=(f"video-{number}",)) for number in range(5)]
    one = joined(parts)
    other = joined([parts[place] for place in (3, 0, 4, 2, 1)])
    labels = labels_along(one)
    assert trained(one, labels).facts() == trained(other, labels).facts()
    assert trained(one, labels).head.weights.tobytes() == trained(other, labels).head.weights.tobytes()


def test_one_video_is_split_by_frames_with_a_warning() -> None:
    measured = made_up(1, 200)
    training = trained(measured, labels_along(measured))
    assert "one video" in training.warnings[0]
    assert training.compared["precision@3"].learned.mean > 0.8


def test_labels_that_never_differ_within_a_video_say_nothing_of_an_order() -> None:
    measured = made_up(6, 4)
    labels = [
        Label(video_id, frame, float(video % 2))
        for video, video_id in enumerate(measured.video_ids)
        for frame in (0, 10, 20, 30)
    ]
    training = trained(measured, labels)
    assert not training.is_better
    assert training.compared["srcc"].learned.mean is None
    assert "too few videos" in training.warnings[0]


@pytest.mark.parametrize("num_labels", [0, 1, MIN_LABELS - 1])
def test_too_few_labels_are_said_with_the_least_number(num_labels: int) -> None:
    measured = made_up(2, 20)
    with pytest.raises(BadInputError, match=rf"^{num_labels} usable labels, and at least {MIN_LABELS} are needed"):
        trained(measured, labels_along(measured)[:num_labels])


def test_labels_that_all_say_the_same_are_refused() -> None:
    measured = made_up(2, 20)
    with pytest.raises(BadInputError, match="all 20 labels are the same"):
        trained(measured, [label for label in labels_along(measured) if label.target == 1])


def test_the_least_labels_in_uneven_videos_are_enough() -> None:
    measured = made_up(2, 20)
    labels = labels_along(measured)
    assert trained(measured, [*labels[:9], labels[-1]]).num_labels == MIN_LABELS


def test_what_cannot_be_used_is_named_by_reason() -> None:
    whole, other = made_up(2, 20), made_up(1, 20, seed=3, model="other (none)")
    other = replace(other, video_ids=("video-other",))
    bare = replace(made_up(1, 20), video_ids=("video-bare",), embeddings=(np.zeros((20, 0), np.float16),))
    measured = joined([other, whole, bare])
    labels = labels_along(whole)
    extra = [("video-other", 0), ("video-bare", 10), ("video-gone", 0), (whole.video_ids[0], 7), ("video-other", 10)]
    left_out = LeftOut()
    examples = examples_of(merged([*labels, *(Label(*frame, 1.0) for frame in extra)]), measured, left_out=left_out)
    assert examples is not None
    assert (len(examples.targets), examples.num_videos, examples.embedding_model) == (40, 2, "made-up (none)")
    assert left_out.lines() == [
        "left out (1 row, video-bare frame 10): has no embedding; run the stage `clip_scores`",
        "left out (2 rows, video-other frame 0, ...): its embedding is of another model than most: made-up (none)",
        "left out (1 row, video-gone frame 0): its video has no candidate frames yet; run it first",
        "left out (1 row, video-00000000 frame 7): no candidate frame of its video",
    ]
