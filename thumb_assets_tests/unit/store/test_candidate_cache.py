"""The cache against the tables it is made from: the same values, and only what changed is read again."""

import shutil
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.what_if import score_tables, write_clip_scores, write_library
from thumb_assets.errors import StorageError
from thumb_assets.select.measure import TABLES_OF_SCORES, CandidateArrays, FaceArrays, arrays_from_tables, joined
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.decisions import decide
from thumb_assets.store.outcomes import Outcome, record_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import empty_table, table_from_rows
from thumb_assets_tests.support.events import Heard
from thumb_assets_tests.unit.store.builders import FOOTER, table

IDS = [f"video-{number:08x}" for number in range(4)]
FIRST, SECOND, *_ = IDS


@pytest.fixture
def store(data_dir: Path) -> TableStore:
    store = TableStore(data_dir)
    write_library(store, len(IDS), 9)
    return store


def read(store: TableStore, video_ids: list[str] | None = None):
    """The candidates, and the videos whose tables were read for them."""
    heard = Heard()
    stored = CandidateCache(store, video_ids, events=heard).candidates()
    return stored, sorted(set(heard.videos))


def from_tables(store: TableStore, video_id: str) -> CandidateArrays:
    tables = {name: store.read_or_none(name, video_id) for name in TABLES_OF_SCORES}
    scores = replace(score_tables(tables), embedding_model="made-up (none)")  # as `write_library` writes it
    return arrays_from_tables(store.read("candidate_frames", video_id), scores)


def assert_same(one: CandidateArrays, other: CandidateArrays) -> None:
    assert one.video_ids == other.video_ids
    for owner, of_one, of_other in ((CandidateArrays, one, other), (FaceArrays, one.faces, other.faces)):
        for field in fields(owner):
            if field.name not in {"video_ids", "iqa", "faces", "values", "embeddings", "descriptors"}:
                np.testing.assert_array_equal(getattr(of_one, field.name), getattr(of_other, field.name), field.name)
    for of_one, of_other in ((one.iqa, other.iqa), (one.values, other.values)):
        assert of_one.keys() == of_other.keys()
        for name, values in of_one.items():
            np.testing.assert_array_equal(values, of_other[name], name)
    for vectors, of_other in ((one.embeddings, other.embeddings), (one.descriptors, other.descriptors)):
        for each, its_other in zip(vectors, of_other, strict=True):
            np.testing.assert_array_equal(each, its_other)


def of_video(stored, video_id: str) -> slice:
    place = stored.measured.video_ids.index(video_id)
    return slice(*stored.measured.offsets[place : place + 2].tolist())


def outcome(video_id: str, stage: str, status: str) -> Outcome:
    return Outcome(video_id, stage, status, "a reason", True if status == "failed" else None, None, "clip.mp4")


def test_what_is_read_is_what_the_tables_say(store: TableStore) -> None:
    for expected in (IDS, []):  # the second time nothing is read from tables
        stored, video_ids_read = read(store)
        assert video_ids_read == expected
        assert sorted(stored.measured.video_ids) == IDS
        assert_same(stored.measured, joined([from_tables(store, video_id) for video_id in stored.measured.video_ids]))
        for video_id in IDS:
            table = store.read("selections", video_id).sort_by("rank")
            assert list(stored.selections[video_id].frame_indices) == table.column("frame_index").to_pylist()
            assert list(stored.selections[video_id].pts_seconds) == table.column("pts_seconds").to_pylist()
        assert not stored.missing
        assert not stored.errors


