"""Videos whose stamps are not those of a camera, from the file to the stills: what a player shows is what is chosen."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.odd_time import SHOT_FRAMES, deck_frames
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

MakeVideo = Callable[[str], Path]
_STAGES = tuple(stage for stage in WITHOUT_MODELS if stage not in {"published", "catalog"})


def _made(
    data_dir: Path, path: Path, stages: tuple[str, ...] = _STAGES, overrides: tuple[str, ...] = ()
) -> dict[str, list[dict]]:
    (video_id,) = register(data_dir, [path])
    results = run_stages(data_dir, [video_id], stages, settings=load_settings(overrides=overrides))
    assert {result.status for result in results.values()} == {"done"}, results
    store = TableStore(data_dir)
    rows = {stage: store.read(stage, video_id).to_pylist() for stage in stages}
    rows["notes"] = [dict(result.metrics) for result in results.values() if result.stage == "videos"]
    return rows


def _frames(rows: dict[str, list[dict]], table: str) -> list[int]:
    return [row["frame_index"] for row in rows[table]]


def test_a_picture_that_stays_is_chosen_not_the_black_frame_behind_it(
    synthetic_videos: MakeVideo, data_dir: Path
) -> None:
    rows = _made(data_dir, synthetic_videos("hold_then_black"))
    assert [row["duration_seconds"] for row in rows["frames"]] == [300.0, 0.04]
    assert rows["videos"][0]["duration_seconds"] == pytest.approx(300.04)
    assert 0 in _frames(rows, "candidate_frames")
    assert _frames(rows, "selections") == [0]
    (still,) = (data_dir / "stills").rglob("*_f*.jpg")
    assert np.asarray(Image.open(still)).mean() > 60


def test_slides_are_chosen_not_the_cross_fades_between_them(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    rows = _made(data_dir, synthetic_videos("deck_vfr"))
    slides = {place for place, (_, slide, _) in enumerate(deck_frames()) if slide is not None}
    assert len(slides) == 10
    # By the file the last one is on screen for 40 ms only.
    assert slides <= set(_frames(rows, "candidate_frames"))
    assert set(_frames(rows, "selections")) <= slides


@pytest.mark.parametrize("name", ["joined_ts", "jumping_ts"])
def test_joined_recordings_are_one_timeline(name: str, synthetic_videos: MakeVideo, data_dir: Path) -> None:
    stages = (*_STAGES[: _STAGES.index("selections") + 1], "chapters")
    rows = _made(data_dir, synthetic_videos(name), stages, ("chapters.is_on=true",))
    (video,), frames = rows["videos"], rows["frames"]
    seconds = np.array([row["pts_seconds"] for row in frames])
    assert np.diff(seconds) == pytest.approx(0.04)
    assert (video["duration_seconds"], video["num_time_jumps"]) == (pytest.approx(6.0), 1)
    assert "start again or jump at 1 place" in rows["notes"][0]["note"]
    assert [row["start_frame_index"] for row in rows["shots"]] == [0, 75]
    candidates = np.array(_frames(rows, "candidate_frames"))
    assert min((candidates < 75).sum(), (candidates >= 75).sum()) >= 4
    assert rows["chapters"][-1]["end_seconds"] == pytest.approx(seconds[0] + 6.0)


def test_stamps_that_wrap_give_no_negative_seconds(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    rows = _made(data_dir, synthetic_videos("wrapping_ts"), ("videos", "frames"))
    assert rows["frames"][0]["pts"] < 0, "as FFmpeg gives it: what is fetched again is found by it"
    seconds = [row["pts_seconds"] for row in rows["frames"]]
    assert min(seconds) > 0
    assert np.diff(seconds) == pytest.approx(0.04)


@pytest.mark.parametrize("name", ["raw_dv", "avi_600", "webm_1000"])
def test_a_header_s_rate_has_no_say_in_the_cuts(name: str, synthetic_videos: MakeVideo, data_dir: Path) -> None:
    rows = _made(data_dir, synthetic_videos(name), ("videos", "frames", "shots"))
    assert [row["start_frame_index"] for row in rows["shots"]] == [0, *range(SHOT_FRAMES, 4 * SHOT_FRAMES, SHOT_FRAMES)]
    assert rows["videos"][0]["duration_seconds"] == pytest.approx(4.0)


def test_the_least_length_of_a_shot_is_a_time(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    rows = _made(data_dir, synthetic_videos("fast_then_slow"), ("frames", "shots"))
    assert [row["start_frame_index"] for row in rows["shots"]] == [0, *range(400, 440, 5)]
    rows = _made(data_dir, synthetic_videos("slow_then_cuts"), ("frames", "shots"))
    starts = [row["start_frame_index"] for row in rows["shots"]]
    seconds = [rows["frames"][start]["pts_seconds"] for start in starts]
    assert len(starts) > 5
    assert np.diff(seconds).min() >= 0.6 - 1e-6


def test_a_short_clip_that_fades_in_gives_no_nearly_black_still(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    rows = _made(data_dir, synthetic_videos("short_fade_in"))
    assert len(rows["candidate_frames"]) >= 8
    for still in (data_dir / "stills").rglob("*.jpg"):
        assert np.asarray(Image.open(still)).mean() > 70
    assert rows["selections"]


def test_the_last_second_of_a_clip_has_a_candidate(shared_dir: Path, data_dir: Path) -> None:
    """The flower is open at the end only."""
    stages = ("videos", "frames", "shots", "candidate_frames")
    rows = _made(data_dir, shared_dir / "video" / "flower.mp4", stages)
    end = rows["frames"][0]["pts_seconds"] + rows["videos"][0]["duration_seconds"]
    assert end - rows["candidate_frames"][-1]["pts_seconds"] < 0.5
