"""Ours: the engine over one video that is new to it; over many, by itself, in its child process, through Dagster."""

import importlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.contestants import Done
from thumb_assets.errors import ModelUnavailableError, ThumbAssetsError
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.isolate import run_isolated
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.scoring import build_scorer
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore

MODEL_STAGES = ("faces", "subjects", "texts", "clip_scores", "iqa_scores")
STAGES_BEFORE_MODELS = ("videos", "frames", "shots", "candidate_frames")
# The job imports these when it first needs them; here they count as start, as the models do.
_LATE_IMPORTS = ("cv2", "pandas", "scenedetect", "PIL.JpegImagePlugin", "PIL.PngImagePlugin")


@dataclass
class Job:
    """The engine over a video that is new to it: hashed, decoded, scored, chosen, written, indexed.

    Attributes:
        stages: None is what runs by default.
        warm_path: a short video for the run that warms caches; None leaves that out.
        sees_every_frame: whether it has to, so that its number of frames is held against the decoder's.
    """

    path: Path
    settings: Settings
    stages: tuple[str, ...] | None = None
    warm_path: Path | None = None
    sees_every_frame: bool = True
    _folder: Path = field(default=Path(), init=False)
    _stages: tuple[str, ...] = field(default=(), init=False)

    def load(self, folder: Path) -> tuple[str, ...]:
        """See Contestant; stages without a model are left out of the job, so that no missing file is looked for."""
        self._folder = folder
        stages = self.stages or default_stages(self.settings)
        unavailable = load_models_of(stages, self.settings)
        self._stages = tuple(stage for stage in stages if stage not in unavailable)
        return unavailable

    def prepare(self) -> None:
        """See Contestant."""
        if self.warm_path:
            run_engine(self.warm_path, self._stages, self.settings, self._folder)

    def run(self) -> Done:
        """See Contestant."""
        results = run_engine(self.path, self._stages, self.settings, self._folder)
        tables = {name: table for result in results.values() for name, table in result.tables.items()}
        num_candidates = tables["candidate_frames"].num_rows
        num_frames = tables["frames"].num_rows
        text = f"{num_frames} frames, {num_candidates} candidates"
        return Done(text, num_frames if self.sees_every_frame else None)


@dataclass
class ManyVideos:
    """The job over many videos, one way or another.

    Attributes:
        way: `engine` runs it in the contestant's process, with its models loaded before; `isolated` as the command
            line does, in a child; `dagster` as a backfill does, in runs of 25 videos, each with a child.
        overrides: of the default settings.
    """

    paths: Sequence[Path]
    overrides: Sequence[str]
    way: Literal["engine", "isolated", "dagster"] = "engine"
    _folder: Path = field(default=Path(), init=False)
    _stages: tuple[str, ...] = field(default=(), init=False)

    def load(self, folder: Path) -> tuple[str, ...]:
        """See Contestant."""
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        # A home of its own, whose database is made in the warming run as it is once in a library's life.
        os.environ["DAGSTER_HOME"] = str(self._folder / "dagster")
        settings = load_settings(overrides=self.overrides)
        stages = default_stages(settings)
        unavailable = load_models_of(stages, settings)
        self._stages = tuple(stage for stage in stages if stage not in unavailable)
        return unavailable

    def prepare(self) -> None:
        """See Contestant."""
        self._work(self.paths[:1])

    def run(self) -> Done:
        """See Contestant."""
        self._work(self.paths)
        return Done(f"{len(self.paths)} videos")

    def _work(self, paths: Sequence[Path]) -> None:
        data_dir = Path(tempfile.mkdtemp(dir=self._folder))
        videos, errors = Library(data_dir).register(paths)
        if errors:
            raise errors[0]
        video_ids = [video.video_id for video in videos]
        if self.way == "dagster":
            self._through_dagster(video_ids, data_dir)
            return
        settings, store = load_settings(overrides=self.overrides), TableStore(data_dir)
        for result in (run if self.way == "engine" else run_isolated)(video_ids, self._stages, settings, store):
            _require_done(result)

    def _through_dagster(self, video_ids: Sequence[str], data_dir: Path) -> None:
        from thumb_assets.defs.launch import run_through_dagster
        from thumb_assets.defs.resources import ThumbAssetsResource

        resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=list(self.overrides))
        is_success, unexpected = run_through_dagster(video_ids, self._stages, resource)
        if not is_success:
            raise ThumbAssetsError(f"the backfill failed: {'; '.join(unexpected) or 'see the outcomes'}")


def load_models_of(stages: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """Imports what the stages need and loads their models; gives the stages whose model cannot be had or is off."""
    for name in _LATE_IMPORTS:
        importlib.import_module(name)
    unavailable = []
    for stage in MODEL_STAGES:
        if stage in stages:
            try:
                build_scorer(stage, settings)
            except ModelUnavailableError:
                unavailable.append(stage)
    return tuple(unavailable)


def run_engine(path: Path, stages: Sequence[str], settings: Settings, folder: Path) -> dict[str, StageResult]:
    """Results by stage, in a data folder of its own.

    Raises:
        ThumbAssetsError: the file cannot be used, or a stage did not come to its end: nothing that failed is timed.
    """
    data_dir = Path(tempfile.mkdtemp(dir=folder))
    videos, errors = Library(data_dir).register([path])
    if errors:
        raise errors[0]
    results = {result.stage: result for result in run([videos[0].video_id], stages, settings, TableStore(data_dir))}
    for result in results.values():
        _require_done(result)
    return results


def without_models(settings: Settings) -> tuple[str, ...]:
    """The default stages, less those that need a model."""
    return tuple(stage for stage in default_stages(settings) if stage not in MODEL_STAGES)


def _require_done(result: StageResult) -> None:
    if result.status != "done":
        raise ThumbAssetsError(f"stage {result.stage} was {result.status}: {result.message}")
