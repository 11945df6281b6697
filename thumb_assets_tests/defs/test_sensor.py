import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.defs.sensors import library_sensor
from thumb_assets.errors import BadInputError
from thumb_assets_tests.support.running import WITHOUT_MODELS

MakeVideo = Callable[[str], Path]


def tick(instance: dg.DagsterInstance, data_dir: Path, *overrides: str, cursor: str | None = None) -> dg.SensorResult:
    """One tick, and what the daemon does with what it asks for."""
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=["library.settle_seconds=0", *overrides])
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"thumb_assets": resource})
    result = library_sensor(context)
    assert isinstance(result, dg.SensorResult)
    for request in result.dynamic_partitions_requests or ():
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        else:
            for key in request.partition_keys:
                instance.delete_dynamic_partition(request.partitions_def_name, key)
    return result


def test_new_files_become_partitions_once(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    library.mkdir()
    shutil.copyfile(synthetic_videos("cfr"), library / "First Clip (1).mp4")
    tick(instance, data_dir)
    (first,) = instance.get_dynamic_partitions("videos")
    assert first.startswith("first-clip-1-")
    shutil.copyfile(synthetic_videos("vfr"), library / "second.mp4")
    tick(instance, data_dir)
    assert len(instance.get_dynamic_partitions("videos")) == 2
    assert tick(instance, data_dir).skip_reason is not None


def test_an_empty_or_missing_library_is_an_error_and_removes_nothing(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    library.mkdir()
    shutil.copyfile(synthetic_videos("cfr"), library / "clip.mp4")
    tick(instance, data_dir)
    (library / "clip.mp4").unlink()
    with pytest.raises(BadInputError, match="no usable video"):
        tick(instance, data_dir)
    library.rmdir()
    with pytest.raises(BadInputError, match="does not exist"):
        tick(instance, data_dir)
    assert len(instance.get_dynamic_partitions("videos")) == 1
    (data_dir / "library.sqlite").unlink()
    with pytest.raises(BadInputError, match="does not exist"):
        tick(instance, data_dir)


def test_a_library_that_never_had_a_video_waits_for_one(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    line = f"no video yet: put files into {library}"
    assert tick(instance, data_dir).skip_reason == dg.SkipReason(line)
    library.mkdir()
    assert tick(instance, data_dir).skip_reason == dg.SkipReason(line)
    shutil.copyfile(synthetic_videos("cfr"), library / "clip.mp4")
    assert tick(instance, data_dir).skip_reason is None
    assert len(instance.get_dynamic_partitions("videos")) == 1


def test_what_is_no_video_is_set_aside_and_no_partition(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    library.mkdir()
    shutil.copyfile(synthetic_videos("cfr"), library / "clip.mp4")
    for number in range(3):
        (library / f"a{number}.mp4").write_text("only text\n" * 100)
    # What is set aside takes no place among the new files of a tick.
    tick(instance, data_dir, "library.max_new_per_tick=1")
    assert [each.rpartition("-")[0] for each in instance.get_dynamic_partitions("videos")] == ["clip"]
    assert "set aside as no videos: 3" in str(tick(instance, data_dir).skip_reason)


def test_a_file_under_way_waits(synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance) -> None:
    library = data_dir / "videos"
    library.mkdir()
    shutil.copyfile(synthetic_videos("cfr"), library / "clip.mp4")
    result = tick(instance, data_dir, "library.settle_seconds=3600")
    assert "1 files may still be written" in str(result.skip_reason)
    assert instance.get_dynamic_partitions("videos") == []


def test_another_content_takes_the_partitions_place(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    library.mkdir()
    shutil.copyfile(synthetic_videos("cfr"), library / "clip.mp4")
    tick(instance, data_dir)
    (before,) = instance.get_dynamic_partitions("videos")
    shutil.copyfile(synthetic_videos("vfr"), library / "clip.mp4")
    tick(instance, data_dir)
    (after,) = instance.get_dynamic_partitions("videos")
    assert after != before
    assert tick(instance, data_dir).skip_reason is not None


def test_no_partition_goes_while_a_run_may_need_it(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    library.mkdir()
    shutil.copyfile(synthetic_videos("cfr"), library / "clip.mp4")
    tick(instance, data_dir)
    (former,) = instance.get_dynamic_partitions("videos")
    job = build_definitions().resolve_job_def("thumbnails")
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    shutil.copyfile(synthetic_videos("vfr"), library / "clip.mp4")
    tick(instance, data_dir)
    assert len(instance.get_dynamic_partitions("videos")) == 2
    instance.report_run_canceled(run)
    tick(instance, data_dir)
    (new,) = instance.get_dynamic_partitions("videos")
    assert new != former


def test_a_content_that_comes_back_is_run_again(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    library.mkdir()
    asked = []
    for name in ("cfr", "vfr", "cfr"):
        shutil.copyfile(synthetic_videos(name), library / "clip.mp4")
        requests = tick(instance, data_dir).run_requests or []
        asked += [(request.run_key, request.tags["dagster/asset_partition_range_start"]) for request in requests]
    assert [run_key for run_key, _ in asked] == [None] * 3  # Dagster skips a key that had a run
    assert asked[0] == asked[2] != asked[1]


def test_a_file_that_is_gone_is_told_and_keeps_its_partition(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    library.mkdir()
    for name in ("cfr", "vfr"):
        shutil.copyfile(synthetic_videos(name), library / f"{name}.mp4")
    tick(instance, data_dir)
    (library / "vfr.mp4").unlink()
    result = tick(instance, data_dir)
    assert "1 video (vfr-" in str(result.skip_reason)
    assert len(instance.get_dynamic_partitions("videos")) == 2


def test_a_large_library_is_gone_through_in_several_ticks(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    library.mkdir()
    for name in ("cfr", "vfr", "multi_shot"):
        shutil.copyfile(synthetic_videos(name), library / f"{name}.mp4")
    cursor, counts = None, []
    for _ in range(3):
        cursor = tick(instance, data_dir, "library.max_files_per_tick=2", cursor=cursor).cursor
        counts.append(len(instance.get_dynamic_partitions("videos")))
    assert counts == [2, 3, 3]


def test_what_is_new_is_run_in_chunks(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    library.mkdir()
    for name in ("cfr", "vfr", "multi_shot"):
        shutil.copyfile(synthetic_videos(name), library / f"{name}.mp4")
    result = tick(instance, data_dir, "backfill.num_videos_per_run=2")
    assert len(result.run_requests or ()) == 2
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=["video.is_isolated=false"])
    job = build_definitions(resource=resource).resolve_job_def("thumbnails")
    for request in result.run_requests or ():
        selection = [key for key in request.asset_selection or () if key.to_user_string() in WITHOUT_MODELS]
        assert job.execute_in_process(instance=instance, asset_selection=selection, tags=request.tags).success
    videos = set(instance.get_dynamic_partitions("videos"))
    assert len(videos) == 3
    assert set(instance.get_materialized_partitions(dg.AssetKey("stills"))) == videos
    assert not tick(instance, data_dir).run_requests


def test_what_is_new_may_be_left_alone(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    library = data_dir / "videos"
    library.mkdir()
    shutil.copyfile(synthetic_videos("cfr"), library / "clip.mp4")
    result = tick(instance, data_dir, "library.process_new=false")
    assert not result.run_requests
    assert len(instance.get_dynamic_partitions("videos")) == 1
