"""Duplicates, videos that share footage, and the nearest pair over the border of a split."""

from pathlib import Path

import numpy as np

from thumb_assets.dataset.likeness import alike_picks, duplicates, groups_of_videos, nearest_pair
from thumb_assets.dataset.picks import Pick
from thumb_assets.settings.load import Settings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.parquet import TableStore
from thumb_assets.survey.frames import LibraryFrames, frames_of
from thumb_assets_tests.unit.survey.builders import BLACK, write_video

SETTINGS = Settings()


def frames(data_dir: Path, shows: dict[str, list[str]]) -> LibraryFrames:
    store = TableStore(data_dir)
    for video_id, of_video in shows.items():
        write_video(store, video_id, of_video)
    stored = CandidateCache(store).candidates()
    assert stored.measured is not None
    return frames_of(stored.measured, stored.clip_footers, settings=SETTINGS.selection)


def dropped(library: LibraryFrames | None, picks: list[Pick]) -> frozenset[int]:
    return duplicates(picks, alike_picks(library, picks, SETTINGS.survey))


def groups(library: LibraryFrames | None, picks: list[Pick], shas: str = "abcd", **options: float) -> dict[str, str]:
    pairs = alike_picks(library, picks, SETTINGS.survey).tolist()
    alike = {(picks[place].video_id, picks[other].video_id) for place, other in pairs}
    sha256_of = dict(zip(sorted({pick.video_id for pick in picks}), shas, strict=False))
    return groups_of_videos(library, alike, sha256_of, SETTINGS.survey, **{"min_shared_share": 0.2, **options})


def test_of_stills_that_are_alike_the_best_stays_and_a_pinned_one_always(data_dir: Path) -> None:
    library = frames(data_dir, {"a": ["x", "a1"], "b": ["x", "b1"], "c": ["x", "c1"]})
    picks = [Pick("a", 0, 0.5), Pick("b", 0, 0.9), Pick("c", 0, 0.7), Pick("c", 1, 0.1)]
    assert dropped(library, picks) == {0, 2}
    pinned = [Pick("a", 0, 0.5, is_pinned=True), *picks[1:]]
    assert dropped(library, pinned) == {1, 2}
    both = [Pick("a", 0, 0.5, is_pinned=True), Pick("b", 0, 0.9, is_pinned=True), *picks[2:]]
    assert dropped(library, both) == {2}


def test_videos_with_a_like_still_are_one_group_also_by_others_in_between(data_dir: Path) -> None:
    library = frames(
        data_dir, {"a": ["x", *"1234567"], "b": ["x", "y", *"abcdef"], "c": ["y", *"ghijklm"], "d": ["d0"]}
    )
    picks = [Pick("a", 0, 0.5), Pick("b", 0, 0.5), Pick("b", 1, 0.5), Pick("c", 0, 0.5), Pick("d", 0, 0.5)]
    assert groups(library, picks) == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_a_copy_is_found_by_its_candidates_though_other_frames_were_chosen(data_dir: Path) -> None:
    shared = [f"s{number}" for number in range(6)]
    library = frames(data_dir, {"a": shared, "b": [*(f"b{number}" for number in range(30)), *shared], "c": ["c0"]})
    picks = [Pick("a", 0, 0.5), Pick("b", 3, 0.5), Pick("c", 0, 0.5)]
    assert groups(library, picks) == {"a": "a", "b": "a", "c": "c"}


def test_a_shared_intro_alone_does_not_make_the_library_one_group(data_dir: Path) -> None:
    shows = {name: ["intro", *(f"{name}{number}" for number in range(9))] for name in "abc"}
    library = frames(data_dir, shows)
    picks = [Pick(name, 5, 0.5) for name in "abc"]
    assert groups(library, picks) == {"a": "a", "b": "b", "c": "c"}
    assert set(groups(library, picks, min_shared_share=0.1).values()) == {"a"}


def test_equal_files_are_one_group_where_nothing_can_be_compared() -> None:
    picks = [Pick("a", 0, 0.5), Pick("b", 0, 0.5), Pick("c", 0, 0.5)]
    assert groups(None, picks, shas="xyx") == {"a": "a", "b": "b", "c": "a"}
    assert nearest_pair(None, picks, np.array([True, False, True]), max_exact=9) is None
    assert dropped(None, picks) == frozenset()


def test_the_nearest_pair_is_over_the_border_whether_all_are_compared_or_an_index_answers(data_dir: Path) -> None:
    library = frames(data_dir, {"a": ["x", "a1", BLACK], "b": ["x", "b1"], "c": ["x", BLACK]})
    picks = [Pick("a", 0, 0.5), Pick("a", 1, 0.5), Pick("b", 0, 0.5), Pick("b", 1, 0.5), Pick("c", 1, 0.5)]
    is_first = np.array([True, True, False, False, False])
    for max_exact in (100, 0):
        found = nearest_pair(library, picks, is_first, max_exact=max_exact)
        assert found is not None
        assert (found.first, found.second, found.hash_distance) == (0, 2, 0)
        assert found.cosine_similarity > 0.99
    assert nearest_pair(library, picks, np.ones(5, np.bool_), max_exact=100) is None, "all are on one side"
