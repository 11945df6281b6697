"""Work that is left in a library, tries that come to an end or not, and the remains of a changed file."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from thumb_assets.library.backlog import Backlog, backlog_of
from thumb_assets.library.estimate import estimate
from thumb_assets.pipeline.retry import run_with_retries
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.library import Library
from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.outputs import ids_with_outputs
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

MakeVideo = Callable[[str], Path]
WAITS = (3.0, 7.0)


def settings(*overrides: str) -> Settings:
    return load_settings(overrides=["video.is_isolated=false", f"backfill.retry_seconds={list(WAITS)}", *overrides])


def left(data_dir: Path, *overrides: str) -> list[Backlog]:
    videos = Library(data_dir).all()
    return list(backlog_of(videos, WITHOUT_MODELS, settings(*overrides), TableStore(data_dir)))


def add_garbage(data_dir: Path) -> str:
    path = data_dir / "garbage.mp4"
    data_dir.mkdir(exist_ok=True)
    path.write_bytes(b"no video at all")
    return register(data_dir, [path])[0]


def test_what_is_left_of_each_video(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (done_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [done_id])
    (new_id,) = register(data_dir, [synthetic_videos("cfr")])
    bad_id = add_garbage(data_dir)
    run_stages(data_dir, [bad_id])
    by_id = {each.video.video_id: each for each in left(data_dir)}
    assert (by_id[done_id].work, by_id[new_id].work, by_id[bad_id].work) == ("none", "missing", "failed")
    assert by_id[bad_id].is_permanent
    assert "garbage.mp4" in str(by_id[bad_id].message)
    assert by_id[done_id].message is None


def test_other_settings_make_a_video_stale(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    video_ids = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, video_ids)
    assert [each.work for each in left(data_dir, "clip.batch_size=3")] == ["none"]
    assert [each.work for each in left(data_dir, "stills.jpeg_quality=80")] == ["stale"]
    TableStore(data_dir).delete("sharpness", video_ids[0])
    assert [each.work for each in left(data_dir)] == ["missing"]


def spoil(data_dir: Path) -> Path:
    """A file where the folder of all stills should be: a disk's fault, which somebody may put right."""
    place = TableStore(data_dir).stills_root
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("in the way")
    return place


def retried(data_dir: Path, video_ids: list[str], sleep: Callable[[float], object]) -> list[tuple[str, str, str]]:
    results = run_with_retries(video_ids, WITHOUT_MODELS, settings(), TableStore(data_dir), sleep=sleep)
    return [(result.video_id, result.stage, result.status) for result in results]


def test_a_failure_that_passes_is_tried_again_after_the_others(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    video_ids = register(data_dir, [synthetic_videos("multi_shot"), synthetic_videos("cfr")])
    place, waits = spoil(data_dir), []

    def repair(seconds: float) -> None:
        waits.append(seconds)
        outcomes = [outcome.status for outcome in read_outcomes(TableStore(data_dir), video_ids[0])]
        assert "failed" in outcomes
        place.unlink()

    results = retried(data_dir, video_ids, repair)
    assert waits == [WAITS[0]]
    assert sorted(results) == sorted((video_id, stage, "done") for video_id in video_ids for stage in WITHOUT_MODELS)
    assert [each.work for each in left(data_dir)] == ["none", "none"]


def test_a_failure_that_stays_is_told_once_at_the_end(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    video_ids = register(data_dir, [synthetic_videos("multi_shot")])
    spoil(data_dir)
    waits: list[float] = []
    results = retried(data_dir, video_ids, waits.append)
    assert waits == list(WAITS)
    assert len(results) == len(set(results)) == len(WITHOUT_MODELS)
    assert [status for _, stage, status in results if stage == "stills"] == ["failed"]
    (backlog,) = left(data_dir)
    assert (backlog.work, backlog.is_permanent) == ("failed", False)


def test_bad_input_is_not_tried_again(data_dir: Path) -> None:
    video_id = add_garbage(data_dir)
    results = retried(data_dir, [video_id], lambda _: pytest.fail("waited for a file that will not mend itself"))
    assert {status for _, stage, status in results if stage != "catalog"} == {"failed"}


def test_an_estimate_counts_what_it_cannot_read(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    register(data_dir, [synthetic_videos("multi_shot"), synthetic_videos("cfr")])
    add_garbage(data_dir)
    expected = estimate(Library(data_dir).all(), settings())
    assert (expected.num_videos, expected.num_sampled, expected.num_unreadable) == (3, 3, 1)
    assert expected.video_seconds > 1
    assert expected.wall_seconds > 6  # to start takes that long
    assert expected.num_bytes > 0
    assert estimate(Library(data_dir).all(), settings(), max_sampled=1).num_sampled == 1


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_changed_file_replaces_what_was_made_of_it(
    synthetic_videos: MakeVideo, data_dir: Path, tmp_path: Path, *, is_kept: bool
) -> None:
    path = tmp_path / "clip.mp4"
    shutil.copyfile(synthetic_videos("multi_shot"), path)
    (old_id,) = register(data_dir, [path])
    run_stages(data_dir, [old_id])
    shutil.copyfile(synthetic_videos("cfr"), path)
    (new_id,) = register(data_dir, [path])
    assert new_id != old_id
    run_stages(data_dir, [new_id], settings=settings(f"library.keep_replaced={str(is_kept).lower()}"))
    store = TableStore(data_dir)
    assert ids_with_outputs(store) == sorted([new_id, old_id] if is_kept else [new_id])
    assert store.stills_dir(old_id).exists() == is_kept
    rows = Catalog(store.catalog_path).query("SELECT DISTINCT video_id FROM stills")
    assert {row["video_id"] for row in rows} == ({new_id, old_id} if is_kept else {new_id})


def test_a_changed_file_that_fails_keeps_what_was_made_before(
    synthetic_videos: MakeVideo, data_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    shutil.copyfile(synthetic_videos("multi_shot"), path)
    (old_id,) = register(data_dir, [path])
    run_stages(data_dir, [old_id])
    path.write_bytes(b"an upload that broke off")
    (new_id,) = register(data_dir, [path])
    run_stages(data_dir, [new_id])
    assert TableStore(data_dir).has("stills", old_id)


def test_a_file_that_went_before_its_first_run_is_a_failure_on_record(
    synthetic_videos: MakeVideo, data_dir: Path
) -> None:
    path = data_dir / "clip.mp4"
    data_dir.mkdir(exist_ok=True)
    shutil.copyfile(synthetic_videos("cfr"), path)
    (video_id,) = register(data_dir, [path])
    path.unlink()
    run_stages(data_dir, [video_id])
    (outcome,) = read_outcomes(TableStore(data_dir), video_id)
    assert (outcome.status, outcome.stage) == ("failed", "videos")
    assert "cannot be found" in str(outcome.message)
    run_stages(data_dir, ["never-00000000"])
    assert not TableStore(data_dir).has("outcomes", "never-00000000")
