"""The stage `crops` from the file on: through the engine, the command line and Dagster."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from thumb_assets.cli import main
from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.checks import CHECKS
from thumb_assets.defs.partitions import add_videos
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.pipeline.stages import default_stages, stage_settings_sha256
from thumb_assets.settings.environment import MODELS_DIR_VARIABLE
from thumb_assets.settings.load import load_settings
from thumb_assets.stages import STAGES
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import contract_problems, table_from_rows
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages
from thumb_assets_tests.support.synthetic import read_frame_index

MakeVideo = Callable[[str], Path]
OVERRIDE = 'crops.aspect_ratios=["16:9","1:1"]'
STAGES_WITH_CROPS = [*WITHOUT_MODELS, "crops"]


def files_of(store: TableStore, video_id: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.crops_dir(video_id).iterdir()}


def test_default_stages_have_crops_where_a_ratio_is_asked_for() -> None:
    of_players = {"renditions", "previews", "artwork"}
    off = {"safety", "aesthetics", "judgements", "chapters", "crops", "published"} | of_players
    assert set(STAGES) - set(default_stages(load_settings())) == off
    assert "crops" in default_stages(load_settings(overrides=[OVERRIDE]))


def test_the_hash_depends_on_the_ratios_and_the_format() -> None:
    def sha256(*overrides: str) -> str:
        return stage_settings_sha256("crops", load_settings(overrides=overrides))

    assert len({sha256(), sha256(OVERRIDE), sha256("stills.format=png"), sha256("clip.model=RN50")}) == 3


def test_crops_are_made_with_the_rest_and_again_from_the_store_alone(
    synthetic_videos: MakeVideo, data_dir: Path
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    settings = load_settings(overrides=[OVERRIDE])
    results = run_stages(data_dir, [video_id], STAGES_WITH_CROPS, settings=settings)
    assert {result.status for result in results.values()} == {"done"}, results
    store = TableStore(data_dir)
    crops = store.read("crops", video_id)
    assert contract_problems("crops", crops) == []
    assert crops.num_rows == 2 * store.read("stills", video_id).num_rows == len(files_of(store, video_id)) == 6
    for row in crops.to_pylist():
        picture = np.asarray(Image.open(store.crops_dir(video_id) / row["file_name"]))
        assert picture.shape[:2] == (row["height"], row["width"])
        if row["aspect_ratio"] == "16:9":  # the whole frame, with its number
            assert read_frame_index(picture) == row["frame_index"]
    rows = Catalog(store.catalog_path).query("SELECT * FROM crops ORDER BY frame_index, aspect_ratio")
    assert [(row["aspect_ratio"], row["rule"]) for row in rows] == [("16:9", "saliency"), ("1:1", "saliency")] * 3
    before, decoded = files_of(store, video_id), list[tuple[str, int]]()
    results = run_stages(data_dir, [video_id], ["crops"], settings=settings, decoded=decoded)
    assert [result.status for result in results.values()] == ["done"]
    assert decoded == []
    assert files_of(store, video_id) == before
    assert store.read("crops", video_id).equals(crops)


def test_without_a_ratio_the_stage_is_skipped_and_what_is_there_stays(
    synthetic_videos: MakeVideo, data_dir: Path
) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    result = run_stages(data_dir, [video_id], STAGES_WITH_CROPS)[video_id, "crops"]
    assert result.status == "skipped"
    assert result.message == 'no aspect ratio is asked for: set crops.aspect_ratios, for example ["16:9", "1:1"]'
    store = TableStore(data_dir)
    assert not store.crops_root.exists()
    run_stages(data_dir, [video_id], ["crops"], settings=load_settings(overrides=[OVERRIDE]))
    before = files_of(store, video_id)
    assert before
    assert run_stages(data_dir, [video_id], ["crops"])[video_id, "crops"].status == "skipped"
    assert files_of(store, video_id) == before


def test_stored_faces_decide(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    run_stages(data_dir, [video_id])
    store = TableStore(data_dir)
    frame_index = store.read("stills", video_id)["frame_index"][0].as_py()
    box = {"x": 270.0, "y": 60.0, "width": 40.0, "height": 50.0, "confidence": 0.9}
    row = {
        "video_id": video_id,
        "frame_index": frame_index,
        "face_index": 0,
        **dict.fromkeys(("laplacian_variance", "frontality", "eye_openness", "mouth_openness", "gaze")),
        **box,
    }
    footer = {"video_sha256": "a" * 64, "settings_sha256": "b" * 64, "tool_versions": "{}"}
    store.write("faces", table_from_rows("faces", [{**row, "detector": "hand"}]), video_id=video_id, footer=footer)
    run_stages(data_dir, [video_id], ["crops"], settings=load_settings(overrides=[OVERRIDE]))
    crop = next(
        row
        for row in store.read("crops", video_id).to_pylist()
        if (row["frame_index"], row["aspect_ratio"]) == (frame_index, "1:1")
    )
    assert (crop["rule"], crop["num_faces"], crop["x"]) == ("faces", 1, 320 - 180)


def test_a_video_without_stills_says_what_to_run(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    settings = load_settings(overrides=[OVERRIDE])
    result = run_stages(data_dir, [video_id], ["crops"], settings=settings)[video_id, "crops"]
    assert result.status == "failed"
    assert "run the stage `stills` first" in str(result.message)


def test_the_command_makes_crops_when_asked_and_is_quiet_when_not(
    synthetic_videos: MakeVideo, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    command = ["run", str(synthetic_videos("one_frame")), "--data-dir", str(data_dir)]
    plain = CliRunner().invoke(main, command)
    assert plain.exit_code == 0, plain.output
    assert "skipped crops" not in plain.output
    assert not (data_dir / "crops").exists()
    asked = CliRunner().invoke(main, [*command, "--set", OVERRIDE])
    assert asked.exit_code == 0, asked.output
    crops = (data_dir / "crops").rglob("*_f*.jpg")
    assert sorted(path.stem.rpartition("_")[2] for path in crops) == ["16x9", "1x1"]
    wrong = CliRunner().invoke(main, [*command, "--set", 'crops.aspect_ratios=["16x9"]'])
    assert wrong.exit_code == 2
    assert "'16x9' is not W:H" in wrong.output


def test_dagster_makes_checks_and_shows_them(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=[OVERRIDE])
    with dg.DagsterInstance.ephemeral() as instance:
        add_videos(instance, [video_id])
        result = (
            build_definitions(resource=resource)
            .resolve_job_def("thumbnails")
            .execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(stage) for stage in STAGES_WITH_CROPS],
                partition_key=video_id,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        )
        event = instance.get_latest_materialization_event(dg.AssetKey("crops"))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["dagster/row_count"].value == 6
    assert str(metadata["contact_sheet"].value).startswith("![picture](data:image/jpeg;base64,")
    passed = {
        check.check_name: check.passed
        for check in result.get_asset_check_evaluations()
        if check.asset_key == dg.AssetKey("crops")
    }
    assert passed == {"conforms_to_contract": True, "export_count": True, "frame_number_mapping": True}
    store = TableStore(data_dir)
    first, second, *_ = sorted(store.crops_dir(video_id).glob("*_1x1.jpg"))
    first.write_bytes(second.read_bytes())
    mapping = CHECKS["crops"]["frame_number_mapping"](video_id, "crops", store, load_settings())
    assert (mapping.is_passed, mapping.num_failed) == (False, 1)
    first.unlink()
    assert not CHECKS["crops"]["export_count"](video_id, "crops", store, load_settings()).is_passed


@pytest.mark.slow
def test_faces_of_a_real_clip_are_whole_in_every_crop(
    shared_dir: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people beside each other in a wide picture, and hands and pots without a face."""
    monkeypatch.setenv(MODELS_DIR_VARIABLE, str(shared_dir / "models" / "face"))
    (video_id,) = register(data_dir, [shared_dir / "video" / "issue-195-aspect-ratio.mp4"])
    overrides = ["faces.detector=yunet", 'crops.aspect_ratios=["16:9","9:16","1:1","4:5"]']
    # The full shelves behind the people look like lines of writing, which is another rule's affair.
    overrides += ["selection.preset=face", "selection.reject.max_text_share=1"]
    settings = load_settings(overrides=overrides)
    results = run_stages(data_dir, [video_id], [*STAGES_WITH_CROPS, "faces"], settings=settings)
    assert {result.status for result in results.values()} == {"done"}, results
    store = TableStore(data_dir)
    faces = store.read("faces", video_id).to_pylist()
    crops = store.read("crops", video_id).to_pylist()
    assert {crop["rule"] for crop in crops} == {"faces", "saliency"}
    for crop in crops:
        here = [face for face in faces if face["frame_index"] == crop["frame_index"]]
        assert (crop["num_faces"], crop["num_faces_cut"]) == (len(here), 0)
        for face in here:
            assert crop["x"] <= face["x"] <= face["x"] + face["width"] <= crop["x"] + crop["width"]
            assert crop["y"] <= face["y"] <= face["y"] + face["height"] <= crop["y"] + crop["height"]
