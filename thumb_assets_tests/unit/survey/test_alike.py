"""Likeness across videos on a made-up library."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.parquet import TableStore
from thumb_assets.survey.alike import Alike, alike_frames, groups_of_alike
from thumb_assets.survey.frames import LibraryFrames, frames_of
from thumb_assets_tests.unit.survey.builders import BLACK, MODEL, write_video

LIMITS: dict[str, Any] = {"min_cosine": 0.95, "max_hash_distance": 8, "num_neighbours": 64, "max_exact": 1000}
A, B, C, D = (f"{name}-00000000" for name in "abcd")


@pytest.fixture
def store(data_dir: Path) -> TableStore:
    return TableStore(data_dir)


def library_of(store: TableStore) -> LibraryFrames:
    stored = CandidateCache(store).candidates()
    assert stored.measured is not None
    return frames_of(stored.measured, stored.clip_footers, settings=SelectionSettings())


def pairs(library: LibraryFrames, alike: Alike) -> set[tuple[str, int, str, int]]:
    return {
        (*_named(library, left), *_named(library, right))
        for left, right in zip(alike.left.tolist(), alike.right.tolist(), strict=True)
    }


def _named(library: LibraryFrames, frame: int) -> tuple[str, int]:
    return library.video_id(frame), int(library.frame_indices[frame])


@pytest.mark.parametrize("max_exact", [1000, 0])
def test_frames_that_show_the_same_are_found_in_both_directions(store: TableStore, max_exact: int) -> None:
    write_video(store, A, ["intro", "a1", "a2"])
    write_video(store, B, ["b1", "intro", "b2"])
    write_video(store, C, ["c1", "c2", "c3"])
    library = library_of(store)
    alike = alike_frames(library, **{**LIMITS, "max_exact": max_exact})
    assert pairs(library, alike) == {(A, 0, B, 1), (B, 1, A, 0)}
    assert (alike.cosines > 0.99).all()
    assert (alike.distances == 0).all()
    frames, places, numbers = alike.counts()
    assert [_named(library, frame) for frame in frames.tolist()] == [(A, 0), (B, 1)]
    assert (places.tolist(), numbers.tolist()) == ([0, 1], [1, 1])


def test_the_same_video_is_no_other_video(store: TableStore) -> None:
    write_video(store, A, ["still"] * 5)
    write_video(store, B, ["b1", "b1", "b1"])
    assert len(alike_frames(library_of(store), **LIMITS).left) == 0


def test_a_video_counts_once_however_often_it_shows_it(store: TableStore) -> None:
    write_video(store, A, ["intro", "intro"])
    write_video(store, B, ["intro", "intro", "intro"])
    library = library_of(store)
    alike = alike_frames(library, **LIMITS)
    assert alike.counts()[2].tolist() == [1] * 5
    (group,) = groups_of_alike(alike)
    assert group.tolist() == [0, 1, 2, 3, 4]


def test_at_most_so_many_other_videos_are_counted(store: TableStore) -> None:
    for video_id in (A, B, C, D):
        write_video(store, video_id, ["intro", f"{video_id} 1"])
    library = library_of(store)
    assert set(alike_frames(library, **LIMITS).counts()[2].tolist()) == {3}
    assert set(alike_frames(library, **{**LIMITS, "num_neighbours": 2}).counts()[2].tolist()) == {2}


def test_what_shows_nothing_is_alike_everywhere_and_says_nothing(store: TableStore) -> None:
    write_video(store, A, [BLACK, "a1"])
    write_video(store, B, [BLACK, "b1"])
    library = library_of(store)
    assert len(alike_frames(library, **LIMITS).left) == 0
    assert [len(part.frames) for part in library.comparable] == [2]


def test_hashes_confirm(store: TableStore) -> None:
    write_video(store, A, ["intro", "a1"])
    write_video(store, B, ["intro", "b1"])
    library = library_of(store)
    library.hashes[2] ^= np.uint64(0b111)
    assert alike_frames(library, **LIMITS).distances.tolist() == [3, 3]
    assert len(alike_frames(library, **{**LIMITS, "max_hash_distance": 2}).left) == 0


def test_embeddings_of_different_models_are_not_compared(store: TableStore) -> None:
    write_video(store, A, ["intro", "a1"])
    write_video(store, B, ["intro", "b1"], model={**MODEL, "model_name": "another"})
    write_video(store, C, ["intro", "c1"], model={**MODEL, "prompts_sha256": "d" * 64})  # prompts change no embedding
    write_video(store, D, ["intro", "d1"], model=None)
    library = library_of(store)
    assert pairs(library, alike_frames(library, **LIMITS)) == {(A, 0, C, 0), (C, 0, A, 0)}
    assert library.num_videos_of == {("another", "none"): 1, ("made-up", "none"): 2, None: 1}


def test_videos_without_embeddings_are_compared_by_descriptors(store: TableStore) -> None:
    for video_id in (A, B):
        write_video(store, video_id, ["intro", f"{video_id} 1"], model=None)
    library = library_of(store)
    assert pairs(library, alike_frames(library, **LIMITS)) == {(A, 0, B, 0), (B, 0, A, 0)}


def test_what_was_not_looked_at_is_named(store: TableStore) -> None:
    write_video(store, A, ["intro"])
    write_video(store, B, ["intro"], has_appearance=False)
    library = library_of(store)
    assert library.without_appearance == (B,)
    assert len(alike_frames(library, **LIMITS).left) == 0


def test_only_some_frames_are_compared_where_only_they_are_asked_for(store: TableStore) -> None:
    for video_id in (A, B):
        write_video(store, video_id, ["intro", "outro"])
    library = library_of(store)
    alike = alike_frames(library, **LIMITS, only=np.array([1, 2, 3]))
    assert pairs(library, alike) == {(A, 1, B, 1), (B, 1, A, 1)}
    assert groups_of_alike(alike_frames(library, **LIMITS, only=np.zeros(0, np.int64))) == []


def test_groups_are_joined_by_what_stands_in_between() -> None:
    chain = Alike(np.arange(9), np.arange(1, 10), np.ones(9), np.zeros(9, np.int64))
    apart = Alike(np.array([20, 5]), np.array([21, 4]), np.ones(2), np.zeros(2, np.int64))
    assert [group.tolist() for group in groups_of_alike(chain)] == [list(range(10))]
    assert [group.tolist() for group in groups_of_alike(apart)] == [[4, 5], [20, 21]]
