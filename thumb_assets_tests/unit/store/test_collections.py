"""Collections of frames: kept with the decisions, whatever happens to tables, files and copies."""

from pathlib import Path

import pytest

from thumb_assets.errors import BadInputError, ContractError
from thumb_assets.store.collections import collect, collections, frames_of, rename_collection, verify_collection_name
from thumb_assets.store.decision_records import DecisionRecords, Record, record_of
from thumb_assets.store.decisions import decide, settle_decisions
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.mirrored_decisions import MirroredDecisions
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import table_from_rows
from thumb_assets_tests.unit.store.builders import FOOTER, NUM_FRAMES, row

VIDEO_ID, OTHER_ID = "clip-aaaaaaaa", "other-bbbbbbbb"


def write_frames(store: TableStore, video_id: str = VIDEO_ID, *, sha256: str = "a" * 64) -> None:
    rows = [
        row("frames", index, video_id, luma_hash=f"{index:032x}", pts_seconds=index / 10) for index in range(NUM_FRAMES)
    ]
    store.write("frames", table_from_rows("frames", rows), video_id=video_id, footer=FOOTER | {"video_sha256": sha256})


@pytest.fixture
def store(data_dir: Path) -> TableStore:
    store = TableStore(data_dir)
    write_frames(store)
    return store


def names_and_frames(store: TableStore) -> dict[str, list[int]]:
    return {name: [frame.frame_index for frame in frames] for name, frames in collections(store).items()}


def test_frames_go_in_and_out(store: TableStore) -> None:
    assert collect(store, "best", VIDEO_ID, [5, 2, 5]) == 2
    assert collect(store, "best", VIDEO_ID, [2, 7]) == 1
    assert collect(store, "Städte & <b>", VIDEO_ID, [2]) == 1
    assert names_and_frames(store) == {"Städte & <b>": [2], "best": [2, 5, 7]}
    assert collect(store, "best", VIDEO_ID, [2, 3], is_in=False) == 1
    assert names_and_frames(store)["best"] == [5, 7]
    assert collect(store, "best", VIDEO_ID, [2]) == 1
    assert names_and_frames(store)["best"] == [2, 5, 7]
    assert [each.offset_seconds for each in collections(store)["best"]] == pytest.approx([0.2, 0.5, 0.7])


def test_a_collection_gets_another_name_or_joins_another_or_is_gone(store: TableStore) -> None:
    write_frames(store, OTHER_ID, sha256="b" * 64)
    collect(store, "best", VIDEO_ID, [2, 5])
    collect(store, "best", OTHER_ID, [3])
    collect(store, "night", VIDEO_ID, [5, 9])
    assert sorted(rename_collection(store, "best", " Städte ")) == [VIDEO_ID, OTHER_ID]
    assert names_and_frames(store) == {"Städte": [2, 5, 3], "night": [5, 9]}
    assert rename_collection(store, "night", "night") == []
    rename_collection(store, "night", "Städte")
    assert names_and_frames(store) == {"Städte": [2, 5, 9, 3]}
    assert [each.offset_seconds for each in collections(store)["Städte"]] == pytest.approx([0.2, 0.5, 0.9, 0.3])
    for name, new_name in (("best", "x"), ("Städte", " "), ("Städte", "a\x1bb")):
        with pytest.raises(BadInputError):
            rename_collection(store, name, new_name)
    rename_collection(store, "Städte", None)
    assert names_and_frames(store) == {}
    collect(store, "Städte", VIDEO_ID, [5])
    assert names_and_frames(store) == {"Städte": [5]}


def test_decisions_and_collections_leave_each_other_alone(store: TableStore) -> None:
    collect(store, "best", VIDEO_ID, [5])
    assert not store.has("decisions", VIDEO_ID), "nothing that a stage reads follows from it"
    decide(store, VIDEO_ID, {5: "pin", 6: "ban"})
    collect(store, "best", VIDEO_ID, [5], is_in=False)
    decide(store, VIDEO_ID, {6: None})
    table = store.read("decisions", VIDEO_ID).to_pylist()
    assert [(each["frame_index"], each["decision"]) for each in table] == [(5, "pin")]
    assert names_and_frames(store) == {}


def test_a_record_without_collections_is_as_it_was(store: TableStore) -> None:
    decide(store, VIDEO_ID, {5: "pin"})
    content = DecisionRecords(store).path("a" * 64).read_bytes()
    assert b'"version": 1' in content
    assert b"collected" not in content
    collect(store, "best", VIDEO_ID, [5])
    content = DecisionRecords(store).path("a" * 64).read_bytes()
    assert record_of(content).to_bytes() == content


def test_the_copy_is_read_where_the_record_is_damaged_or_gone(store: TableStore) -> None:
    collect(store, "best", VIDEO_ID, [5])
    records = DecisionRecords(store)
    for damage in (lambda path: path.write_bytes(path.read_bytes()[:-9]), Path.unlink):
        damage(records.path("a" * 64))
        assert names_and_frames(store) == {"best": [5]}
        collect(store, "best", VIDEO_ID, [6])
        collect(store, "best", VIDEO_ID, [6], is_in=False)
    for path in (records.path("a" * 64), records.copy_path("a" * 64)):
        path.write_bytes(b"{}")
    with pytest.raises(ContractError):
        collect(store, "best", VIDEO_ID, [6])


def test_it_follows_to_a_new_encoding_of_the_same_file(store: TableStore, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    collect(store, "best", VIDEO_ID, [5], path=str(path))
    collect(store, "gone", VIDEO_ID, [5], path=str(path))
    collect(store, "gone", VIDEO_ID, [5], is_in=False)
    new = "clip-bbbbbbbb"
    write_frames(store, new, sha256="b" * 64)
    video = LibraryVideo(new, path, "b" * 64, 1)
    settle_decisions(store, video)
    assert not store.has("decisions", new)
    (frame,) = collections(store, [video])["best"]
    assert (frame.video_id, frame.frame_index, frame.is_here) == (new, 5, True)
    assert set(collections(store, [video])) == {"best"}


def test_machines_agree(store: TableStore, tmp_path: Path) -> None:
    other = TableStore(tmp_path / "other")
    write_frames(other)
    there = (tmp_path / "shared").as_uri()
    collect(store, "best", VIDEO_ID, [1])
    collect(other, "best", VIDEO_ID, [2])
    for each in (store, other, store):
        MirroredDecisions(there, each).sync()
    assert names_and_frames(store) == names_and_frames(other) == {"best": [1, 2]}


def test_what_cannot_be_collected_is_refused(store: TableStore) -> None:
    for name in ("", "  ", "a\nb", "x" * 101, "a\x1b[2J"):
        with pytest.raises(BadInputError):
            verify_collection_name(name)
    for frame in (-1, NUM_FRAMES):
        with pytest.raises(BadInputError):
            collect(store, "best", VIDEO_ID, [1, frame])
    assert names_and_frames(store) == {}
    with pytest.raises(BadInputError, match="no collection 'best'"):
        frames_of(collections(store), "best")


def test_merging_takes_the_later_word_of_each_collection(store: TableStore) -> None:
    collect(store, "a", VIDEO_ID, [1])
    before = DecisionRecords(store).read("a" * 64)
    collect(store, "a", VIDEO_ID, [1], is_in=False)
    collect(store, "b", VIDEO_ID, [1])
    after = DecisionRecords(store).read("a" * 64)
    assert before is not None
    assert after is not None
    merged = [one.merged_with(other) for one, other in ((before, after), (after, before))]
    assert merged[0].collected == merged[1].collected == after.collected
    assert Record("x", "y").merged_with(after).collected == after.collected
