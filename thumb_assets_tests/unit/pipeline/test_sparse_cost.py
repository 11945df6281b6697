"""The estimate that decides on a sparse pass before anything is decoded."""

import numpy as np
import pytest

from thumb_assets.pipeline.sparse_cost import frames_between, plan_sparse_pass
from thumb_assets.settings.stages import SparseSettings
from thumb_assets.video.index import FrameIndex, UntrustedIndexError

_SETTINGS = SparseSettings()


def _index(num_frames: int, gop_size: int) -> FrameIndex:
    sync_frames = np.arange(0, num_frames, gop_size)
    places = np.arange(num_frames)
    return FrameIndex(places, places, places, sync_frames, sync_frames, places / 25, 0)


def test_a_minute_with_a_sync_frame_every_120_frames_gets_the_frames_that_it_lacks() -> None:
    budget, between = plan_sparse_pass(_index(1500, 120), _SETTINGS)
    assert len(between) == _SETTINGS.min_sync_frames - 13
    assert {frame_index % 120 for frame_index in between} == {60}
    assert budget.spent == 3 * 13 + 120 + 3 * 61
    assert budget.spent + budget.limit < 0.35 * 1500 + 1


def test_enough_sync_frames_need_no_others() -> None:
    budget, between = plan_sparse_pass(_index(4500, 120), _SETTINGS)
    assert between == []
    assert budget.spent == 3 * 38 + 120


@pytest.mark.parametrize(("num_frames", "gop_size"), [(250, 120), (750, 120), (1500, 250), (100, 4), (1, 1)])
def test_what_is_as_good_as_the_whole_video_is_refused_before_it_begins(num_frames: int, gop_size: int) -> None:
    with pytest.raises(UntrustedIndexError, match="as good as the whole video"):
        plan_sparse_pass(_index(num_frames, gop_size), _SETTINGS)


def test_sync_frames_too_far_apart_are_refused() -> None:
    with pytest.raises(UntrustedIndexError, match="max_sync_gap_seconds"):
        plan_sparse_pass(_index(40_000, 400), _SETTINGS)


def test_frames_between_split_the_widest_gaps_and_end_where_there_are_none() -> None:
    index = _index(12, 4)
    assert frames_between(index, 2) == [6, 10]
    assert frames_between(index, 100) == [5, 6, 7, 9, 10, 11]
