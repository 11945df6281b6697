import json
import multiprocessing
import sqlite3
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thumb_assets.errors import BadInputError, ContractError, MissingInputError, StorageError
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.catalog_schema import create_statements
from thumb_assets.store.database import DamagedDatabaseError, LockedDatabaseError, open_database
from thumb_assets.store.outcomes import Outcome, record_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import empty_table
from thumb_assets.tables.contracts import TABLES
from thumb_assets.tables.declaration import Embedding
from thumb_assets_tests.unit.store.builders import FOOTER, NUM_FRAMES, index, table, write_video

VIDEO = "clip-01234567"


@pytest.fixture
def store(data_dir):
    return TableStore(data_dir)


@pytest.fixture
def catalog(store):
    return Catalog(store.catalog_path)


def _count(catalog, table_name, video_id=VIDEO):
    sql = f'SELECT count(*) AS n FROM "{table_name}" WHERE video_id = ?'
    return catalog.query(sql, (video_id,))[0]["n"]


class TestIndex:
    def test_holds_every_value_of_every_table(self, store, catalog):
        write_video(store, VIDEO)
        record_outcomes(store, VIDEO, [Outcome(VIDEO, "videos", "done", None, None, 1, "/x")])
        catalog.index_video(store, VIDEO)
        for name, contract in TABLES.items():
            order = ", ".join(contract.key)
            rows = catalog.query(f'SELECT * FROM "{name}" WHERE video_id = :id ORDER BY {order}', {"id": VIDEO})
            expected = store.read(name, VIDEO).to_pylist()
            assert len(rows) == len(expected) > 0
            for found, row in zip(rows, expected, strict=True):
                for column in contract.columns:
                    value = found[column.name]
                    if isinstance(column.type, Embedding):
                        value = np.frombuffer(value, "<f2").tolist()
                    elif pa.types.is_list(column.type):
                        value = json.loads(value)
                    assert value == row[column.name], (name, column.name)

    def test_embeddings_with_nulls_and_none_at_all(self, store, catalog):
        rows = table("clip_scores", 3, VIDEO).to_pylist()
        rows[1]["embedding"] = None
        schema = table("clip_scores", 3, VIDEO).schema
        for content in (pa.Table.from_pylist(rows, schema=schema), empty_table("clip_scores")):
            store.write("clip_scores", content, video_id=VIDEO, footer=FOOTER)
            catalog.index_video(store, VIDEO)
            blobs = [
                row["embedding"] for row in catalog.query("SELECT embedding FROM clip_scores ORDER BY frame_index")
            ]
            assert [blob and np.frombuffer(blob, "<f2").tolist() for blob in blobs] == [
                entry["embedding"] for entry in content.to_pylist()
            ]

    def test_again_replaces_and_drops_what_is_gone(self, store, catalog):
        for video_id in (VIDEO, "other-1"):
            write_video(store, video_id)
            catalog.index_video(store, video_id)
        write_video(store, VIDEO, num_selections=1)
        store.delete("faces", VIDEO)
        catalog.index_video(store, VIDEO)
        assert (_count(catalog, "selections"), _count(catalog, "faces")) == (1, 0)
        assert (_count(catalog, "selections", "other-1"), _count(catalog, "faces", "other-1")) == (2, 1)

    def test_a_corrupt_table_leaves_the_rows_as_they_were(self, store, catalog):
        write_video(store, VIDEO)
        catalog.index_video(store, VIDEO)
        write_video(store, VIDEO, num_selections=1)
        store.table_path("stills", VIDEO).write_bytes(b"junk")
        with pytest.raises(ContractError, match=r"stills.*run the stage 'stills' again"):
            catalog.index_video(store, VIDEO)
        assert _count(catalog, "selections") == 2

    def test_remove(self, store, catalog):
        catalog.remove_video(VIDEO)
        assert not catalog.path.exists()
        for video_id in (VIDEO, "other-1"):
            write_video(store, video_id)
            catalog.index_video(store, video_id)
        catalog.remove_video(VIDEO)
        assert {_count(catalog, name) for name in TABLES} == {0}
        assert _count(catalog, "frames", "other-1") == NUM_FRAMES

    def test_an_id_that_is_none_is_refused(self, store, catalog):
        for call in (lambda: catalog.index_video(store, "../up"), lambda: catalog.remove_video("../up")):
            with pytest.raises(ContractError):
                call()

    def test_a_new_file_is_filled_from_all_videos(self, store, catalog):
        write_video(store, VIDEO)
        write_video(store, "other-1")
        catalog.index_video(store, VIDEO)
        assert _count(catalog, "frames", "other-1") == NUM_FRAMES

    def test_two_processes_on_a_new_file(self, store, catalog):
        groups = [[f"{name}-{i}" for i in range(3)] for name in "ab"]
        for video_id in chain(*groups):
            write_video(store, video_id)
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=index, args=(store.data_dir, group)) for group in groups]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert [worker.exitcode for worker in workers] == [0, 0]
        assert {_count(catalog, "frames", video_id) for video_id in chain(*groups)} == {NUM_FRAMES}

    def test_a_lock_that_is_not_given_up_is_the_surroundings_fault(self, store, catalog):
        catalog.rebuild(store)
        with sqlite3.connect(catalog.path, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            with (
                pytest.raises(LockedDatabaseError, match="another process holds it; end that one"),
                open_database(catalog.path, remedy="", busy_seconds=0.05) as connection,
            ):
                connection.execute("BEGIN IMMEDIATE")
            assert catalog.query("SELECT * FROM videos") == []  # readers do not wait
        other.close()


class TestSchema:
    def test_is_made_from_the_contracts(self):
        statements = "\n".join(create_statements())
        assert '"embedding" BLOB' in statements
        assert '"sampling_methods" TEXT NOT NULL' in statements
        assert 'PRIMARY KEY ("video_id", "frame_index", "metric")' in statements

    def test_is_current_only_with_this_schema(self, store, catalog):
        assert not catalog.is_current()
        catalog.rebuild(store)
        assert catalog.is_current()
        with sqlite3.connect(catalog.path) as connection:
            connection.execute("UPDATE catalog_meta SET value = 'older'")
        connection.close()
        assert not catalog.is_current()

    def test_another_schema_is_replaced_whole_even_by_an_index(self, store, catalog):
        write_video(store, VIDEO)
        write_video(store, "other-1")
        with sqlite3.connect(catalog.path) as connection:
            connection.execute("CREATE TABLE frames (video_id TEXT, former INTEGER)")
            connection.execute("CREATE VIEW funnel AS SELECT former FROM frames")
            connection.execute("CREATE TABLE counted (n INTEGER PRIMARY KEY AUTOINCREMENT)")  # makes sqlite_sequence
            connection.execute("CREATE INDEX by_former ON frames (former)")
        connection.close()
        assert not catalog.is_current()
        catalog.index_video(store, VIDEO)
        assert catalog.is_current()
        assert _count(catalog, "frames", "other-1") == NUM_FRAMES

    def test_a_failure_midway_leaves_the_former_file_whole(self, store, catalog):
        with sqlite3.connect(catalog.path) as connection:
            connection.execute("CREATE TABLE frames (video_id TEXT, former INTEGER)")
        connection.close()
        store.table_path("shots", VIDEO).mkdir(parents=True)  # the disk's error, not the table's
        with pytest.raises(StorageError):
            catalog.rebuild(store)
        assert catalog.query("SELECT former FROM frames") == []


class TestRebuild:
    def test_equals_what_indexing_made(self, store, catalog):
        for video_id in (VIDEO, "other-1"):
            write_video(store, video_id)
            catalog.index_video(store, video_id)
        dump = {name: catalog.query(f'SELECT * FROM "{name}"') for name in TABLES}
        assert catalog.rebuild(store) == []
        assert {name: catalog.query(f'SELECT * FROM "{name}"') for name in TABLES} == dump

    def test_forgets_videos_whose_tables_are_gone(self, store, catalog):
        write_video(store, VIDEO)
        catalog.index_video(store, VIDEO)
        for name in TABLES:
            store.delete(name, VIDEO)
        catalog.rebuild(store)
        assert _count(catalog, "frames") == 0

    def test_reports_what_it_cannot_read_and_indexes_the_rest(self, store, catalog):
        write_video(store, VIDEO)
        store.table_path("faces", VIDEO).write_bytes(b"junk")
        errors = catalog.rebuild(store)
        assert [str(store.table_path("faces", VIDEO)) in str(error) for error in errors] == [True]
        assert _count(catalog, "frames") == NUM_FRAMES

    def test_reports_a_foreign_table_that_repeats_its_key(self, store, catalog):
        write_video(store, VIDEO)
        path, content = store.table_path("shots", VIDEO), store.read("shots", VIDEO)
        # By a program that knows the contract and not the hash of the rows.
        footer = {key: value for key, value in content.schema.metadata.items() if key != b"content_sha256"}
        pq.write_table(pa.concat_tables([content, content]).replace_schema_metadata(footer), path)
        (error,) = catalog.rebuild(store)
        assert f"{path}: breaks its contract (UNIQUE" in str(error)
        assert (_count(catalog, "shots"), _count(catalog, "frames")) == (0, NUM_FRAMES)

    def test_replaces_a_file_that_is_no_database(self, store, catalog):
        write_video(store, VIDEO)
        catalog.path.write_bytes(b"not a database at all " * 100)
        assert not catalog.is_current()
        with pytest.raises(DamagedDatabaseError, match="`thumb-assets run --stages catalog` makes it again"):
            catalog.query("SELECT * FROM frames")
        problem = catalog.index_video(store, VIDEO)
        assert problem is not None
        assert problem.startswith(f"{catalog.path}: is not a readable SQLite database")
        assert _count(catalog, "frames") == NUM_FRAMES
        assert catalog.index_video(store, VIDEO) is None


class TestViews:
    @pytest.fixture(autouse=True)
    def _indexed(self, store, catalog):
        write_video(store, VIDEO)
        failed = Outcome(VIDEO, "clip_scores", "failed", "no weights", True, None, "/x")
        record_outcomes(store, VIDEO, [failed, Outcome(VIDEO, "videos", "done", None, None, 1, "/x")])
        record_outcomes(store, "broken-1", [Outcome("broken-1", "videos", "failed", "cut off", False, None, "/y")])
        for video_id in (VIDEO, "broken-1"):
            catalog.index_video(store, video_id)

    def test_best_stills(self, catalog):
        rows = catalog.query("SELECT * FROM best_stills WHERE video_id = ?", (VIDEO,))
        assert [(row["rank"], row["file_name"], row["pts_seconds"]) for row in rows] == [
            (1, "0.jpg", 0),
            (2, "1.jpg", 0.25),
        ]
        assert rows[0]["reason"] == "reason 0"

    def test_funnel(self, catalog):
        rows = {row.pop("video_id"): row for row in catalog.query("SELECT * FROM funnel")}
        assert rows[VIDEO] == {
            "num_frames": 10,
            "num_shots": 2,
            "num_candidates": 4,
            "num_dropped_by_reject": 0,
            "num_dropped_by_diversify": 0,
            "num_dropped_by_rank": 2,
            "num_selections": 2,
            "num_stills": 2,
        }
        assert set(rows["broken-1"].values()) == {0}

    def test_frame_scores_has_every_frame_once(self, catalog):
        rows = catalog.query("SELECT * FROM frame_scores WHERE video_id = ? ORDER BY frame_index", (VIDEO,))
        assert [row["frame_index"] for row in rows] == list(range(NUM_FRAMES))
        assert [row["is_candidate"] for row in rows] == [1] * 4 + [0] * 6
        assert [row["laplacian_variance"] for row in rows] == [42.0] * 4 + [7.0] * 6
        assert [row["rank"] for row in rows] == [1, 2] + [None] * 8
        assert [row["rejection_reason"] for row in rows[:5]] == [None, None, "lower_score", "lower_score", None]
        assert json.loads(rows[1]["iqa_scores"]) == {"niqe": 0.25, "piqe": 0.25}
        assert rows[5]["iqa_scores"] is None
        assert rows[0]["clip_score"] == 0.125
        assert rows[1]["file_name"] == "1.jpg"

    def test_failures(self, catalog):
        rows = catalog.query("SELECT * FROM failures")
        assert [(row["video_id"], row["stage"], row["message"]) for row in rows] == [
            ("broken-1", "videos", "cut off"),
            (VIDEO, "clip_scores", "no weights"),
        ]


class TestQuery:
    def test_says_what_to_run_without_a_catalog(self, catalog):
        with pytest.raises(MissingInputError, match="run `thumb-assets run PATH` first"):
            catalog.query("SELECT 1")
        assert not catalog.path.exists()

    @pytest.mark.parametrize("sql", ["SELECT * FROM nothing", "SELEKT 1", "SELECT ?"])
    def test_a_statement_that_cannot_run_is_bad_input(self, store, catalog, sql):
        catalog.rebuild(store)
        with pytest.raises(BadInputError, match="the query was refused"):
            catalog.query(sql)

    def test_cannot_write(self, store, catalog):
        catalog.rebuild(store)
        with pytest.raises((BadInputError, StorageError)):
            catalog.query("DROP TABLE frames")
        assert catalog.query("SELECT count(*) AS n FROM frames") == [{"n": 0}]

    def test_a_path_with_characters_of_an_address(self, tmp_path):
        store = TableStore(tmp_path / "a?b#c%20 'd'")
        catalog = Catalog(store.catalog_path)
        catalog.rebuild(store)
        assert catalog.is_current()
