"""Runs the engine over files, for the tests: the same calls as the command line makes."""

from collections.abc import Iterable
from pathlib import Path

from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.events import Heard

# No model and no network: what is tested is the engine. Tests that want scores of models say so.
WITHOUT_MODELS = tuple(
    stage
    for stage in default_stages(load_settings())
    if stage not in {"clip_scores", "iqa_scores", "faces", "subjects", "texts"}
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
    heard, store = Heard(), TableStore(data_dir)
    heard.frames = heard.frames if decoded is None else decoded
    heard.steps = heard.steps if steps is None else steps
    results = run(video_ids, stages, settings or load_settings(), store, events=heard, is_recomputed=is_recomputed)
    return {(result.video_id, result.stage): result for result in results}
