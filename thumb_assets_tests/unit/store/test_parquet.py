import errno
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import thumb_assets
from thumb_assets.errors import ContractError, MissingInputError, StorageError
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import conform, content_sha256, empty_table, table_from_rows
from thumb_assets.tables.contracts import TABLES
from thumb_assets_tests.unit.store.builders import FOOTER, footer_of, row, table

VIDEO = "clip-01234567"


@pytest.fixture
def store(data_dir):
    return TableStore(data_dir)


def _clip_scores(embeddings):
    rows = [row("clip_scores", i, VIDEO, embedding=embedding) for i, embedding in enumerate(embeddings)]
    return table_from_rows("clip_scores", rows)


def _names(folder):
    return [path.name for path in folder.iterdir()]


class TestPaths:
    def test_everything_lies_in_the_data_folder(self, store, data_dir):
        assert store.table_path("frames", VIDEO) == data_dir / "tables/frames" / f"{VIDEO}.parquet"
        assert store.stills_dir(VIDEO) == store.stills_root / VIDEO == data_dir / "stills" / VIDEO
        assert store.crops_dir(VIDEO) == store.crops_root / VIDEO == data_dir / "crops" / VIDEO
        assert store.catalog_path == data_dir / "catalog.sqlite"
        assert store.dagster_home == data_dir / "dagster"
        assert store.data_dir == data_dir

    def test_a_relative_data_folder_stays_where_it_was(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        store = TableStore("data")
        monkeypatch.chdir("/")
        assert store.data_dir == tmp_path / "data"

    @pytest.mark.parametrize("bad", ["../../up", "a...b", "x\n", "", ".x"])
    def test_a_key_that_is_no_id_is_refused_everywhere(self, store, bad):
        for call in (
            store.stills_dir,
            store.crops_dir,
            lambda key: store.table_path("frames", key),
            lambda key: store.read("frames", key),
        ):
            with pytest.raises(ContractError):
                call(bad)
        with pytest.raises(ContractError):
            store.write("frames", empty_table("frames"), video_id=bad, footer=FOOTER)
        assert not list(store.data_dir.iterdir())

    def test_an_unknown_table_is_refused_with_the_known_ones(self, store):
        with pytest.raises(ContractError, match=r"no table 'frame'.*frames"):
            store.table_path("frame", VIDEO)
        with pytest.raises(ContractError):
            store.video_ids("../tables")


class TestRoundTrip:
    @pytest.mark.parametrize("table_name", TABLES)
    def test_every_table_full_and_empty(self, store, table_name):
        for content in (table(table_name, 1, VIDEO), empty_table(table_name)):
            path = store.write(table_name, content, video_id=VIDEO, footer=footer_of(table_name))
            assert path == store.table_path(table_name, VIDEO)
            stored = store.read(table_name, VIDEO)
            assert stored.equals(content)
            assert stored.schema.equals(content.schema)

    @pytest.mark.parametrize(
        "embeddings",
        [[], [None, None], [np.ones(3, np.float16), None], [None, np.ones(512, np.float16)], [np.zeros(1, np.float16)]],
    )
    def test_embeddings_of_any_length_with_nulls(self, store, embeddings):
        content = _clip_scores(embeddings)
        store.write("clip_scores", content, video_id=VIDEO, footer=FOOTER)
        stored = store.read("clip_scores", VIDEO)
        assert stored.schema.equals(content.schema)
        assert stored.equals(content)

    def test_float16_bits_survive(self, store):
        bits = np.array([0x0001, 0x8001, 0x7BFF, 0xFBFF, 0x3C01, 0x8000], np.uint16).view(np.float16)
        store.write("clip_scores", _clip_scores([bits]), video_id=VIDEO, footer=FOOTER)
        stored = np.array(store.read("clip_scores", VIDEO)["embedding"][0].as_py(), np.float16)
        assert stored.tobytes() == bits.tobytes()

    def test_a_folder_named_like_a_partition_adds_no_column(self, tmp_path):
        store = TableStore(tmp_path / "year=2020" / "data")
        store.write("shots", table("shots", 2, VIDEO), video_id=VIDEO, footer=FOOTER)
        assert store.read("shots", VIDEO).column_names == list(TABLES["shots"].column_names)

    def test_a_data_folder_of_odd_characters(self, tmp_path):
        store = TableStore(tmp_path / os.fsdecode(b"d\xff, 'x' \xf0\x9f\x8e\xac"))
        store.write("shots", table("shots", 2, VIDEO), video_id=VIDEO, footer=FOOTER)
        assert store.read("shots", VIDEO).num_rows == 2
        assert store.video_ids("shots") == [VIDEO]


class TestFooter:
    def test_holds_the_stores_own_keys_and_the_callers(self, store):
        store.write("shots", table("shots", 2, VIDEO), video_id=VIDEO, footer={**FOOTER, "detector": "ä"})
        own = {"table": "shots", "schema_version": "1", "code_version": thumb_assets.__version__}
        own |= {"arrow_version": pa.__version__, "content_sha256": content_sha256(table("shots", 2, VIDEO))}
        assert store.footer("shots", VIDEO) == {**own, **FOOTER, "detector": "ä"}

    def test_is_none_without_the_table(self, store):
        assert store.footer("shots", VIDEO) is None

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"video_sha256": ""}, "video_sha256"),
            ({"table": "x"}, "table"),
            ({"n": 3}, "'n'"),
            ({"tool_versions": "av 18"}, "tool_versions"),
            ({"tool_versions": "[1]"}, "tool_versions"),
        ],
    )
    def test_bad_footers_are_refused_before_anything_is_written(self, store, change, word):
        with pytest.raises(ContractError, match=word):
            store.write("shots", table("shots", 2, VIDEO), video_id=VIDEO, footer={**FOOTER, **change})
        assert not store.has("shots", VIDEO)

    def test_missing_keys_are_named(self, store):
        with pytest.raises(ContractError, match=r"\['video_sha256', 'settings_sha256', 'tool_versions'\]"):
            store.write("shots", table("shots", 2, VIDEO), video_id=VIDEO, footer={})


