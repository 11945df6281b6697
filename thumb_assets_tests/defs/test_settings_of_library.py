"""Every process reads the library's settings file, and none replaces unasked what was made with other settings."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import dagster as dg
import pytest

from thumb_assets.defs.backfills import launch_backfill
from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.internals import BulkActionsFilter
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.defs.sensors import library_sensor
from thumb_assets.library.backlog import backlog_of
from thumb_assets.pipeline.remembered import asked_of, grouped
from thumb_assets.pipeline.retry import run_groups
from thumb_assets.settings.config import read_configuration, settings_path
from thumb_assets.settings.edit import set_in_file
from thumb_assets.stages import STAGES
from thumb_assets.store.library import Library
from thumb_assets.store.outcomes import Outcome, record_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import WITHOUT_MODELS, register

MakeVideo = Callable[[str], Path]
FAST = ["video.is_isolated=false", "backfill.retry_seconds=[]", "library.settle_seconds=0"]


@pytest.fixture
def library(synthetic_videos: MakeVideo, data_dir: Path) -> Path:
    """A library of one video; the file turns off what would make a test slow."""
    (data_dir / "videos").mkdir()
    shutil.copyfile(synthetic_videos("multi_shot"), data_dir / "videos" / "clip.mp4")
    set_in_file(data_dir, FAST)
    return data_dir


def run(
    data_dir: Path, *overrides: str, profile: str | None = None, stages: Sequence[str] = WITHOUT_MODELS
) -> dict[str, str | None]:
    """As the command `run`: by stage that was made what it replaced."""
    (video_id,) = register(data_dir, [data_dir / "videos" / "clip.mp4"])
    configuration, store = read_configuration(data_dir, profile=profile, overrides=overrides), TableStore(data_dir)
    results = list(run_groups(grouped([video_id], configuration, store), stages, store))
    assert {result.status for result in results} == {"done"}
    return {result.stage: result.replaced for result in results if not result.is_unchanged}


def files_of(data_dir: Path) -> dict[str, int]:
    """Every table of a stage and every still, and when it was written."""
    folders = [data_dir / "stills", *(data_dir / "tables" / stage for stage in WITHOUT_MODELS[:-1])]
    return {str(path): path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


def tick(instance: dg.DagsterInstance, data_dir: Path, stages: Sequence[str] = WITHOUT_MODELS) -> list[dg.RunRequest]:
    """One tick of the sensor, by the definitions that the UI loads, and what the daemon does with what it asks for."""
    definitions = build_definitions(resource=ThumbAssetsResource(data_dir=str(data_dir)))
    resource = ThumbAssetsResource(data_dir=str(data_dir))
    assert definitions.get_repository_def().has_sensor_def("library")
    result = library_sensor(dg.build_sensor_context(instance=instance, resources={"thumb_assets": resource}))
    assert isinstance(result, dg.SensorResult)
    for request in result.dynamic_partitions_requests or ():
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    requests = list(result.run_requests or ())
    job = definitions.resolve_job_def("thumbnails")
    for request in requests:
        keys = [key for key in request.asset_selection or () if key.to_user_string() in stages]
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        assert job.execute_in_process(
            instance=instance, asset_selection=keys, tags=request.tags, run_config={**request.run_config, **quiet}
        ).success
    return requests


@pytest.mark.parametrize(
    ("overrides", "profile"),
    [(["stills.format=png"], None), ([], "dataset"), (["selection.top_k=1", "shots.detector=content"], None)],
)
def test_the_sensor_leaves_what_was_made_with_other_settings(
    library: Path, instance: dg.DagsterInstance, overrides: list[str], profile: str | None
) -> None:
    run(library, *overrides, profile=profile)
    before = files_of(library)
    assert len(tick(instance, library)) == 1, "recorded in the UI, as unchanged"
    assert files_of(library) == before
    (video_id,) = instance.get_dynamic_partitions("videos")
    assert video_id in instance.get_materialized_partitions(dg.AssetKey("stills"))
    assert tick(instance, library) == []
    assert run(library).keys() == {"catalog"}, "a later run without options keeps them too"
    assert files_of(library) == before


def test_scores_of_every_frame_outlive_the_sensor_and_later_runs(library: Path, instance: dg.DagsterInstance) -> None:
    pytest.importorskip("pyiqa")
    stages = [stage for stage in STAGES if stage in {*WITHOUT_MODELS, "iqa_scores"}]
    run(library, profile="dataset", stages=stages)
    store = TableStore(library)
    (video_id,) = store.video_ids("frames")
    num_frames = store.read("frames", video_id).num_rows
    assert store.read("iqa_scores", video_id).num_rows == num_frames
    tick(instance, library, stages)
    assert run(library, stages=stages).keys() == {"catalog"}
    assert store.read("iqa_scores", video_id).num_rows == num_frames


def test_results_of_the_librarys_former_settings_stay_until_somebody_asks(
    library: Path, instance: dg.DagsterInstance
) -> None:
    run(library)
    before = files_of(library)
    set_in_file(library, ["stills.format=png"])
    tick(instance, library)
    assert files_of(library) == before
    configuration, store = read_configuration(library), TableStore(library)
    (kept,) = backlog_of(
        Library(library).all(), WITHOUT_MODELS, configuration.settings, store, configuration=configuration, keep="made"
    )
    assert kept.work == "none"
    (asked,) = backlog_of(
        Library(library).all(), WITHOUT_MODELS, configuration.settings, store, configuration=configuration
    )
    assert asked.work == "stale"
    assert [(each.name, each.was, each.now) for each in asked.differences] == [("stills.format", "jpeg", "png")]
    assert run(library) == {"stills": "stills.format=png (was jpeg)", "catalog": None}


def test_what_was_asked_for_stays_until_the_library_says_otherwise(library: Path) -> None:
    run(library, "stills.format=png", "selection.top_k=1")
    assert run(library, "selection.top_k=2")["stills"] is None, "another option leaves the format"
    store = TableStore(library)
    (video_id,) = store.video_ids("stills")
    assert {path.suffix for path in store.stills_dir(video_id).iterdir()} == {".png"}
    set_in_file(library, ["stills.format=png"])
    assert run(library).keys() == {"catalog"}
    set_in_file(library, ["stills.format=jpeg"])
    assert run(library)["stills"] == "stills.format=jpeg (was png)", "kept by the library, and then changed there"
    assert run(library, "stills.format=png")["stills"] == "stills.format=png (was jpeg)"
    assert run(library, "stills.format=jpeg")["stills"] == "stills.format=jpeg (was png)"
    assert run(library).keys() == {"catalog"}


def test_stale_makes_all_by_the_librarys_settings(library: Path) -> None:
    run(library, "stills.format=png")
    configuration, store = read_configuration(library), TableStore(library)
    (left,) = backlog_of(
        Library(library).all(), WITHOUT_MODELS, configuration.settings, store, configuration=configuration
    )
    assert (left.work, [each.was for each in left.differences]) == ("none", ["png"])
    groups = grouped([left.video.video_id], configuration, store, keep="none")
    made = {
        result.stage: result.replaced for result in run_groups(groups, WITHOUT_MODELS, store) if not result.is_unchanged
    }
    assert made == {"stills": "stills.format=jpeg (was png)", "catalog": None}
    assert run(library).keys() == {"catalog"}


def test_the_environment_is_no_reason_to_replace(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THUMB_ASSETS_STILLS__FORMAT", "png")
    assert asked_of(read_configuration(library)).keys() == {"stills.format"}
    run(library)
    monkeypatch.delenv("THUMB_ASSETS_STILLS__FORMAT")
    assert run(library).keys() == {"catalog"}


def test_what_a_tick_has_no_time_for_comes_with_the_next(
    library: Path, synthetic_videos: MakeVideo, instance: dg.DagsterInstance
) -> None:
    shutil.copyfile(synthetic_videos("cfr"), library / "videos" / "other.mp4")
    video_ids = register(library, [library / "videos" / "clip.mp4", library / "videos" / "other.mp4"])
    for video_id in video_ids:  # both were tried once
        record_outcomes(TableStore(library), video_id, [Outcome(video_id, "videos", "failed", "no", True, None, "")])
    set_in_file(library, ["library.max_hash_seconds_per_tick=0.000000001"])
    counts = []
    for _ in range(2):
        resource = ThumbAssetsResource(data_dir=str(library))
        result = library_sensor(dg.build_sensor_context(instance=instance, resources={"thumb_assets": resource}))
        assert isinstance(result, dg.SensorResult)
        for request in result.dynamic_partitions_requests or ():
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        counts.append(len(instance.get_dynamic_partitions("videos")))
    assert counts == [1, 2]


def test_another_machine_knows_what_was_asked_for(library: Path, tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    set_in_file(library, [f"library.outputs_url={(tmp_path / 'outputs').as_uri()}"])
    run(library, "stills.format=png")
    store = TableStore(library)
    (video_id,) = store.video_ids("stills")
    for name in ("tables", "stills"):
        shutil.rmtree(library / name)
    (group,) = grouped([video_id], read_configuration(library), store)
    assert (group.settings.stills.format, group.kept) == ("png", {"stills.format"})


def test_a_daemon_reads_the_file_again(library: Path, instance: dg.DagsterInstance) -> None:
    resource = ThumbAssetsResource(data_dir=str(library))
    assert resource.settings.selection.top_k == 3
    set_in_file(library, ["selection.top_k=5", "backfill.queue=gpu"])
    assert resource.settings.selection.top_k == 5
    launch_backfill(instance, video_ids=["clip-0a1b2c3d"], stages=["videos"], resource=resource)
    (backfill,) = instance.get_backfills(filters=BulkActionsFilter())
    assert backfill.tags["dagster-celery/queue"] == "gpu"


def test_what_dagster_fixes_at_load_comes_from_the_file(library: Path) -> None:
    set_in_file(library, ["backfill.cron=30 4 * * 1", 'library.owners=["team:film"]', "backfill.pool=gpu"])
    definitions = build_definitions(resource=ThumbAssetsResource(data_dir=str(library)))
    assert definitions.resolve_schedule_def("thumb_backfill").cron_schedule == "30 4 * * 1"
    node = definitions.resolve_asset_graph().get(dg.AssetKey("videos"))
    assert list(node.owners) == ["team:film"]
    assert node.pools == {"gpu"}


def test_a_wrong_file_is_said_in_one_line_and_nothing_runs(library: Path, instance: dg.DagsterInstance) -> None:
    settings_path(library).write_text("[selection]\ntopk = 5\n")
    resource = ThumbAssetsResource(data_dir=str(library))
    build_definitions(resource=resource)
    result = library_sensor(dg.build_sensor_context(instance=instance, resources={"thumb_assets": resource}))
    assert isinstance(result, dg.SensorResult)
    assert "thumb_assets.toml: setting selection.topk" in str(result.skip_reason)
    assert not result.run_requests
    assert instance.get_dynamic_partitions("videos") == []
