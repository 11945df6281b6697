"""The review's queue: its order, what is left, and two people at once."""

from pathlib import Path

import pytest

from thumb_assets.desk.review_queue import CLAIM_SECONDS, Reviews
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.decisions import decide
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.unit.store.builders import write_video

VIDEOS = ["a-1", "b-1", "c-1"]
ANN, BEN = "ann-at-work", "ben-at-work"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    store = TableStore(tmp_path)
    for video_id in VIDEOS:
        write_video(store, video_id)
        store.delete("decisions", video_id)
    Catalog(store.catalog_path).rebuild(store)
    return store


def decide_of(store: TableStore, video_id: str) -> None:
    decide(store, video_id, {0: "cover"})
    Catalog(store.catalog_path).index_video(store, video_id, table_names=("decisions",))


def test_what_is_decided_is_done_and_the_next_one_comes(store: TableStore) -> None:
    reviews = Reviews(store)
    first = reviews.next(ANN)
    assert (first.num_done, first.num_videos, first.video_id) == (0, 3, "a-1")
    decide_of(store, "a-1")
    second = reviews.next(ANN)
    assert (second.num_done, second.video_id) == (1, "b-1")


def test_a_review_goes_on_where_it_ended(store: TableStore) -> None:
    before = Reviews(store)
    before.keep("a-1")
    before.next(ANN, after="b-1")
    again = Reviews(store).next(BEN)
    assert (again.num_done, again.video_id) == (1, "c-1")
    decide_of(store, "c-1")
    assert Reviews(store).next(BEN).video_id == "b-1"


def test_what_is_left_for_later_comes_at_the_end_in_that_order(store: TableStore) -> None:
    reviews = Reviews(store)
    assert reviews.next(ANN, after="b-1").video_id == "a-1"
    assert reviews.next(ANN, after="a-1").video_id == "c-1"
    assert reviews.next(ANN, after="c-1").video_id == "b-1"


def test_two_people_never_have_the_same_video(store: TableStore) -> None:
    reviews = Reviews(store)
    assert reviews.next(ANN).video_id == "a-1"
    ben = reviews.next(BEN)
    assert (ben.video_id, ben.num_others) == ("b-1", 1)
    assert not reviews.keep_claim(BEN, "a-1")
    assert reviews.keep_claim(ANN, "a-1")
    assert reviews.next("third-person").video_id == "c-1"
    fourth = reviews.next("fourth-person")
    assert (fourth.video_id, fourth.num_others) == (None, 3)
    reviews.leave(ANN)
    assert reviews.next("fourth-person").video_id == "a-1"


def test_a_page_that_was_closed_without_a_word_loses_its_video(store: TableStore) -> None:
    clock = Clock()
    reviews = Reviews(store, clock=clock)
    reviews.next(ANN)
    clock.now = CLAIM_SECONDS - 1
    assert reviews.next(BEN).video_id == "b-1"
    clock.now = CLAIM_SECONDS + 1
    assert reviews.next(BEN).video_id == "a-1"


def test_a_mark_can_be_taken_back(store: TableStore) -> None:
    reviews = Reviews(store)
    reviews.keep("a-1")
    assert reviews.next(ANN).video_id == "b-1"
    reviews.take_up("a-1", ANN)
    progress = reviews.progress(ANN)
    assert (progress.num_done, progress.video_id) == (0, "a-1")
    assert reviews.next(BEN).video_id == "b-1"