class TestWrite:
    def test_conforms(self, store):
        shuffled = table("frames", 5, VIDEO).take([3, 1, 0, 4, 2])
        store.write("frames", shuffled, video_id=VIDEO, footer=FOOTER)
        assert store.read("frames", VIDEO)["frame_index"].to_pylist() == [0, 1, 2, 3, 4]
        with pytest.raises(ContractError):
            store.write("frames", table("shots", 2, VIDEO), video_id=VIDEO, footer=FOOTER)

    def test_refuses_rows_of_another_video(self, store):
        with pytest.raises(ContractError, match="'other-01234567'"):
            store.write("frames", table("frames", 2, "other-01234567"), video_id=VIDEO, footer=FOOTER)

    @pytest.mark.parametrize("failing", ["fsync", "replace"])
    @pytest.mark.parametrize(("code", "expected"), [(errno.ENOSPC, StorageError), (errno.EROFS, StorageError)])
    def test_a_failure_midway_leaves_the_old_file_whole(self, store, monkeypatch, failing, code, expected):
        store.write("frames", table("frames", 3, VIDEO), video_id=VIDEO, footer=FOOTER)
        before = store.table_path("frames", VIDEO).read_bytes()

        def fail(*_):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, failing, fail)
        with pytest.raises(expected) as caught:
            store.write("frames", table("frames", 9, VIDEO), video_id=VIDEO, footer=FOOTER)
        monkeypatch.undo()
        assert os.strerror(code) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert store.table_path("frames", VIDEO).read_bytes() == before
        assert _names(store.tables_dir / "frames") == [f"{VIDEO}.parquet"]

    def test_an_interrupt_midway_leaves_the_old_file_whole(self, store, monkeypatch):
        store.write("frames", table("frames", 3, VIDEO), video_id=VIDEO, footer=FOOTER)

        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.write("frames", table("frames", 9, VIDEO), video_id=VIDEO, footer=FOOTER)
        assert store.read("frames", VIDEO).num_rows == 3
        assert _names(store.tables_dir / "frames") == [f"{VIDEO}.parquet"]

    @pytest.mark.skipif(sys.platform == "win32", reason="no file size limit to run into")
    def test_a_real_limit_of_the_disk_leaves_the_old_file_whole(self, store):
        store.write("frames", table("frames", 3, VIDEO), video_id=VIDEO, footer=FOOTER)
        script = """
            import resource, sys
            from thumb_assets.errors import StorageError
            from thumb_assets.store.parquet import TableStore
            from thumb_assets_tests.unit.store.builders import FOOTER, table
            store, content = TableStore(sys.argv[1]), table("frames", 50, sys.argv[2])
            resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
            try:
                store.write("frames", content, video_id=sys.argv[2], footer=FOOTER)
            except StorageError as error:
                print("refused:", error)
        """
        command = [sys.executable, "-c", textwrap.dedent(script), str(store.data_dir), VIDEO]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.startswith("refused:"), done
        assert store.read("frames", VIDEO).num_rows == 3
        assert _names(store.tables_dir / "frames") == [f"{VIDEO}.parquet"]

    def test_a_file_where_the_folder_should_be(self, store):
        store.data_dir.joinpath("tables").write_text("")
        with pytest.raises(StorageError, match="tables"):
            store.write("frames", table("frames", 3, VIDEO), video_id=VIDEO, footer=FOOTER)


