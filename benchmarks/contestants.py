"""What is timed: the whole job with and without models, and its limit, which is decoding and forward passes alone."""

import importlib
import tempfile
from pathlib import Path
from typing import Protocol

import av

from benchmarks.models import LoadedModel, load_models
from thumb_assets.errors import ModelUnavailableError, ThumbAssetsError
from thumb_assets.pipeline import StageResult, default_stages, identities_of, run
from thumb_assets.pipeline.scorers import build_scorer
from thumb_assets.settings import Settings
from thumb_assets.store import Library, TableStore
from thumb_assets.video import FrameFetcher

MODEL_STAGES = ("faces", "clip_scores", "iqa_scores")
_STAGES_BEFORE_MODELS = ("videos", "frames", "shots", "candidate_frames")
# The job imports these when it first needs them; here they count as start, as the models do.
_LATE_IMPORTS = ("cv2", "pandas", "scenedetect", "PIL.JpegImagePlugin", "PIL.PngImagePlugin")


class Contestant(Protocol):
    """Lives in a process of its own; the calls come in the order `load`, `prepare`, `run`, `run`, ..."""

    def load(self) -> tuple[str, ...]:
        """Imports, and loads models: counted as start. Returns the stages whose model cannot be had or is off."""
        ...

    def prepare(self) -> None:
        """What the measurement needs and does not count, and a first run, which warms caches."""
        ...

    def run(self) -> str:
        """What is measured; says what was done, for the report."""
        ...


class DecodeAlone:
    """Demuxes and decodes every frame with the job's library and number of threads, and lets it go."""

    def __init__(self, path: Path, settings: Settings, _folder: Path) -> None:
        self._path = path
        self._num_threads = settings.video.decode_threads

    def load(self) -> tuple[str, ...]:
        """See Contestant; this module's imports are all it needs."""
        return ()

    def prepare(self) -> None:
        """See Contestant."""
        self.run()

    def run(self) -> str:
        """See Contestant."""
        with av.open(f"file:{self._path}") as container:
            stream = container.streams.best("video")
            stream.codec_context.thread_type = "AUTO"
            stream.codec_context.thread_count = self._num_threads
            num_frames = sum(len(packet.decode()) for packet in container.demux(stream))
        return f"{num_frames} frames"


class WholeJob:
    """The engine with all stages over a video that is new to it: hashed, decoded, scored, chosen, written, indexed."""

    stages = default_stages(Settings())

    def __init__(self, path: Path, settings: Settings, folder: Path) -> None:
        self._path, self._settings, self._folder = path, settings, folder

    def load(self) -> tuple[str, ...]:
        """See Contestant; stages without a model are left out of the job, so that no missing file is looked for."""
        for name in _LATE_IMPORTS:
            importlib.import_module(name)
        unavailable = []
        for stage in MODEL_STAGES:
            if stage in self.stages:
                try:
                    build_scorer(stage, self._settings)
                except ModelUnavailableError:
                    unavailable.append(stage)
        self.stages = tuple(stage for stage in self.stages if stage not in unavailable)
        return tuple(unavailable)

    def prepare(self) -> None:
        """See Contestant."""
        self.run()

    def run(self) -> str:
        """See Contestant."""
        results = _run_engine(self._path, self.stages, self._settings, self._folder)
        (video,) = results["videos"].tables["videos"].to_pylist()
        return f"{video['num_frames_from_content']} frames"


class JobWithoutModels(WholeJob):
    """The whole job without the stages that need a model."""

    stages = tuple(stage for stage in default_stages(Settings()) if stage not in MODEL_STAGES)


class ModelsAlone:
    """The forward passes over the pictures that the job shows its models, from arrays and tensors that lie ready."""

    def __init__(self, path: Path, settings: Settings, folder: Path) -> None:
        self._path, self._settings, self._folder = path, settings, folder
        self._models: list[LoadedModel] = []
        self._num_images = 0

    def load(self) -> tuple[str, ...]:
        """See Contestant."""
        self._models, unavailable = load_models(self._settings)
        return unavailable

    def prepare(self) -> None:
        """Finds the job's candidates and readies their pictures."""
        results = _run_engine(self._path, _STAGES_BEFORE_MODELS, self._settings, self._folder)
        identities = identities_of(results["frames"].tables["frames"])
        wanted = results["candidate_frames"].tables["candidate_frames"].column("frame_index").to_pylist()
        with FrameFetcher(self._path, identities, self._settings.video) as fetcher:
            for frame, _ in fetcher.fetch_many(wanted):
                for model in self._models:
                    model.images.append(frame.rgb(model.short_side))
        self._num_images = len(wanted)
        for model in self._models:
            model.ready()
        self.run()

    def run(self) -> str:
        """See Contestant."""
        for model in self._models:
            model.forward()
        return f"{self._num_images} images: {', '.join(model.name for model in self._models) or 'no model'}"


def _run_engine(path: Path, stages: tuple[str, ...], settings: Settings, folder: Path) -> dict[str, StageResult]:
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
        if result.status != "done":
            raise ThumbAssetsError(f"stage {result.stage} was {result.status}: {result.message}")
    return results