def test_metrics_and_faces_may_differ_from_video_to_video(store: TableStore) -> None:
    scores = table("iqa_scores", 9, FIRST, metric="musiq")
    store.write("iqa_scores", scores, video_id=FIRST, footer=FOOTER | {"lower_better": '{"musiq": false}'})
    store.delete("faces", SECOND)
    store.write("faces", empty_table("faces"), video_id=IDS[2], footer=FOOTER)
    for _ in range(2):
        measured = read(store)[0].measured
        own = slice(*measured.offsets[measured.video_ids.index(FIRST) :][:2].tolist())
        frames = measured.frame_indices[own].tolist()
        known = {row["frame_index"]: row["iqa_score"] for row in scores.to_pylist()}
        np.testing.assert_array_equal(measured.iqa["musiq"][own], [known.get(frame, np.nan) for frame in frames])
        assert np.isnan(measured.iqa["piqe"][own]).all()
        has_faces = dict(zip(measured.video_ids, measured.has_faces.tolist(), strict=True))
        assert has_faces == {FIRST: True, SECOND: False, IDS[2]: True, IDS[3]: True}


def test_only_what_changed_is_read_again(store: TableStore) -> None:
    before, _ = read(store)
    store.write("sharpness", table("sharpness", 9, FIRST, laplacian_variance=7.0), video_id=FIRST, footer=FOOTER)
    after, video_ids_read = read(store)
    assert video_ids_read == [FIRST]
    assert_same(after.measured, joined([from_tables(store, video_id) for video_id in after.measured.video_ids]))
    changed = after.measured["laplacian_variance"][of_video(after, FIRST)]
    assert not np.array_equal(changed, before.measured["laplacian_variance"][of_video(before, FIRST)], equal_nan=True)
    store.delete("sharpness", FIRST)
    after, video_ids_read = read(store)
    assert video_ids_read == [FIRST]
    assert np.isnan(after.measured["laplacian_variance"][of_video(after, FIRST)]).all()


def test_a_video_that_is_gone_is_gone_and_a_new_one_there(store: TableStore) -> None:
    read(store)
    for folder in store.tables_dir.iterdir():
        (folder / f"{FIRST}.parquet").unlink(missing_ok=True)
    stored, video_ids_read = read(store)
    assert sorted(stored.measured.video_ids) == IDS[1:]
    assert video_ids_read == []
    assert ids_kept(store) == IDS[1:]
    write_library(store, 1, 5)
    stored, video_ids_read = read(store)
    assert sorted(stored.measured.video_ids) == IDS
    assert video_ids_read == [FIRST]


def test_some_videos_alone_leave_the_others_as_they_are(store: TableStore) -> None:
    read(store)
    stored, video_ids_read = read(store, [SECOND])
    assert stored.measured.video_ids == (SECOND,)
    assert video_ids_read == []
    assert read(store)[1] == []


@pytest.mark.parametrize(
    ("stage", "is_unknown"),
    [
        ("sharpness", lambda measured, own: np.isnan(measured["laplacian_variance"][own]).all()),
        ("appearance", lambda measured, own: np.isnan(measured["text_share"][own]).all()),
        ("frames", lambda measured, own: np.isnan(measured["motion"][own]).all()),
        ("shots", lambda measured, own: np.isnan(measured["cut_distance_seconds"][own]).all()),
        ("clip_scores", lambda measured, own: np.isnan(measured["clip_score"][own]).all()),
        ("iqa_scores", lambda measured, own: np.isnan(measured.iqa["piqe"][own]).all()),
        ("faces", lambda measured, _: not measured.has_faces[measured.video_ids.index(FIRST)]),
    ],
)
@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_a_table_whose_stage_was_not_done_since_is_not_used(store: TableStore, stage, is_unknown, status) -> None:
    read(store)
    record_outcomes(store, FIRST, [outcome(FIRST, stage, status)])
    stored, video_ids_read = read(store)
    assert video_ids_read == [FIRST]
    assert is_unknown(stored.measured, of_video(stored, FIRST))
    record_outcomes(store, FIRST, [outcome(FIRST, stage, "done")])
    stored, _ = read(store)
    assert not is_unknown(stored.measured, of_video(stored, FIRST))


