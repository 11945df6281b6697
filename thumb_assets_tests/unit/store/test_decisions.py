from pathlib import Path
from threading import Barrier, Thread

import pytest

from thumb_assets.errors import BadInputError
from thumb_assets.store.decisions import decide, pinned_frames
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import contract_problems, empty_table, table_from_rows
from thumb_assets_tests.unit.store.builders import FOOTER, row

VIDEO_ID = "video-00000000"


@pytest.fixture
def store(data_dir: Path) -> TableStore:
    """Ten frames, the last of which was not decoded."""
    store = TableStore(data_dir)
    rows = [row("frames", frame_index, VIDEO_ID) for frame_index in range(10)]
    rows[9] |= {"luma_hash": None, "chroma_hash": None}
    store.write("frames", table_from_rows("frames", rows), video_id=VIDEO_ID, footer=FOOTER)
    return store


def decisions(store: TableStore) -> dict[int, str]:
    return {row["frame_index"]: row["decision"] for row in store.read("decisions", VIDEO_ID).to_pylist()}


def test_decisions_add_up_in_order_and_the_last_word_counts(store):
    for frame_index, decision in ((7, "pin"), (2, "ban"), (5, "pin"), (7, "ban"), (0, "pin")):
        table = decide(store, VIDEO_ID, {frame_index: decision})
    assert contract_problems("decisions", table) == []
    assert store.read("decisions", VIDEO_ID).equals(table)
    assert decisions(store) == {0: "pin", 2: "ban", 5: "pin", 7: "ban"}
    assert pinned_frames(table) == [0, 5]


def test_what_is_taken_back_is_gone(store):
    decide(store, VIDEO_ID, {3: "pin"})
    decide(store, VIDEO_ID, {4: "ban"})
    assert pinned_frames(decide(store, VIDEO_ID, {3: None})) == []
    assert decisions(store) == {4: "ban"}
    decide(store, VIDEO_ID, {8: None})  # never decided: nothing to take back
    assert decide(store, VIDEO_ID, {4: None}).equals(empty_table("decisions"))


def test_the_same_again_writes_the_same(store):
    decide(store, VIDEO_ID, {3: "pin"})
    before = store.table_path("decisions", VIDEO_ID).read_bytes()
    decide(store, VIDEO_ID, {3: "pin"})
    assert store.table_path("decisions", VIDEO_ID).read_bytes() == before


@pytest.mark.parametrize(
    ("frame_index", "decision", "words"),
    [
        (10, "pin", "has no frame 10; its frames are 0 to 9"),
        (-1, "ban", "has no frame -1"),
        (9, "pin", "frame 9 was not decoded"),
    ],
)
def test_a_frame_that_cannot_be_had_is_refused_in_one_line(store, frame_index, decision, words):
    decide(store, VIDEO_ID, {1: "pin"})
    with pytest.raises(BadInputError, match=words) as error:
        decide(store, VIDEO_ID, {frame_index: decision})
    assert "\n" not in str(error.value)
    assert VIDEO_ID in str(error.value)
    assert decisions(store) == {1: "pin"}


def test_a_frame_that_was_not_decoded_can_be_banned(store):
    decide(store, VIDEO_ID, {9: "ban"})
    assert decisions(store) == {9: "ban"}


def test_a_video_whose_frames_are_not_known_says_what_to_run(store):
    with pytest.raises(BadInputError, match="run the stage `frames` first"):
        decide(store, "other-11111111", {0: "pin"})


def test_processes_that_decide_at_once_add_to_each_other(store: TableStore) -> None:
    barrier = Barrier(2)

    def ban(first: int) -> None:
        barrier.wait()
        for frame_index in range(first, 9, 2):
            decide(store, VIDEO_ID, {frame_index: "ban"})

    threads = [Thread(target=ban, args=(first,)) for first in (0, 1)]  # a lock is of an open file, not of a process
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read("decisions", VIDEO_ID).column("frame_index").to_pylist() == list(range(9))
