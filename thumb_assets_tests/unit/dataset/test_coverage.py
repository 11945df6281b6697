"""The pictures that cover most come first."""

from pathlib import Path

import numpy as np

from thumb_assets.dataset.coverage import coverage_order
from thumb_assets.dataset.picks import Pick
from thumb_assets.settings.load import Settings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.parquet import TableStore
from thumb_assets.survey.frames import LibraryFrames, frames_of
from thumb_assets_tests.unit.survey.builders import write_video


def frames(data_dir: Path, shows: dict[str, list[str]]) -> LibraryFrames:
    store = TableStore(data_dir)
    for video_id, of_video in shows.items():
        write_video(store, video_id, of_video)
    stored = CandidateCache(store).candidates()
    assert stored.measured is not None
    return frames_of(stored.measured, stored.clip_footers, settings=Settings().selection)


def test_what_is_new_comes_before_what_was_shown(data_dir: Path) -> None:
    library = frames(data_dir, {"a": ["x", "y"], "b": ["x", "z"], "c": ["x"]})
    picks = [Pick("a", 0, 0.9), Pick("a", 1, 0.5), Pick("b", 0, 0.9), Pick("b", 1, 0.5), Pick("c", 0, 0.9)]
    order = coverage_order(library, picks, np.array([9.0, 2.0, 9.0, 1.0, 9.0]), number=5)
    assert order[0] in {0, 2, 4}
    assert order[1:3] == [1, 3], "the longer stretch first, then the other new one"
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert (
        coverage_order(library, picks, np.ones(5), number=2) == coverage_order(library, picks, np.ones(5), number=5)[:2]
    )


def test_without_likeness_the_longest_stretch_comes_first() -> None:
    picks = [Pick("a", 0, 0.5), Pick("b", 0, 0.5), Pick("c", 0, 0.5)]
    assert coverage_order(None, picks, np.array([1.0, 3.0, 2.0]), number=9) == [1, 2, 0]