@pytest.mark.parametrize("stage", ["videos", "candidate_frames", "selections"])
def test_a_video_without_what_is_needed_says_which_stage_to_run(store: TableStore, stage: str) -> None:
    record_outcomes(store, FIRST, [outcome(FIRST, stage, "failed")])
    store.delete(stage, SECOND)
    stored, _ = read(store)
    assert sorted(stored.measured.video_ids) == IDS[2:]
    assert stored.missing == {FIRST: stage, SECOND: stage}


def test_a_damaged_table_costs_its_video_alone(store: TableStore) -> None:
    store.table_path("clip_scores", FIRST).write_bytes(b"junk")
    store.table_path("outcomes", SECOND).parent.mkdir()
    store.table_path("outcomes", SECOND).write_bytes(b"junk")
    stored, _ = read(store)
    assert sorted(stored.measured.video_ids) == IDS[2:]
    assert sorted(stored.errors) == [FIRST, SECOND]
    assert str(store.table_path("clip_scores", FIRST)) in stored.errors[FIRST]
    assert not stored.missing


@pytest.mark.parametrize("harm", [shutil.rmtree, lambda folder: [path.write_bytes(b"x") for path in folder.iterdir()]])
def test_a_cache_that_is_lost_or_damaged_is_made_anew(store: TableStore, harm) -> None:
    before, _ = read(store)
    harm(store.data_dir / "what_if")
    after, video_ids_read = read(store)
    assert video_ids_read == IDS
    assert_same(after.measured, before.measured)
    assert read(store)[1] == []


def test_a_cache_that_cannot_be_written_costs_time_only(store: TableStore, caplog: pytest.LogCaptureFixture) -> None:
    (store.data_dir / "what_if").write_bytes(b"a file where the folder should be")
    for _ in range(2):
        stored, video_ids_read = read(store)
        assert video_ids_read == sorted(stored.measured.video_ids) == IDS
    assert caplog.text.count("cannot be kept") == 2  # once each time


def test_files_that_are_no_tables_are_passed_over(store: TableStore) -> None:
    (store.tables_dir / "candidate_frames" / "Copy of a table.parquet").write_bytes(b"junk")
    (store.tables_dir / "candidate_frames" / "notes.txt").write_bytes(b"junk")
    stored, _ = read(store)
    assert sorted(stored.measured.video_ids) == IDS
    assert not stored.errors


def test_embeddings_stand_by_candidate(store: TableStore) -> None:
    write_clip_scores(store, 1, 9, 16)  # the first video's have 16 dimensions, the others' 64
    rows = store.read("clip_scores", FIRST).to_pylist()
    nothing = {"embedding": None, "clip_score": None, "positive_similarity": None, "title_card_similarity": None}
    rows[3] |= {**nothing, "error": "not scored"}
    changed = table_from_rows("clip_scores", [_with_array(row) for row in rows if row is not rows[5]])
    store.write("clip_scores", changed, video_id=FIRST, footer=FOOTER | {"model_name": "m", "prompts_sha256": "p"})
    record_outcomes(store, SECOND, [outcome(SECOND, "clip_scores", "skipped")])
    for _ in range(2):
        stored, _ = read(store)
        assert sorted(stored.clip_footers) == [FIRST, *IDS[2:]]
        assert stored.clip_footers[FIRST] == {"model_name": "m", "prompts_sha256": "p"}
        found = dict(zip(stored.measured.video_ids, stored.measured.embeddings, strict=True))
        assert found[IDS[2]].shape == (9, 64)
        assert found[SECOND].shape == (9, 0)
        expected = np.array([np.full(16, np.nan) if n in {3, 5} else rows[n]["embedding"] for n in range(9)])
        np.testing.assert_array_equal(found[FIRST], expected.astype(np.float16))