class TestRead:
    def test_a_missing_table_names_the_stage_to_run(self, store):
        with pytest.raises(MissingInputError, match=rf"{VIDEO}.*'rejections'.*stage 'selections' first"):
            store.read("rejections", VIDEO)
        assert store.read_or_none("rejections", VIDEO) is None

    @pytest.mark.parametrize("damage", ["empty", "garbage", "cut", "flipped"])
    def test_a_damaged_file_is_named_in_one_line(self, store, damage):
        path = store.write("frames", table("frames", 500, VIDEO), video_id=VIDEO, footer=FOOTER)
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[200] ^= 0xFF
        path.write_bytes({"empty": b"", "garbage": b"x" * 999, "cut": whole[:-9], "flipped": bytes(flipped)}[damage])
        with pytest.raises(ContractError) as caught:
            store.read("frames", VIDEO)
        assert str(path) in str(caught.value)
        assert "run the stage 'frames' again" in str(caught.value)
        assert "\n" not in str(caught.value)
        with pytest.raises(ContractError):
            store.read_or_none("frames", VIDEO)
        if damage != "flipped":  # the footer itself is whole
            with pytest.raises(ContractError):
                store.footer("frames", VIDEO)

    def test_another_version_of_the_contract_is_told(self, store):
        path = store.table_path("shots", VIDEO)
        path.parent.mkdir(parents=True)
        pq.write_table(table("shots", 2, VIDEO).drop_columns(["detector"]), path)
        with pytest.raises(ContractError, match=r"another version of the contract.*run the stage 'shots' again"):
            store.read("shots", VIDEO)
        pq.write_table(table("shots", 2, VIDEO).replace_schema_metadata({"schema_version": "0"}), path)
        with pytest.raises(ContractError, match="schema version 0, expected 1"):
            store.read("shots", VIDEO)

    def test_other_columns_under_the_same_version_are_named(self, store):
        path = store.table_path("shots", VIDEO)
        path.parent.mkdir(parents=True)
        lacking = table("shots", 2, VIDEO).drop_columns(["detector"])
        pq.write_table(lacking.replace_schema_metadata({"schema_version": "1"}), path)
        with pytest.raises(ContractError, match=r"other columns than the contract of 'shots' \(detector string"):
            store.read("shots", VIDEO)

    def test_a_copy_under_another_videos_name_is_refused(self, store):
        path = store.write("shots", table("shots", 2, VIDEO), video_id=VIDEO, footer=FOOTER)
        store.table_path("shots", "other-1").write_bytes(path.read_bytes())
        with pytest.raises(ContractError, match=f"other-1.parquet: holds rows of '{VIDEO}'"):
            store.read("shots", "other-1")

    def test_a_folder_in_place_of_the_file_is_the_disks_matter(self, store):
        store.table_path("shots", VIDEO).mkdir(parents=True)
        with pytest.raises(StorageError):
            store.read("shots", VIDEO)
        assert not store.has("shots", VIDEO)


class TestListing:
    def test_video_ids_are_sorted_and_skip_what_is_no_table(self, store):
        assert store.video_ids("shots") == []
        for video_id in ("b-1", "a-1"):
            store.write("shots", table("shots", 1, video_id), video_id=video_id, footer=FOOTER)
        folder = store.tables_dir / "shots"
        for name in (".a.0123456789abcdef.tmp", "UPPER.parquet", "..parquet", "notes.txt"):
            folder.joinpath(name).write_text("")
        assert store.video_ids("shots") == ["a-1", "b-1"]

    def test_delete(self, store):
        store.write("shots", table("shots", 1, VIDEO), video_id=VIDEO, footer=FOOTER)
        assert store.has("shots", VIDEO)
        assert store.delete("shots", VIDEO)
        assert not store.delete("shots", VIDEO)
        assert not store.has("shots", VIDEO)

    def test_only_stale_temporary_files_of_the_store_are_cleaned(self, store):
        store.write("shots", table("shots", 1, VIDEO), video_id=VIDEO, footer=FOOTER)
        folder = store.tables_dir / "shots"
        stale, young, foreign = (
            folder / name for name in (".a-1.0123456789abcdef.tmp", ".b-1.0123456789abcdef.tmp", ".mine.tmp")
        )
        for path in (stale, young, foreign):
            path.write_text("")
        two_hours_ago = time.time() - 7200
        for path in (stale, foreign):
            os.utime(path, (two_hours_ago, two_hours_ago))
        assert store.clean_temporary_files() == [stale]
        assert store.clean_temporary_files(older_than_seconds=0) == [young]
        assert foreign.exists()
        assert store.has("shots", VIDEO)


def test_metadata_of_the_callers_table_is_not_stored(store):
    content = table("shots", 1, VIDEO).replace_schema_metadata({"note": "mine"})
    assert isinstance(content, pa.Table)
    store.write("shots", content, video_id=VIDEO, footer=FOOTER)
    assert "note" not in store.footer("shots", VIDEO)
    assert conform("shots", store.read("shots", VIDEO)).equals(store.read("shots", VIDEO))
