import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from thumb_assets.errors import ContractError
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.outcomes import Outcome, failed_video_ids, read_outcomes, record_outcomes
from thumb_assets.store.parquet import TableStore

VIDEO = "clip-01234567"


@pytest.fixture
def store(data_dir):
    return TableStore(data_dir)


def _done(stage, *, video_id=VIDEO, num_rows=1):
    return Outcome(video_id, stage, "done", None, None, num_rows, "/videos/clip.mp4")


def _failed(stage, *, video_id=VIDEO, message="no video stream"):
    return Outcome(video_id, stage, "failed", message, True, None, "/videos/clip.mp4")


def test_the_last_try_of_each_stage_counts(store):
    assert read_outcomes(store, VIDEO) == []
    record_outcomes(store, VIDEO, [_done("videos"), _failed("shots")])
    record_outcomes(store, VIDEO, [_done("shots", num_rows=4), _failed("frames"), _done("frames", num_rows=9)])
    assert read_outcomes(store, VIDEO) == [_done("videos"), _done("frames", num_rows=9), _done("shots", num_rows=4)]


def test_nothing_to_record_writes_nothing(store):
    record_outcomes(store, VIDEO, [])
    assert not store.has("outcomes", VIDEO)


def test_a_stage_without_a_table_is_done_without_rows(store):
    record_outcomes(store, VIDEO, [_done("catalog", num_rows=None)])
    assert read_outcomes(store, VIDEO)[0].num_rows is None


def test_text_becomes_one_line_of_utf8(store):
    row = Outcome(VIDEO, "videos", "failed", "two\nlines \udcff", False, None, "/videos/a\udcff.mp4")
    record_outcomes(store, VIDEO, [row])
    stored = read_outcomes(store, VIDEO)[0]
    assert stored.message == "two lines \\udcff"
    assert stored.source_path == "/videos/a\\udcff.mp4"


def test_failed_videos_are_those_whose_last_try_failed(store):
    record_outcomes(store, "b-1", [_failed("videos", video_id="b-1")])
    record_outcomes(store, "a-1", [_failed("shots", video_id="a-1"), _done("videos", video_id="a-1")])
    record_outcomes(store, "c-1", [_failed("shots", video_id="c-1")])
    record_outcomes(store, "c-1", [_done("shots", video_id="c-1")])
    assert failed_video_ids(store) == ["a-1", "b-1"]


def test_a_corrupt_table_counts_as_failed_and_is_begun_anew(store, caplog):
    record_outcomes(store, VIDEO, [_done("videos")])
    store.table_path("outcomes", VIDEO).write_bytes(b"junk")
    with pytest.raises(ContractError, match="delete it"):
        read_outcomes(store, VIDEO)
    assert failed_video_ids(store) == [VIDEO]
    record_outcomes(store, VIDEO, [_done("shots")])
    assert read_outcomes(store, VIDEO) == [_done("shots")]
    assert "started again" in caplog.text


def test_a_table_of_the_former_contract_is_read_and_merged_and_nothing_of_it_is_lost(store):
    path = store.table_path("outcomes", VIDEO)
    path.parent.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("former") / "outcomes-1.parquet", path)
    assert "blocked_by" not in pq.read_schema(path).names
    cause = _failed("sharpness", message="/videos/clip.mp4: frame 3 cannot be decoded")
    skipped = Outcome(
        VIDEO, "faces", "skipped", "no file of weights", None, None, "/videos/clip.mp4", attempt_key="key of the try"
    )
    blocked = replace(_failed("selections", message="not run, because sharpness was failed"), blocked_by="sharpness")
    former = [_done("videos"), cause, skipped, blocked]
    assert read_outcomes(store, VIDEO) == former
    Catalog(store.catalog_path).rebuild(store)
    (shown,) = Catalog(store.catalog_path).query("SELECT stage FROM failures WHERE blocked_by IS NULL")
    assert shown == {"stage": "sharpness"}
    record_outcomes(
        store, VIDEO, [replace(_failed("stills", message="not run: sharpness failed"), blocked_by="sharpness")]
    )
    assert read_outcomes(store, VIDEO)[:-1] == former
    assert read_outcomes(store, VIDEO)[-1].blocked_by == "sharpness"
    assert store.footer("outcomes", VIDEO)["schema_version"] == "2"


def test_rows_of_another_video_are_refused(store):
    with pytest.raises(ContractError, match="other-1"):
        record_outcomes(store, VIDEO, [_done("videos", video_id="other-1")])


@pytest.mark.parametrize(
    ("status", "is_permanent", "num_rows"), [("failed", None, None), ("done", True, 1), ("skipped", None, 3)]
)
def test_fields_that_contradict_the_status_are_refused(status, is_permanent, num_rows):
    with pytest.raises(ContractError, match="videos on clip"):
        Outcome(VIDEO, "videos", status, "why", is_permanent, num_rows, "/x")