def test_descriptors_and_hashes_stand_by_candidate(store: TableStore) -> None:
    rows = store.read("appearance", FIRST).to_pylist()
    nothing = {name: None for name in rows[4] if name not in {"video_id", "frame_index"}}
    rows[4] |= nothing | {"error": "not measured"}
    store.write(
        "appearance",
        table_from_rows("appearance", [_with_array(row, "descriptor") for row in rows]),
        video_id=FIRST,
        footer=FOOTER,
    )
    store.delete("appearance", SECOND)
    for _ in range(2):
        measured = read(store)[0].measured
        found = dict(zip(measured.video_ids, measured.descriptors, strict=True))
        assert np.isnan(found[FIRST][4]).all()
        others = [place for place in range(9) if place != 4]
        expected = np.array([rows[place]["descriptor"] for place in others], np.float16)
        np.testing.assert_array_equal(found[FIRST][others], expected)
        assert found[SECOND].shape == (9, 0)
        hashes = measured.difference_hash[measured.span(measured.video_ids.index(FIRST))]
        assert hashes[others].tolist() == [int(rows[place]["difference_hash"], 16) for place in others]


def test_what_people_decided_and_what_recurs_is_read_with_the_rest(store: TableStore) -> None:
    read(store)
    frame_index = int(store.read("candidate_frames", FIRST).column("frame_index")[2].as_py())
    decide(store, FIRST, {frame_index: "pin"})
    stored, video_ids_read = read(store)
    assert video_ids_read == [FIRST]
    assert stored.measured["decision"][of_video(stored, FIRST)].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0]
    decide(store, FIRST, {frame_index: None})
    rows = table("recurrences", 1, FIRST, frame_index=frame_index, num_videos=3)
    store.write("recurrences", rows, video_id=FIRST, footer={})
    stored, _ = read(store)
    own = of_video(stored, FIRST)
    assert not stored.measured["decision"][own].any()
    recurring = stored.measured["num_recurrences"][own]
    assert recurring[2] == 3
    assert np.isnan(np.delete(recurring, 2)).all()


def test_a_video_none_of_whose_candidates_was_embedded_has_no_embeddings(store: TableStore) -> None:
    failed = [{**row, "embedding": None, "clip_score": None, "error": "x"} for row in _rows(store, FIRST)]
    store.write("clip_scores", table_from_rows("clip_scores", failed), video_id=FIRST, footer=FOOTER)
    store.write("clip_scores", empty_table("clip_scores"), video_id=SECOND, footer=FOOTER)
    assert sorted(read(store)[0].clip_footers) == IDS[2:]


def test_a_video_without_candidates_has_none(store: TableStore) -> None:
    for name in ("candidate_frames", "sharpness", "appearance", "faces", "clip_scores", "iqa_scores", "selections"):
        footer = FOOTER | {"lower_better": "{}"}
        store.write(name, empty_table(name), video_id=FIRST, footer=footer)
    for _ in range(2):
        stored, _ = read(store)
        own = of_video(stored, FIRST)
        assert own.start == own.stop
        assert stored.selections[FIRST].frame_indices == ()


def _rows(store: TableStore, video_id: str) -> list[dict]:
    return store.read("clip_scores", video_id).to_pylist()


def _with_array(row: dict, name: str = "embedding") -> dict:
    vector = row[name]
    return row | {name: None if vector is None else np.array(vector, np.float16)}


def ids_kept(store: TableStore) -> list[str]:
    return sorted(
        video_id
        for path in (store.data_dir / "what_if").glob("measured-*.arrow")
        for video_id in pa.ipc.open_file(str(path)).read_all().column("video_id").to_pylist()
    )


def test_each_video_is_in_one_file_once(store: TableStore) -> None:
    read(store)
    assert ids_kept(store) == IDS


def test_a_folder_that_cannot_be_listed_is_one_line(store: TableStore) -> None:
    shutil.rmtree(store.tables_dir / "faces")
    (store.tables_dir / "faces").write_bytes(b"a file where the folder should be")
    with pytest.raises(StorageError, match="faces: cannot be read"):
        read(store)
