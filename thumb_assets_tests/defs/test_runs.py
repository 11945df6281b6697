"""Real runs of the assets: a partition, a range with a bad video, one stage alone, checks that fail when due."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord
from PIL import Image

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.checks import CHECKS
from thumb_assets.defs.metadata import stage_metadata
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.pipeline.result import StageResult
from thumb_assets.settings.load import load_settings
from thumb_assets.stages import STAGES
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.stored_form import CONTENT, OWN_FOOTER_KEYS
from thumb_assets.tables.conform import content_sha256, empty_table
from thumb_assets_tests.defs.conftest import RunRange, stale_causes
from thumb_assets_tests.support.encoding import encode
from thumb_assets_tests.support.running import WITHOUT_MODELS, register

MakeVideo = Callable[[str], Path]


def materialized(instance: dg.DagsterInstance, stage: str) -> set[str]:
    return set(instance.get_materialized_partitions(dg.AssetKey(stage)))


def check_results(instance: dg.DagsterInstance, stage: str, name: str) -> dict[str, bool]:
    """Outcome of the check's last run, by partition."""
    key = dg.AssetCheckKey(dg.AssetKey(stage), name)
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    results: dict[str, bool] = {}
    for evaluation in evaluations(records):  # newest first
        is_result = evaluation.passed or evaluation.severity == dg.AssetCheckSeverity.ERROR
        if evaluation.partition not in results and is_result:
            assert evaluation.target_materialization_data is not None
            results[str(evaluation.partition)] = evaluation.passed
    return results


def evaluations(records: Sequence[AssetCheckExecutionRecord]) -> list[dg.AssetCheckEvaluation]:
    found = [record.event.dagster_event.event_specific_data for record in records if record.event]
    return [each for each in found if isinstance(each, dg.AssetCheckEvaluation)]


def test_a_partition_materializes_every_stage_and_passes_its_checks(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange
) -> None:
    video_ids = register(data_dir, [synthetic_videos("multi_shot")])
    result = run_range(video_ids, WITHOUT_MODELS)
    assert result.success
    for stage in WITHOUT_MODELS:
        assert materialized(instance, stage) == set(video_ids)
        for name in CHECKS[stage]:
            assert check_results(instance, stage, name) == dict.fromkeys(video_ids, True), (stage, name)
    metadata = instance.get_latest_materialization_event(dg.AssetKey("stills")).asset_materialization.metadata
    assert metadata["dagster/row_count"].value == 3
    assert metadata["contact_sheet"].value.startswith("![picture](data:image/jpeg;base64,")
    metadata = instance.get_latest_materialization_event(dg.AssetKey("selections")).asset_materialization.metadata
    assert metadata["score_timeline"].value.startswith("![picture](data:image/png;base64,")


def messages(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> list[str]:
    return [entry.user_message for entry in instance.all_logs(result.run_id)]


def test_evaluated_checks_are_not_missed(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange
) -> None:
    result = run_range(register(data_dir, [synthetic_videos("one_frame")]), ["videos", "frames", "shots"])
    assert result.success
    assert [line for line in messages(instance, result) if "expected outputs" in line] == []


def test_a_stage_that_a_run_turns_on_and_that_is_no_asset_is_named(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    video_ids = register(data_dir, [synthetic_videos("one_frame")])
    instance.add_dynamic_partitions("videos", video_ids)
    job = build_definitions(resource=ThumbAssetsResource(data_dir=str(data_dir))).resolve_job_def("thumbnails")
    given = {"data_dir": str(data_dir), "overrides": ["video.is_isolated=false", "chapters.is_on=true"]}
    result = job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey("videos")],
        partition_key=video_ids[0],
        run_config={"resources": {"thumb_assets": {"config": given}}},
    )
    assert result.success
    (line,) = [line for line in messages(instance, result) if line.startswith("chapters is turned on")]
    assert "reload the code location" in line


def test_materialize_of_one_partition(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    instance.add_dynamic_partitions("videos", [video_id])
    definitions = build_definitions(resource=ThumbAssetsResource(data_dir=str(data_dir)))
    result = dg.materialize(
        list(definitions.assets or ()),
        resources=dict(definitions.resources or {}),
        selection=["videos", "frames", "shots"],
        partition_key=video_id,
        instance=instance,
    )
    assert result.success
    assert materialized(instance, "shots") == {video_id}


def test_a_range_with_a_bad_video_does_the_others_and_fails_at_the_end(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange
) -> None:
    names = ["cfr", "text", "one_frame"]
    ids = dict(zip(names, register(data_dir, [synthetic_videos(name) for name in names]), strict=True))
    result = run_range(list(ids.values()), WITHOUT_MODELS)
    assert not result.success
    failure = result.get_failed_step_keys()
    assert failure == {"pipeline"}
    for stage in WITHOUT_MODELS[:-1]:
        assert materialized(instance, stage) == {ids["cfr"], ids["one_frame"]}
    step_failure = next(event for event in result.all_events if event.is_step_failure)
    error = step_failure.step_failure_data.user_failure_data
    assert error is not None
    assert str(synthetic_videos("text")) in str(error.description)
    assert check_results(instance, "stills", "frame_number_mapping") == {ids["cfr"]: True, ids["one_frame"]: True}
    records = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey("stills"), "frame_number_mapping"), limit=10
    )
    assert {record.status.value for record in records} == {"SUCCEEDED", "FAILED"}  # none is left as planned
    (warning,) = [each for each in evaluations(records) if not each.passed]
    assert (warning.partition, warning.severity) == (ids["text"], dg.AssetCheckSeverity.WARN)
    assert "not checked" in str(warning.description)
    assert str(synthetic_videos("text")) in str(warning.description)


