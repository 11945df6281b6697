"""The dataset as an asset: it writes what the command writes, and tells which partitions it holds."""

from pathlib import Path

import dagster as dg
import pandas as pd

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.unit.dataset.builders import library


def materialize(instance: dg.DagsterInstance, data_dir: Path, *overrides: str) -> dg.ExecuteInProcessResult:
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=["dataset.format=csv", *overrides])
    job = build_definitions(resource=resource).resolve_implicit_global_asset_job_def()
    chosen = job.get_subset(asset_selection={dg.AssetKey("dataset")})
    return chosen.execute_in_process(instance=instance, raise_on_error=False)


def test_the_asset_writes_the_dataset_and_names_its_partitions(data_dir: Path, instance: dg.DagsterInstance) -> None:
    store = library(data_dir, 10)
    for video_id in store.video_ids("stills")[:1]:
        tags = {"dagster/data_version": "made-of-this"}
        event = dg.AssetMaterialization("stills", partition=video_id, tags=tags)
        instance.report_runless_asset_event(event)
    for _ in range(2):  # a former one is replaced
        result = materialize(instance, data_dir)
        assert result.success
    (event,) = result.asset_materializations_for_node("dataset")
    assert event.partition is None
    metadata = {name: value.value for name, value in event.metadata.items()}
    assert (metadata["num_stills"], metadata["num_videos"]) == (20, 10)
    assert metadata["stills_by_split"] == {"train": 16, "validation": 2, "test": 2}
    assert Path(metadata["path"]) == data_dir / "datasets" / "csv"
    records = [record.data for record in event.metadata["partitions"].records]
    assert [record["partition"] for record in records] == store.video_ids("stills")
    assert [record["stills_version"] for record in records] == ["made-of-this", *[""] * 9]
    rows = pd.read_csv(data_dir / "datasets" / "csv" / "stills.csv")
    splits = dict(zip(rows["video_id"], rows["split"], strict=True))
    assert {record["partition"]: record["split"] for record in records} == splits


def test_it_comes_after_the_stages_whose_tables_it_reads(data_dir: Path) -> None:
    graph = build_definitions(resource=ThumbAssetsResource(data_dir=str(data_dir))).resolve_asset_graph()
    parents = {key.to_user_string() for key in graph.get(dg.AssetKey("dataset")).parent_keys}
    assert {"stills", "selections", "clip_scores"} <= parents
    assert "chapters" not in parents, "it is off"


def test_a_library_without_stills_fails_the_run_in_one_line(data_dir: Path, instance: dg.DagsterInstance) -> None:
    result = materialize(instance, data_dir)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert (
        "no video here has selections; run `thumb-assets run PATH` first" in failure.step_failure_data.error.to_string()
    )


def test_the_schedule_is_stopped_and_runs_when_the_settings_say(data_dir: Path) -> None:
    overrides = ["dataset.cron=30 4 * * 1", "backfill.timezone=Europe/Berlin"]
    definitions = build_definitions(resource=ThumbAssetsResource(data_dir=str(data_dir), overrides=overrides))
    schedule = definitions.resolve_schedule_def("dataset")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 4 * * 1", "Europe/Berlin")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_its_folder_is_in_the_data_folder_and_nowhere_in_its_way(data_dir: Path, instance: dg.DagsterInstance) -> None:
    store: TableStore = library(data_dir, 3)
    other = data_dir / "datasets" / "csv"
    other.mkdir(parents=True)
    (other / "mine.txt").write_text("mine")
    result = materialize(instance, data_dir)
    assert not result.success
    assert (other / "mine.txt").read_text() == "mine"
    assert len(store.video_ids("stills")) == 3
