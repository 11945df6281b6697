"""Words of the review about a scorer that learns from the decisions."""

from pathlib import Path

from thumb_assets.desk.learning import Lessons, sentence_of
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.processes import wait_until
from thumb_assets_tests.unit.learn.builders import labels_along, labels_by_chance, made_up
from thumb_assets_tests.unit.learn.test_train import trained
from thumb_assets_tests.unit.store.builders import write_video


def test_a_better_scorer_is_told_of_once_there_are_more_decisions_than_it_knows() -> None:
    measured = made_up(12, 20)
    training = trained(measured, labels_along(measured, noise=0.05))
    sentence = sentence_of(training, stored=0)
    assert "is now better than the weights" in sentence
    assert "(240 decisions on 12 videos)" in sentence
    assert "`thumb-assets learn`" in sentence
    assert sentence_of(training, stored=240) == ""


def test_a_scorer_that_is_not_better_is_not_told_of() -> None:
    measured = made_up(12, 20)
    training = trained(measured, labels_by_chance(measured))
    assert not training.is_better
    assert sentence_of(training, stored=0) == ""


def test_too_few_decisions_are_no_failure(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    write_video(store, "a-1")
    lessons = Lessons(store, load_settings())
    lessons.look(4)
    assert lessons._thread is None
    lessons.look(5)
    wait_until(lambda: not lessons._thread.is_alive(), "the training ends")
    assert lessons.sentence == ""
