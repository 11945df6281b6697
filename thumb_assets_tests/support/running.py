"""Runs the engine over files, for the tests: the same calls as the command line makes."""

from collections.abc import Iterable
from pathlib import Path

from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore

# No model and no network: what is tested is the engine. Tests that want scores of models say so.
WITHOUT_MODELS = tuple(
    stage for stage in default_stages(load_settings()) if stage not in {"clip_scores", "iqa_scores", "faces"}
)


def register(data_dir: Path, paths: Iterable[Path]) -> list[str]:
    """The video ids of files, now known to the library of the data folder."""
    videos, errors = Library(data_dir).register(list(paths))
    assert errors == []
    return [video.video_id for video in videos]


def run_stages(
    data_dir: Path,
    video_ids: Iterable[str],
    stages: Iterable[str] = WITHOUT_MODELS,
    *,
    settings: Settings | None = None,
    decoded: list[tuple[str, int]] | None = None,
    steps: list[str] | None = None,
    is_recomputed: bool = False,
) -> dict[tuple[str, str], StageResult]:
    """Results by (video_id, stage); `decoded` collects every frame of the full passes, `steps` what takes long."""

    def on_frame(video_id: str, frame_index: int, _num_frames: int | None) -> None:
        if decoded is not None:
            decoded.append((video_id, frame_index))

    def on_step(step: str, **_: object) -> None:
        if steps is not None:
            steps.append(step)

    store, used = TableStore(data_dir), settings or load_settings()
    results = run(video_ids, stages, used, store, on_frame=on_frame, on_step=on_step, is_recomputed=is_recomputed)
    return {(result.video_id, result.stage): result for result in results}