def test_one_stage_of_one_video_is_rerun_alone(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange
) -> None:
    video_ids = register(data_dir, [synthetic_videos("cfr"), synthetic_videos("multi_shot")])
    assert run_range(video_ids, WITHOUT_MODELS).success
    result = run_range(video_ids[1:], ["sharpness"])
    assert result.success
    events = result.asset_materializations_for_node("pipeline")
    assert [(event.asset_key.to_user_string(), event.partition) for event in events] == [("sharpness", video_ids[1])]


def test_a_video_whose_tables_are_junk_does_not_stop_the_others(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange
) -> None:
    video_ids = register(data_dir, [synthetic_videos("cfr"), synthetic_videos("multi_shot")])
    assert run_range(video_ids, WITHOUT_MODELS).success
    TableStore(data_dir).table_path("frames", video_ids[0]).write_bytes(b"junk")
    result = run_range(video_ids, ["selections", "stills"])
    assert not result.success  # neither what surrounds the candidates of the first nor its stills can be had
    events = result.asset_materializations_for_node("pipeline")
    done = {(event.asset_key.to_user_string(), event.partition) for event in events}
    assert done == {("selections", video_ids[1]), ("stills", video_ids[1])}


def test_a_picture_that_cannot_be_drawn_is_said_and_ends_nothing(data_dir: Path) -> None:
    store = TableStore(data_dir)
    path = store.table_path("frames", "clip-00000000")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"junk")
    tables = {name: empty_table(name) for name in ("selections", "rejections")}
    metadata = stage_metadata(StageResult("clip-00000000", "selections", "done", "clip.mp4", tables=tables), store)
    assert str(path) in metadata["no_picture"]
    assert metadata["dagster/row_count"] == 0


def test_what_was_made_leads_to_the_video_at_the_desk(data_dir: Path) -> None:
    store, result = TableStore(data_dir), StageResult("a b-00000000", "frames", "done", "a b.mp4")
    assert "desk" not in stage_metadata(result, store)
    metadata = stage_metadata(result, store, desk_url="http://127.0.0.1:8330/")
    assert metadata["desk"].url == "http://127.0.0.1:8330/video/a%20b-00000000"


def data_version_of(instance: dg.DagsterInstance, stage: str) -> str:
    event = instance.get_latest_materialization_event(dg.AssetKey(stage))
    assert event is not None
    return (event.asset_materialization.tags or {})["dagster/data_version"]


def test_data_versions_change_with_what_a_table_says_and_not_without(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange
) -> None:
    video_ids = register(data_dir, [synthetic_videos("multi_shot")])
    assert run_range(video_ids, WITHOUT_MODELS).success
    before = {stage: data_version_of(instance, stage) for stage in ("sharpness", "selections")}
    assert run_range(video_ids, ["sharpness", "selections"]).success
    assert {stage: data_version_of(instance, stage) for stage in before} == before
    assert run_range(video_ids, ["selections"], overrides=["selection.top_k=1"]).success
    assert data_version_of(instance, "selections") != before["selections"]


def test_dagster_tells_what_is_out_of_date(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange
) -> None:
    video_ids = register(data_dir, [synthetic_videos("multi_shot"), synthetic_videos("cfr")])
    assert run_range(video_ids, WITHOUT_MODELS).success
    video_id = video_ids[0]
    assert stale_causes(instance, data_dir, video_id) == {}  # though `clip_scores` and `faces` never were
    assert stale_causes(instance, data_dir, video_id, "stills.jpeg_quality=60") == {
        "stills": {"stills has a new code version"}
    }
    assert run_range(video_ids[:1], ["shots"]).success  # as it was
    assert stale_causes(instance, data_dir, video_id) == {}
    assert run_range(video_ids[:1], ["selections"], overrides=["selection.top_k=1"]).success
    after = stale_causes(instance, data_dir, video_id, "selection.top_k=1")
    assert after["stills"] == {"selections has a new dependency data version"}
    assert "selections" not in after
    assert stale_causes(instance, data_dir, video_ids[1]) == {}


