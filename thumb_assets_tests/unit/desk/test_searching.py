"""The library that the desk searches: read once, and anew when it changed, but not while a video is half made."""

from pathlib import Path

import pytest

from thumb_assets.desk.searching import Searches
from thumb_assets.errors import MissingInputError
from thumb_assets.search.conditions import conditions_of
from thumb_assets.search.query import Query
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.unit.survey.builders import write_video

ALL = Query(ranges=conditions_of(["pts_seconds>=0"]))


class Desk:
    """The part of a desk that the search asks, and a clock."""

    def __init__(self, store: TableStore) -> None:
        self.store, self.settings, self.is_busy, self.now = store, load_settings(), False, 0.0
        self.searches = Searches(store, lambda: self.settings, is_busy=lambda: self.is_busy, clock=lambda: self.now)

    def add(self, video_id: str, *, is_in_catalog: bool = True) -> None:
        write_video(self.store, video_id, ["a", "b"])
        if is_in_catalog:
            Catalog(self.store.catalog_path).rebuild(self.store)

    @property
    def videos(self) -> set[str]:
        answer, num_frames = self.searches.find(ALL)
        assert num_frames == len(answer.found)
        return {each.video_id for each in answer.found}


@pytest.fixture
def desk(data_dir: Path) -> Desk:
    desk = Desk(TableStore(data_dir))
    desk.add("one-00000001")
    return desk


def test_what_is_made_is_found_at_once(desk: Desk) -> None:
    assert desk.videos == {"one-00000001"}
    desk.add("two-00000002")
    assert desk.videos == {"one-00000001", "two-00000002"}


def test_what_a_run_did_not_put_into_the_catalog_is_found_after_a_minute(desk: Desk) -> None:
    assert len(desk.videos) == 1
    desk.add("two-00000002", is_in_catalog=False)
    assert len(desk.videos) == 1
    desk.now = 60.0
    assert len(desk.videos) == 2


def test_a_video_that_is_remade_stays_in_what_is_found(desk: Desk) -> None:
    desk.add("two-00000002")
    assert len(desk.videos) == 2
    desk.is_busy = True
    desk.store.delete("candidate_frames", "one-00000001")
    Catalog(desk.store.catalog_path).rebuild(desk.store)
    assert len(desk.videos) == 2
    desk.is_busy = False
    assert desk.videos == {"two-00000002"}


def test_scores_follow_the_settings_also_while_videos_are_remade(desk: Desk) -> None:
    query = Query(ranges=conditions_of(["score>=0"]))
    before = [each.score for each in desk.searches.find(query)[0].found]
    desk.is_busy = True
    desk.settings = load_settings(overrides=["selection.weights.sharpness=0", "selection.weights.contrast=1"])
    assert isinstance(desk.settings, Settings)
    assert [each.score for each in desk.searches.find(query)[0].found] != before


def test_a_library_without_candidates_says_which_stage_to_run(data_dir: Path) -> None:
    with pytest.raises(MissingInputError, match="run `thumb-assets run PATH` first"):
        assert Desk(TableStore(data_dir)).videos
