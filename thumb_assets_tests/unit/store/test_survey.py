"""A survey is written when it changed, read as it was written, and its damage told in one line."""

from pathlib import Path

import numpy as np
import pytest

from thumb_assets.errors import ContractError, StorageError
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.survey import (
    read_reference,
    reference_path,
    reference_sha256,
    write_recurrences,
    write_reference,
)
from thumb_assets.tables.conform import empty_table
from thumb_assets_tests.unit.store.builders import table

VIDEO = "clip-0a1b2c3d"
VALUES = {"sharpness": np.array([1.0, 2.0, 5.0]), "iqa.piqe": np.array([-40.0, -10.0])}
CLIP = {"model_name": "made-up", "pretrained": "none", "prompts_sha256": "c"}


@pytest.fixture
def store(data_dir: Path) -> TableStore:
    return TableStore(data_dir)


def test_what_was_written_is_read(store: TableStore) -> None:
    assert read_reference(store) == ({}, {})
    assert reference_sha256(store) is None
    assert write_reference(store, VALUES, clip=CLIP)
    values, clip = read_reference(store)
    assert {name: column.tolist() for name, column in values.items()} == {
        name: column.tolist() for name, column in VALUES.items()
    }
    assert clip == CLIP
    assert reference_path(store) == store.data_dir / "survey" / "percentiles.parquet"


def test_the_same_is_not_written_again_and_other_values_are(store: TableStore) -> None:
    write_reference(store, VALUES, clip=CLIP)
    first, status = reference_sha256(store), reference_path(store).stat()
    assert not write_reference(store, dict(reversed(VALUES.items())), clip=CLIP)
    assert reference_path(store).stat() == status
    assert write_reference(store, {**VALUES, "sharpness": np.array([1.0, 2.0])}, clip=CLIP)
    second = reference_sha256(store)
    assert len(read_reference(store)[0]["sharpness"]) == 2
    assert write_reference(store, VALUES, clip={**CLIP, "prompts_sha256": "d"})
    assert len({first, second, reference_sha256(store)}) == 3
    assert write_reference(store, VALUES, clip=CLIP)
    assert reference_sha256(store) == first


def test_it_goes_where_there_is_none_any_more(store: TableStore) -> None:
    assert not write_reference(store, None, clip={})
    write_reference(store, VALUES, clip=CLIP)
    assert write_reference(store, None, clip={})
    assert read_reference(store) == ({}, {})


@pytest.mark.parametrize("content", [b"", b"no Parquet", b"PAR1"])
def test_a_damaged_file_says_what_to_do(store: TableStore, content: bytes) -> None:
    write_reference(store, VALUES, clip=CLIP)
    reference_path(store).write_bytes(content)
    with pytest.raises(ContractError, match=r"percentiles\.parquet: is damaged .* run `thumb-assets survey` again"):
        read_reference(store)
    assert reference_sha256(store), "whatever was made from another one is not up to date"
    assert write_reference(store, VALUES, clip=CLIP), "the next survey puts it right"
    assert read_reference(store)[1] == CLIP


def test_a_place_that_cannot_be_written_is_told(store: TableStore) -> None:
    store.data_dir.mkdir(exist_ok=True)
    (store.data_dir / "survey").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be"):
        write_reference(store, VALUES, clip=CLIP)


def test_recurrences_are_written_once_and_go_when_there_are_none(store: TableStore) -> None:
    rows = table("recurrences", 2, VIDEO)
    assert write_recurrences(store, VIDEO, rows)
    path = store.table_path("recurrences", VIDEO)
    written = path.stat().st_mtime_ns, path.stat().st_ino
    assert not write_recurrences(store, VIDEO, rows)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == written
    assert write_recurrences(store, VIDEO, rows.slice(1))
    assert store.read("recurrences", VIDEO).num_rows == 1
    path.write_bytes(b"junk")
    assert write_recurrences(store, VIDEO, rows)
    assert write_recurrences(store, VIDEO, empty_table("recurrences"))
    assert not store.has("recurrences", VIDEO)
    assert not write_recurrences(store, VIDEO, None)
