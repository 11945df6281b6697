"""Stored results are kept while inputs, settings and code stay the same, and are made again as soon as one changes."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch.nn import Module
from torch.nn.modules.module import register_module_forward_pre_hook

from thumb_assets.clip.mini import MINI_WEIGHTS_FILE
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.scoring import LOADING_MODEL
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.outcomes import Outcome, record_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.contracts import tables_of
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

MakeVideo = Callable[[str], Path]
WITH_CLIP = (*WITHOUT_MODELS, "clip_scores")


@pytest.fixture
def video_id(synthetic_videos: MakeVideo, data_dir: Path) -> str:
    """A video that was run once."""
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [video_id])
    return video_id


def made_again(data_dir: Path, video_id: str, stages: tuple[str, ...] = WITHOUT_MODELS, **options: Any) -> set[str]:
    """The stages that a run did, beside the catalog, which keeps no tables and is always brought up to date."""
    results = run_stages(data_dir, [video_id], stages, **options)
    assert {result.status for result in results.values()} == {"done"}, results
    return {stage for (_, stage), result in results.items() if not result.is_unchanged} - {"catalog"}


def stamps(data_dir: Path, video_id: str) -> dict[str, int]:
    store = TableStore(data_dir)
    names = [name for stage in WITHOUT_MODELS for name in tables_of(stage)]
    return {name: store.table_path(name, video_id).stat().st_mtime_ns for name in names}


def test_a_second_run_does_nothing(video_id: str, data_dir: Path) -> None:
    before, decoded, steps = stamps(data_dir, video_id), [], []
    assert made_again(data_dir, video_id, decoded=decoded, steps=steps) == set()
    assert decoded == []
    assert [step for step in steps if step.startswith(LOADING_MODEL)] == []
    assert stamps(data_dir, video_id) == before


def test_a_run_that_was_killed_keeps_what_was_whole(video_id: str, data_dir: Path) -> None:
    store = TableStore(data_dir)
    interrupted = [Outcome(video_id, stage, "failed", "interrupted", False, None, "") for stage in WITHOUT_MODELS]
    record_outcomes(store, video_id, interrupted)
    store.table_path("sharpness", video_id).unlink()
    assert made_again(data_dir, video_id) == {"sharpness"}


@pytest.mark.parametrize(
    ("override", "stages"),
    [
        ("selection.top_k=1", {"selections", "stills"}),
        ("stills.jpeg_quality=80", {"stills"}),
        # The settings are in the key, and the choice comes out the same, so nothing behind it is made again.
        ("selection.reject.min_luma_std=5.5", {"selections"}),
        ("candidates.uniform_interval_seconds=1", {"candidate_frames", "sharpness", "appearance", "selections"}),
    ],
)
def test_other_settings_make_again_what_depends_on_them(
    video_id: str, data_dir: Path, override: str, stages: set[str]
) -> None:
    decoded: list[tuple[str, int]] = []
    again = made_again(data_dir, video_id, settings=load_settings(overrides=[override]), decoded=decoded)
    assert again - {"stills"} == stages - {"stills"}  # whether other candidates make other selections is their affair
    assert ("stills" in again) >= ("stills" in stages)
    assert decoded == []


def test_where_a_stage_gives_the_same_again_the_next_one_rests(video_id: str, data_dir: Path) -> None:
    run_stages(data_dir, [video_id], ["frames", "shots"], is_recomputed=True)
    assert made_again(data_dir, video_id) == set()


def test_settings_that_change_no_value_change_nothing(video_id: str, data_dir: Path) -> None:
    settings = load_settings(overrides=["video.decode_threads=1", "clip.batch_size=2", "export.verification=count"])
    assert made_again(data_dir, video_id, settings=settings) == set()


def test_a_still_that_is_gone_is_written_again(video_id: str, data_dir: Path) -> None:
    next(TableStore(data_dir).stills_dir(video_id).iterdir()).unlink()
    assert made_again(data_dir, video_id) == {"stills"}
    assert made_again(data_dir, video_id) == set()


def test_a_table_that_cannot_be_read_is_made_again(video_id: str, data_dir: Path) -> None:
    path = TableStore(data_dir).table_path("selections", video_id)
    path.write_bytes(path.read_bytes()[:100])
    assert made_again(data_dir, video_id) == {"selections"}


def test_a_file_that_moved_changes_only_what_says_where_it_lies(
    synthetic_videos: MakeVideo, data_dir: Path, tmp_path: Path
) -> None:
    first = tmp_path / "first" / "clip.mp4"
    first.parent.mkdir()
    shutil.copy(synthetic_videos("cfr"), first)
    (video_id,) = register(data_dir, [first])
    run_stages(data_dir, [video_id])
    second = first.rename(tmp_path / "clip.mp4")
    assert register(data_dir, [second]) == [video_id]
    assert "frames" not in made_again(data_dir, video_id)
    (row,) = TableStore(data_dir).read("videos", video_id).to_pylist()
    assert row["source_path"] == str(second)


def test_other_prompts_are_scored_from_the_stored_embeddings(video_id: str, data_dir: Path) -> None:
    called: list[str] = []

    def note(module: Module, _: object) -> None:
        called.append(type(module).__name__)

    def clip_scores(settings: Settings) -> tuple[StageResult, list[float]]:
        (result,) = run([video_id], ["clip_scores"], settings, TableStore(data_dir))
        assert result.error is None
        return result, TableStore(data_dir).read("clip_scores", video_id).column("clip_score").to_pylist()

    by_torch = f"clip.checkpoint={MINI_WEIGHTS_FILE}"  # whose modules can be listened to
    usual = load_settings(overrides=[by_torch])
    other = load_settings(overrides=[by_torch, 'clip.positive_prompts=["a blurry frame"]'])
    with register_module_forward_pre_hook(note):
        _, first = clip_scores(usual)
        assert "ModifiedResNet" in called  # the image tower
        _, fresh = clip_scores(other)
        called.clear()
        result, again = clip_scores(usual)
        assert "ModifiedResNet" not in called
    assert not result.is_unchanged
    assert again == first
    assert fresh != first


def test_a_licence_that_refuses_a_model_refuses_its_stored_scores(video_id: str, data_dir: Path) -> None:
    def status(settings: Settings) -> str:
        results = run([video_id], ["iqa_scores", "selections"], settings, TableStore(data_dir))
        return {result.stage: result.status for result in results}["iqa_scores"]

    pytest.importorskip("pyiqa")
    entropy = ['iqa.metrics=["entropy"]']
    assert status(load_settings(overrides=entropy)) == "done"
    assert status(load_settings(overrides=["models.licence=commercial", *entropy])) == "skipped"
    assert status(load_settings(overrides=entropy)) == "done"
