"""A stage that was skipped is made up for once the reason is gone, and is left alone until then."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from thumb_assets.library.backlog import Backlog, backlog_of
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

MakeVideo = Callable[[str], Path]


def left(data_dir: Path, stages: tuple[str, ...], settings: Settings) -> Backlog:
    (backlog,) = backlog_of(Library(data_dir).all(), stages, settings, TableStore(data_dir))
    return backlog


def test_what_a_backlog_counts_is_what_a_run_makes(
    synthetic_videos: MakeVideo, data_dir: Path, tmp_path: Path, shared_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(models))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    settings = load_settings(overrides=["faces.detector=yunet"])
    stages = tuple(stage for stage in default_stages(settings) if stage in {*WITHOUT_MODELS, "faces"})
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    for _ in range(2):
        assert run_stages(data_dir, [video_id], stages, settings=settings)[video_id, "faces"].status == "skipped"
        backlog = left(data_dir, stages, settings)
        assert (backlog.work, backlog.due) == ("none", ()), "what cannot be made is no work: a backfill would not end"
    shutil.copyfile(
        shared_dir / "models/face/face_detection_yunet_2023mar.onnx", models / "face_detection_yunet_2023mar.onnx"
    )
    backlog = left(data_dir, stages, settings)
    assert backlog.work == "missing"
    assert [due.stage for due in backlog.due] == ["faces", "selections", "stills", "catalog"]
    results = run_stages(data_dir, [video_id], stages, settings=settings)
    made = [stage for (_, stage), result in results.items() if not result.is_unchanged]
    assert set(made) <= {due.stage for due in backlog.due}
    assert {"faces", "catalog"} <= set(made)
    assert left(data_dir, stages, settings).work == "none"


def test_a_stage_that_the_settings_turn_on_is_missing(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    stages = (*WITHOUT_MODELS[:-1], "crops", "catalog")
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    assert run_stages(data_dir, [video_id], stages)[video_id, "crops"].status == "skipped"
    assert left(data_dir, stages, load_settings()).work == "none"
    square = load_settings(overrides=['crops.aspect_ratios=["1:1"]'])
    backlog = left(data_dir, stages, square)
    assert [(due.stage, due.why) for due in backlog.due] == [("crops", "missing"), ("catalog", "follows")]
    run_stages(data_dir, [video_id], stages, settings=square)
    assert left(data_dir, stages, square).due == ()
