"""The models' part of the limit: forward passes over the pictures the job shows its models, which lie ready."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contestants import Done
from benchmarks.jobs import MODEL_STAGES, STAGES_BEFORE_MODELS, run_engine
from benchmarks.models import LoadedModel, load_models
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher
from thumb_assets.video.frame import Frame


@dataclass
class ModelsAlone:
    """The forward passes by themselves.

    Attributes:
        stages: whose models.
        shows_every_frame: else the candidates that the job finds.
    """

    path: Path
    settings: Settings
    stages: Sequence[str] = MODEL_STAGES
    shows_every_frame: bool = False
    _folder: Path = field(default=Path(), init=False)
    _models: list[LoadedModel] = field(default_factory=list, init=False)
    _num_images: int = field(default=0, init=False)

    def load(self, folder: Path) -> tuple[str, ...]:
        """See Contestant."""
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self._models, unavailable = load_models(self.settings, self.stages)
        return unavailable

    def prepare(self) -> None:
        """Readies the pictures, and computes a batch of each model."""
        for frame in self._frames():
            self._num_images += 1
            for model in self._models:
                model.images.append(frame.rgb(model.short_side))
        for model in self._models:
            model.ready()
            model.forward(max_batches=1)

    def run(self) -> Done:
        """See Contestant."""
        for model in self._models:
            model.forward()
        return Done(f"{self._num_images} images: {', '.join(model.name for model in self._models) or 'no model'}")

    def _frames(self) -> Iterator[Frame]:
        if self.shows_every_frame:
            with VideoDecoder(self.path, self.settings.video) as decoder:
                yield from decoder
            return
        results = run_engine(self.path, STAGES_BEFORE_MODELS, self.settings, self._folder)
        identities = identities_of(results["frames"].tables["frames"])
        wanted = results["candidate_frames"].tables["candidate_frames"].column("frame_index").to_pylist()
        with FrameFetcher(self.path, identities, self.settings.video) as fetcher:
            for frame, _ in fetcher.fetch_many(wanted):
                yield frame
