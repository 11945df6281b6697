import numpy as np
import pyarrow as pa
import pytest

from thumb_assets.errors import ContractError
from thumb_assets.tables.conform import conform, contract_problems, empty_table, table_from_rows
from thumb_assets.tables.contracts import TABLES
from thumb_assets_tests.unit.store.builders import row, table

VIDEO = "clip-01234567"


def _candidate(position=0, **values):
    return {**row("candidate_frames", position, VIDEO), **values}


class TestTableFromRows:
    @pytest.mark.parametrize("table_name", TABLES)
    def test_rows_of_every_contract(self, table_name):
        made = table(table_name, 1, VIDEO)
        assert contract_problems(table_name, made) == []
        assert made.column_names == list(TABLES[table_name].column_names)

    @pytest.mark.parametrize("table_name", TABLES)
    def test_empty_tables_conform(self, table_name):
        assert empty_table(table_name).num_rows == 0
        assert contract_problems(table_name, empty_table(table_name)) == []

    def test_rows_are_sorted_by_the_key(self):
        rows = [row("iqa_scores", i, VIDEO, metric=metric) for i in (2, 1) for metric in "ba"]
        made = table_from_rows("iqa_scores", iter(rows))
        assert [(r["frame_index"], r["metric"]) for r in made.to_pylist()] == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]

    def test_columns_must_be_the_contracts(self):
        extra = {**_candidate(), "more": 1}
        missing = _candidate()
        del missing["pts"]
        for bad, name in ((extra, "more"), (missing, "pts")):
            with pytest.raises(ContractError, match=f"candidate_frames: .*{name}"):
                table_from_rows("candidate_frames", [bad])

    @pytest.mark.parametrize(
        "bad",
        [
            {"pts": 1.5},
            {"pts": True},
            {"pts": "12"},
            {"pts": 2**63},
            {"pts": None},
            {"pts": object()},
            {"pts_seconds": "1"},
            {"pts_seconds": float("nan")},
            {"pts_seconds": float("-inf")},
            {"video_id": 3},
            {"video_id": "\udcff"},
            {"sampling_methods": None},
            {"sampling_methods": ["shot", None]},
            {"sampling_methods": ["shots"]},
            {"sampling_methods": "shot"},
        ],
    )
    def test_bad_values_get_one_line_that_names_the_table(self, bad):
        with pytest.raises(ContractError, match="table candidate_frames: ") as caught:
            table_from_rows("candidate_frames", [_candidate(**bad)])
        assert "\n" not in str(caught.value)

    def test_whole_floats_and_numpy_scalars_are_integers(self):
        made = table_from_rows("candidate_frames", [_candidate(pts=np.int64(4), frame_index=2.0)])
        assert (made["pts"][0].as_py(), made["frame_index"][0].as_py()) == (4, 2)

    def test_repeated_keys_are_counted(self):
        with pytest.raises(ContractError, match="2 rows repeat the key video_id, frame_index"):
            table_from_rows("candidate_frames", [_candidate(1), _candidate(1), _candidate(1), _candidate(2)])

    def test_every_choice_is_allowed_and_nothing_else(self):
        for choice in TABLES["shots"].column("transition").choices:
            table("shots", 1, VIDEO, transition=choice)
        with pytest.raises(ContractError, match="transition has 'scene'"):
            table("shots", 1, VIDEO, transition="scene")


class TestEmbeddings:
    def test_length_is_the_models(self):
        assert table("clip_scores", 2, VIDEO)["embedding"].type == pa.list_(pa.float16(), 3)
        assert empty_table("clip_scores")["embedding"].type == pa.list_(pa.float16(), 0)
        assert table("clip_scores", 2, VIDEO, embedding=None)["embedding"].null_count == 2

    @pytest.mark.parametrize(
        ("embedding", "words"),
        [
            (np.array([1, np.nan], np.float16), "not finite"),
            (np.array([1, np.inf], np.float16), "not finite"),
            ([np.float16(1), None], "a null in it"),
            (np.zeros(0, np.float16), "empty embedding"),
            (np.zeros(2, np.float32), "float16"),
        ],
    )
    def test_bad_embeddings_are_refused(self, embedding, words):
        with pytest.raises(ContractError, match=words):
            table("clip_scores", 1, VIDEO, embedding=embedding)

    def test_two_lengths_are_refused(self):
        rows = [row("clip_scores", size, VIDEO, embedding=np.ones(size, np.float16)) for size in (2, 3)]
        with pytest.raises(ContractError, match=r"different lengths \[2, 3\]"):
            table_from_rows("clip_scores", rows)

    def test_another_type_is_refused(self):
        made = table("clip_scores", 1, VIDEO)
        position = made.column_names.index("embedding")
        other = made.set_column(position, "embedding", pa.array([[1.0]], pa.list_(pa.float32())))
        with pytest.raises(ContractError, match="embedding is list"):
            conform("clip_scores", other)
        assert "embedding is list" in contract_problems("clip_scores", other)[0]


class TestConform:
    def test_casts_safely_and_orders_the_columns(self):
        made = table("shots", 3, VIDEO)
        narrow = made.set_column(2, "start_frame_index", made["start_frame_index"].cast(pa.int16()))
        assert conform("shots", narrow.select(narrow.column_names[::-1])).equals(made)

    def test_keeps_many_videos_and_chunks_apart(self):
        parts = [table("shots", 2, video_id) for video_id in ("b-1", "a-1")]
        joined = conform("shots", pa.concat_tables(parts))
        assert joined["video_id"].to_pylist() == ["a-1", "a-1", "b-1", "b-1"]

    def test_missing_and_extra_columns_are_named(self):
        made = table("shots", 1, VIDEO).rename_columns(
            ["video_id", "shot_index", "start", *TABLES["shots"].column_names[3:]]
        )
        with pytest.raises(ContractError, match=r"missing columns \['start_frame_index'\], extra columns \['start'\]"):
            conform("shots", made)

    def test_a_cast_that_loses_something_is_refused(self):
        made = table("shots", 1, VIDEO)
        halves = made.set_column(2, "start_frame_index", pa.array([0.5]))
        with pytest.raises(ContractError, match="table shots"):
            conform("shots", halves)

    def test_every_problem_is_told_at_once(self):
        made = table("candidate_frames", 1, VIDEO)
        bad = made.set_column(2, "pts", pa.array([None], pa.int64())).set_column(3, "pts_seconds", pa.array([np.nan]))
        with pytest.raises(ContractError, match="pts has 1 nulls; pts_seconds has a value that is not finite"):
            conform("candidate_frames", bad)


class TestVerify:
    def test_tells_order_and_types(self):
        made = table("shots", 3, VIDEO)
        assert contract_problems("shots", made.take([1, 0, 2])) == ["rows are not ascending by video_id, shot_index"]
        assert "schema is" in contract_problems("shots", made.drop_columns(["detector"]))[0]
        nullable = pa.schema([field.with_nullable(True) for field in made.schema])
        assert contract_problems("shots", made.cast(nullable))