def test_what_is_kept_counts_as_made_after_what_is_made_anew(
    synthetic_videos: MakeVideo,
    data_dir: Path,
    instance: dg.DagsterInstance,
    run_range: RunRange,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    video_ids = register(data_dir, [synthetic_videos("cfr")])
    assert run_range(video_ids, WITHOUT_MODELS).success
    # What another version of the project may change alone.
    monkeypatch.setitem(STAGES, "frames", replace(STAGES["frames"], version="other"))
    assert stale_causes(instance, data_dir, video_ids[0]) == {"frames": {"frames has a new code version"}}
    result = run_range(video_ids, WITHOUT_MODELS)
    stages = [event.asset_key.to_user_string() for event in result.asset_materializations_for_node("pipeline")]
    assert stages.index("videos") < stages.index("frames") < stages.index("shots")
    assert stale_causes(instance, data_dir, video_ids[0]) == {}


def test_another_model_gives_the_asset_another_code_version(data_dir: Path) -> None:
    def version(stage: str, *overrides: str) -> str | None:
        resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=["video.is_isolated=false", *overrides])
        specs = build_definitions(resource=resource).resolve_all_asset_specs()
        return next(spec.code_version for spec in specs if spec.key == dg.AssetKey(stage))

    assert version("clip_scores") == version("clip_scores", "clip.batch_size=1")
    assert version("clip_scores") != version("clip_scores", "clip.model=RN50")
    assert version("sharpness") == version("sharpness", "clip.model=RN50")


def spoil_by_turning(path: Path) -> None:
    picture = Image.open(path)
    turned = Image.fromarray(np.asarray(picture)[::-1].copy())
    turned.save(path, exif=picture.info["exif"], quality=95, subsampling=0)


def test_a_check_alone_finds_what_was_spoiled_since(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange
) -> None:
    video_ids = register(data_dir, [synthetic_videos("multi_shot"), synthetic_videos("cfr")])
    assert run_range(video_ids, WITHOUT_MODELS).success
    min(TableStore(data_dir).stills_dir(video_ids[0]).glob("*_f*")).unlink()
    definitions = build_definitions(resource=ThumbAssetsResource(data_dir=str(data_dir)))
    key = dg.AssetCheckKey(dg.AssetKey("stills"), "export_count")
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection={key})
    result = job.execute_in_process(instance=instance)
    assert result.success
    assert result.asset_materializations_for_node("pipeline") == []
    assert check_results(instance, "stills", "export_count") == {video_ids[0]: False, video_ids[1]: True}


def test_a_check_alone_decodes_the_frames_again(
    synthetic_videos: MakeVideo, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    assert run_range([video_id], WITHOUT_MODELS).success
    store = TableStore(data_dir)
    stills, footer = store.read("stills", video_id), store.footer("stills", video_id) or {}
    rows = stills.to_pylist()
    path = store.stills_dir(video_id) / rows[0]["file_name"]
    spoil_by_turning(path)
    data = path.read_bytes()
    rows[0] |= {"num_bytes": len(data), "file_sha256": hashlib.sha256(data).hexdigest()}  # as if it was written so
    facts = {name: value for name, value in footer.items() if name not in OWN_FOOTER_KEYS}
    changed = pa.Table.from_pylist(rows, schema=stills.schema)
    store.write("stills", changed, video_id=video_id, footer=facts | {CONTENT: content_sha256(changed)})
    mapping = CHECKS["stills"]["frame_number_mapping"]
    assert mapping(video_id, "stills", store, load_settings()).is_passed
    definitions = build_definitions(resource=ThumbAssetsResource(data_dir=str(data_dir)))
    key = dg.AssetCheckKey(dg.AssetKey("stills"), "frame_number_mapping")
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection={key})
    assert job.execute_in_process(instance=instance).success
    assert check_results(instance, "stills", "frame_number_mapping") == {video_id: False}


@pytest.mark.parametrize(
    ("spoil", "check_name"),
    [(Path.unlink, "export_count"), (spoil_by_turning, "frame_number_mapping")],
)
def test_a_spoiled_still_fails_its_check(
    spoil: Callable[[Path], None],
    check_name: str,
    synthetic_videos: MakeVideo,
    data_dir: Path,
    run_range: RunRange,
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    assert run_range([video_id], WITHOUT_MODELS).success
    store = TableStore(data_dir)
    spoil(min(store.stills_dir(video_id).glob("*_f*")))
    verdict = CHECKS["stills"][check_name](video_id, "stills", store, load_settings())
    assert not verdict.is_passed
    assert verdict.num_failed >= 1
    assert verdict.sample


def test_a_black_video_is_no_failure_and_a_check_warns(
    tmp_path: Path, data_dir: Path, instance: dg.DagsterInstance, run_range: RunRange
) -> None:
    black = encode(tmp_path / "black.mp4", [np.zeros((54, 96, 3), np.uint8)] * 30)
    (video_id,) = register(data_dir, [black])
    assert run_range([video_id], WITHOUT_MODELS).success
    assert check_results(instance, "stills", "export_count") == {video_id: True}
    metadata = instance.get_latest_materialization_event(dg.AssetKey("selections")).asset_materialization.metadata
    assert metadata["dagster/row_count"].value == 0
    assert "too dark" in metadata["nothing_kept"].value
    assert "too dark" in metadata["reasons"].value
    key = dg.AssetCheckKey(dg.AssetKey("selections"), "keeps_something")
    (warned,) = evaluations(instance.event_log_storage.get_asset_check_execution_history(key, limit=10))
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "nothing in this video is worth keeping" in warned.description
