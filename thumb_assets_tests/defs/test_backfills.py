"""Backfills that are handed to Dagster: which videos, in which runs, and what a schedule's job chooses."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from thumb_assets.defs.backfills import launch_backfill, thumb_backfill_job
from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.internals import BulkActionsFilter, BulkActionStatus
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

MakeVideo = Callable[[str], Path]


def test_a_backfill_names_the_videos_and_carries_the_settings(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    video_ids = register(data_dir, [synthetic_videos("cfr"), synthetic_videos("vfr")])
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=["selection.top_k=1"])
    backfill_id = launch_backfill(instance, video_ids=video_ids[:1], stages=["videos", "stills"], resource=resource)
    (backfill,) = instance.get_backfills()
    assert backfill.backfill_id == backfill_id
    assert backfill.asset_backfill_data is not None
    targets = backfill.asset_backfill_data.target_subset.get_partitions_subset(dg.AssetKey("stills"))
    assert set(targets.get_partition_keys()) == set(video_ids[:1])
    assert set(backfill.asset_selection or ()) == {dg.AssetKey("videos"), dg.AssetKey("stills")}
    config = (backfill.run_config or {})["resources"]["thumb_assets"]["config"]
    assert config["overrides"] == ["selection.top_k=1"]
    assert set(instance.get_dynamic_partitions("videos")) == set(video_ids[:1])


def run_job(instance: dg.DagsterInstance, data_dir: Path) -> dg.ExecuteInProcessResult:
    resource = ThumbAssetsResource(data_dir=str(data_dir))
    definitions = build_definitions(resource=resource)
    repository = definitions.get_repository_def()
    return repository.get_job(thumb_backfill_job.name).execute_in_process(instance=instance)


def test_the_schedules_job_launches_what_is_left(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    garbage = data_dir / "garbage.mp4"
    data_dir.mkdir(exist_ok=True)
    garbage.write_bytes(b"no video")
    new_id, bad_id = register(data_dir, [synthetic_videos("cfr"), garbage])
    run_stages(data_dir, [bad_id])
    assert run_job(instance, data_dir).success
    (backfill,) = instance.get_backfills(filters=BulkActionsFilter())
    assert backfill.description == "1 video"
    assert instance.get_dynamic_partitions("videos") == [new_id]


def test_nothing_is_launched_beside_a_backfill_under_way(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    register(data_dir, [synthetic_videos("cfr")])
    for _ in range(2):
        assert run_job(instance, data_dir).success
    (backfill,) = instance.get_backfills()
    instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_FAILED))
    assert run_job(instance, data_dir).success
    assert len(instance.get_backfills()) == 2


@pytest.mark.parametrize("name", ["thumb_backfill"])
def test_the_schedule_runs_that_job_when_the_settings_say(name: str, data_dir: Path) -> None:
    resource = ThumbAssetsResource(
        data_dir=str(data_dir), overrides=["backfill.cron=30 4 * * 1", "backfill.timezone=Europe/Berlin"]
    )
    schedule = build_definitions(resource=resource).resolve_schedule_def(name)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 4 * * 1", "Europe/Berlin")
    assert schedule.job_name == thumb_backfill_job.name
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_the_size_of_a_run_is_a_setting(data_dir: Path) -> None:
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=["backfill.num_videos_per_run=7"])
    graph = build_definitions(resource=resource).resolve_asset_graph()
    policy = graph.get(dg.AssetKey(WITHOUT_MODELS[0])).backfill_policy
    assert policy is not None
    assert policy.max_partitions_per_run == 7
