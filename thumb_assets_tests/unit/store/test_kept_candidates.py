"""Candidates that stay in memory: the same as long as no table changes, and never an old one."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.what_if import write_library
from thumb_assets.store.decisions import decide
from thumb_assets.store.kept_candidates import KeptCandidates
from thumb_assets.store.parquet import TableStore

FIRST, SECOND = IDS = [f"video-{number:08x}" for number in range(2)]


@pytest.fixture
def store(data_dir: Path) -> TableStore:
    store = TableStore(data_dir)
    write_library(store, len(IDS), 9)
    return store


def test_nothing_is_read_twice(store: TableStore) -> None:
    kept = KeptCandidates(store)
    page, every = kept.candidates([FIRST]), kept.candidates(None)
    assert kept.candidates([FIRST]) is page
    assert kept.candidates(None) is every
    assert sorted(every.measured.video_ids) == IDS
    assert kept.candidates([FIRST], required=("safety",)).missing == {FIRST: "safety"}


def test_what_changed_is_read_anew(store: TableStore) -> None:
    kept = KeptCandidates(store)
    before, other = kept.candidates([FIRST]), kept.candidates([SECOND])
    frame = int(before.measured.frame_indices[0])
    decide(store, FIRST, {frame: "ban"})
    after = kept.candidates([FIRST])
    assert np.flatnonzero(after.measured["decision"] != before.measured["decision"]).tolist() == [0]
    assert kept.candidates([SECOND]) is other
    store.delete("clip_scores", FIRST)
    assert np.isnan(kept.candidates([FIRST]).measured["clip_score"]).all()


def test_a_table_that_cannot_be_read_is_read_again(store: TableStore) -> None:
    kept, path = KeptCandidates(store), store.table_path("sharpness", FIRST)
    content = path.read_bytes()
    path.write_bytes(b"no table")
    assert FIRST in kept.candidates(IDS).errors
    path.write_bytes(content)
    assert kept.candidates(IDS).errors == {}
