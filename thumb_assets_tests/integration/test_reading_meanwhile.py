"""Tables read while a run works on a video: those from before, until newer ones are there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from thumb_assets.desk.comparing import compare
from thumb_assets.desk.timeline import candidates_of
from thumb_assets.pipeline.engine import run
from thumb_assets.search.conditions import conditions_of
from thumb_assets.search.finder import Finder, Searched
from thumb_assets.search.query import Query
from thumb_assets.settings.load import load_settings
from thumb_assets.store.decisions import decide
from thumb_assets.store.kept_candidates import KeptCandidates
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

SHARP = Query(ranges=conditions_of(["sharpness>=0"]))


@pytest.fixture
def store(synthetic_videos: Callable[[str], Path], data_dir: Path) -> TableStore:
    run_stages(data_dir, register(data_dir, [synthetic_videos("cfr"), synthetic_videos("multi_shot")]))
    return TableStore(data_dir)


def test_a_remake_hides_nothing(store: TableStore) -> None:
    settings, kept = load_settings(), KeptCandidates(store)
    video_id, _ = store.video_ids("selections")
    frames = Finder(Searched.of_store(store), settings, None).find(SHARP).found
    before = candidates_of(store, video_id, settings)
    decide(store, video_id, {before[-1].frame_index: "cover"})
    num_looks = 0
    for _ in run([video_id], WITHOUT_MODELS, settings, store):
        comparison = compare(store, settings, None, kept=kept)
        assert (len(comparison.videos), comparison.left_out) == (2, [])
        assert len(Finder(Searched.of_store(store), settings, None).find(SHARP).found) == len(frames)
        shown = candidates_of(store, video_id, settings)
        assert [each.frame_index for each in shown if each.score is None] == []
        num_looks += 1
    assert num_looks > 5
    assert candidates_of(store, video_id, settings)[-1].rank == 1


def test_a_video_whose_candidates_are_made_anew_is_named(store: TableStore) -> None:
    settings, kept = load_settings(), KeptCandidates(store)
    video_id, other = store.video_ids("selections")
    more = load_settings(overrides=["candidates.every_num_frames=4"])
    results = run([video_id], WITHOUT_MODELS, more, store)
    assert next(result for result in results if result.stage == "candidate_frames").status == "done"
    comparison = compare(store, settings, None, kept=kept)
    assert [video.video_id for video in comparison.videos] == [other]
    assert comparison.left_out == ["1 left out: worked on now; it comes when that is done"]
    answer = Finder(Searched.of_store(store), settings, None).find(SHARP)
    assert f"{video_id}: is worked on now; it is found when that is done" in answer.notes
    results.close()  # as where the process dies
    assert compare(store, settings, None, kept=kept).left_out == ["1 left out: run the stage candidate_frames first"]
