"""The learned scorer on disk: what was written is read, and what is no such file is said in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from thumb_assets.errors import ContractError, StorageError
from thumb_assets.store.learned_head import (
    read_learned_bytes,
    read_learned_head,
    remove_learned_head,
    write_learned_head,
)
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.unit.select.test_learned_head import a_head

FACTS = {"num_labels": 12, "cross_validated": {"srcc": {"learned": {"mean": 0.5, "standard_error": None}}}}


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    return TableStore(tmp_path / "data")


def header_of(content: bytes) -> dict[str, str]:
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]


def test_what_was_written_is_read(store: TableStore) -> None:
    assert read_learned_head(store) is None
    head = a_head()
    path = write_learned_head(store, head, is_better=True, facts=FACTS)
    assert path == store.data_dir / "models" / "learned-scorer.safetensors"
    stored = read_learned_head(store)
    assert stored is not None
    assert stored.is_better
    assert stored.facts == FACTS
    assert (stored.head.embedding_model, stored.head.intercept) == (head.embedding_model, head.intercept)
    for name in ("weights", "means", "scales"):
        assert np.array_equal(getattr(stored.head, name), getattr(head, name))
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_same_head_is_the_same_bytes(store: TableStore) -> None:
    contents = set()
    for _ in range(5):
        write_learned_head(store, a_head(), is_better=False, facts=FACTS)
        contents.add(read_learned_bytes(store))
    assert len(contents) == 1


def test_it_can_be_removed_once(store: TableStore) -> None:
    write_learned_head(store, a_head(), is_better=False, facts={})
    assert remove_learned_head(store)
    assert not remove_learned_head(store)
    assert read_learned_head(store) is None


def other_header(content: bytes, **changes: object) -> bytes:
    about = json.loads(header_of(content)["learned_scorer"]) | changes
    return save(load(content), metadata={"learned_scorer": json.dumps(about)})


def other_arrays(content: bytes, **changes: np.ndarray) -> bytes:
    return save({**load(content), **changes}, metadata=header_of(content))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"junk" * 100,
        lambda content: content[:-5],
        lambda content: content[:100],
        lambda content: save(load(content)),
        lambda content: save({"other": np.ones(3)}, metadata=header_of(content)),
        lambda content: other_header(content, format_version=99),
        lambda content: other_header(content, features=["luma_mean"]),
        lambda content: other_header(content, is_better="yes"),
        lambda content: other_header(content, facts=None),
        lambda content: save(load(content), metadata={"learned_scorer": "[]"}),
        lambda content: other_arrays(content, weights=np.ones(7)),
        lambda content: other_arrays(content, scales=np.zeros_like(load(content)["scales"])),
        lambda content: other_arrays(content, means=np.full_like(load(content)["means"], np.nan)),
        lambda content: other_arrays(content, intercept=np.ones((2, 1))),
        lambda content: other_arrays(content, weights=load(content)["weights"].astype(np.float32)),
    ],
)
def test_a_damaged_or_foreign_file_is_one_line(store: TableStore, spoil) -> None:
    path = write_learned_head(store, a_head(), is_better=True, facts=FACTS)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ContractError, match="run `thumb-assets learn` again") as error:
        read_learned_head(store)
    assert str(error.value).startswith(f"{path}: is no learned scorer of this version (")
    assert "\n" not in str(error.value)


def test_a_failed_write_keeps_the_old_one(store: TableStore, monkeypatch: pytest.MonkeyPatch) -> None:
    write_learned_head(store, a_head(), is_better=True, facts={})
    before = read_learned_bytes(store)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(StorageError, match="No space left"):
        write_learned_head(store, a_head(intercept=1.0), is_better=True, facts={})
    assert read_learned_bytes(store) == before
    assert len(list(store.learned_head_path.parent.iterdir())) == 1
