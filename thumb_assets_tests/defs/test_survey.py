"""The survey as an asset: it writes what the command writes, and its schedule waits to be turned on."""

from pathlib import Path

import dagster as dg

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.survey import read_reference
from thumb_assets_tests.unit.survey.builders import write_video


def run_survey(instance: dg.DagsterInstance, data_dir: Path) -> dg.ExecuteInProcessResult:
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=["survey.min_videos=2"])
    job = build_definitions(resource=resource).resolve_implicit_global_asset_job_def()
    chosen = job.get_subset(asset_selection={dg.AssetKey("survey")})
    return chosen.execute_in_process(instance=instance, raise_on_error=False)


def test_the_asset_surveys_and_shows_its_counts(data_dir: Path, instance: dg.DagsterInstance) -> None:
    store = TableStore(data_dir)
    for letter in "abc":
        write_video(store, f"{letter}-00000000", ["intro", f"{letter}1", f"{letter}2"])
    result = run_survey(instance, data_dir)
    assert result.success
    (event,) = result.asset_materializations_for_node("survey")
    counts = {name: value.value for name, value in event.metadata.items()}
    assert counts == {
        "num_videos": 3,
        "num_frames": 9,
        "num_groups": 1,
        "num_alike_stills": 3,
        "num_changed_videos": 3,
        "num_left_out": 0,
        "is_reference_new": True,
    }
    assert event.partition is None
    assert store.read("recurrences", "a-00000000").column("num_videos").to_pylist() == [2]
    observed = instance.fetch_observations(dg.AssetKey("recurrences"), limit=10).records
    assert {record.partition_key for record in observed} == {f"{letter}-00000000" for letter in "abc"}
    assert len(instance.fetch_observations(dg.AssetKey("library_percentiles"), limit=10).records) == 1
    assert set(read_reference(store)[0]) == {"sharpness", "clip", "contrast"}


def test_a_library_that_cannot_be_surveyed_fails_the_run(data_dir: Path, instance: dg.DagsterInstance) -> None:
    result = run_survey(instance, data_dir)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "run `thumb-assets run PATH` first" in failure.step_failure_data.error.to_string()


def test_the_schedule_is_stopped_and_runs_when_the_settings_say(data_dir: Path) -> None:
    overrides = ["backfill.survey_cron=30 4 * * 1", "backfill.timezone=Europe/Berlin"]
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=overrides)
    definitions = build_definitions(resource=resource)
    schedule = definitions.resolve_schedule_def("survey")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 4 * * 1", "Europe/Berlin")
    job = definitions.get_repository_def().get_job(schedule.job_name)
    assert {key.to_user_string() for key in job.asset_layer.selected_asset_keys} == {"survey"}
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
