"""Work on a GPU: CLIP in our encoder and in a plain loop, and the job; how idle the device is meanwhile."""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.contestants import Done
from benchmarks.jobs import run_engine
from thumb_assets.settings.load import Settings, load_settings

_STAGES = ("videos", "frames", "shots", "candidate_frames", "clip_scores")
_SECONDS_BETWEEN_SAMPLES = 0.1


def random_weights(model: str, folder: Path) -> Path:
    """A checkpoint of an open_clip model with random weights: as fast as trained ones, good for nothing else."""
    import open_clip
    import torch

    from thumb_assets.clip.mini import MINI_CONFIG_FILE

    open_clip.add_model_config(MINI_CONFIG_FILE)
    path = folder / f"{model}-random.pt"
    if not path.exists():
        torch.manual_seed(0)
        torch.save(open_clip.create_model(model, pretrained=None).state_dict(), path)
    return path


@dataclass
class ClipForward:
    """Pictures through CLIP, as float32 tensors that lie on the device or through our encoder from arrays.

    Attributes:
        way: `resident`: forward passes in the encoder's precision, one after the other, synchronised at the end;
            `encoder`: everything ours does with arrays, from the copy to the device to the embeddings on the host.
    """

    way: Literal["resident", "encoder"]
    model: str
    device: str
    batch_size: int
    num_images: int
    folder: Path
    _encoder: Any = field(default=None, init=False)
    _model: Any = field(default=None, init=False)
    _inputs: list[Any] = field(default_factory=list, init=False)

    def load(self, _folder: Path) -> tuple[str, ...]:
        """See Contestant."""
        from thumb_assets.clip.encoder import OpenClipEncoder
        from thumb_assets.clip.loading import load_open_clip

        settings = clip_settings(self.model, self.device, self.batch_size, self.folder).clip
        self._encoder = OpenClipEncoder(settings)
        if self.way == "resident":
            self._model = load_open_clip(settings, device=self.device).model
        return ()

    def prepare(self) -> None:
        """Makes the pictures (noise), and warms up with all of them: batches grow from pass to pass until they fit."""
        import torch

        side = self._encoder.short_side
        noise = np.random.default_rng(0)
        for _ in range(self.num_images // self.batch_size):
            images = noise.integers(0, 256, (self.batch_size, side, side, 3), np.uint8)
            if self.way == "encoder":
                self._inputs.append(list(images))
            else:
                planes = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).contiguous()
                self._inputs.append(planes.float().div_(255).sub_(0.5).div_(0.25))
        self.run()
        self.run()

    def run(self) -> Done:
        """See Contestant."""
        import torch

        from thumb_assets.inference import forward_mode

        with measured_idle_share() as idle:
            for batch in self._inputs:
                if self.way == "encoder":
                    self._encoder.encode_images(batch)
                else:
                    with forward_mode(self.device, self._encoder.precision):
                        self._model.encode_image(batch)
            if self.device == "cuda":
                torch.cuda.synchronize()
        num_images = len(self._inputs) * self.batch_size
        return Done(f"{num_images} images, {self._encoder.precision}, batches of {self.batch_size}{idle.text}")


@dataclass
class JobOnDevice:
    """The job over a video with every frame a candidate for CLIP."""

    path: Path
    model: str
    device: str
    batch_size: int
    folder: Path
    warm_path: Path
    _settings: Settings | None = field(default=None, init=False)
    _folder: Path = field(default=Path(), init=False)

    def load(self, folder: Path) -> tuple[str, ...]:
        """See Contestant."""
        from thumb_assets.clip.scorer import load_clip_scorer

        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self._settings = clip_settings(self.model, self.device, self.batch_size, self.folder)
        load_clip_scorer(self._settings.clip)
        return ()

    def prepare(self) -> None:
        """See Contestant."""
        run_engine(self.warm_path, _STAGES, self._own_settings(), self._folder)

    def run(self) -> Done:
        """See Contestant."""
        with measured_idle_share() as idle:
            results = run_engine(self.path, _STAGES, self._own_settings(), self._folder)
        num_frames = results["clip_scores"].tables["clip_scores"].num_rows
        return Done(f"{num_frames} frames decoded, detected and embedded{idle.text}", num_frames)

    def _own_settings(self) -> Settings:
        if self._settings is None:
            raise RuntimeError("the contestant was not loaded")
        return self._settings


def clip_settings(model: str, device: str, batch_size: int, folder: Path) -> Settings:
    """Settings under which every frame goes through the model with random weights."""
    return load_settings(
        overrides=[
            f"clip.model={model}",
            "clip.pretrained=null",
            f"clip.checkpoint={random_weights(model, folder)}",
            f"clip.device={device}",
            f"clip.batch_size={batch_size}",
            "candidates.every_num_frames=1",
        ]
    )


@dataclass
class Idle:
    """The share of samples at which the device did nothing.

    Attributes:
        text: for the report; empty where nothing could be sampled.
    """

    text: str = ""


@contextmanager
def measured_idle_share() -> Iterator[Idle]:
    """Samples the utilisation that nvidia-smi tells (the share of time in which a kernel ran), if it is there."""
    found = Idle()
    program = shutil.which("nvidia-smi")
    if program is None:
        yield found
        return
    busy: list[float] = []
    is_over = threading.Event()

    def sample() -> None:
        query = [str(program), "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]
        while not is_over.is_set():
            told = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
            if told.isdigit():
                busy.append(float(told))
            time.sleep(_SECONDS_BETWEEN_SAMPLES)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield found
    finally:
        is_over.set()
        sampler.join()
    if busy:
        found.text = f", device idle {1 - sum(busy) / len(busy) / 100:.0%} ({len(busy)} samples)"
