"""The others: the script of the tutorials, PySceneDetect's `save-images`, FFmpeg's `thumbnail` filter."""

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contestants import Done
from benchmarks.jobs import STAGES_BEFORE_MODELS, run_engine
from thumb_assets.errors import ModelUnavailableError
from thumb_assets.settings.load import Settings

_NUM_CHOSEN = 3
_NUM_PER_SHOT = 3
# ffmpeg finds no picture behind the last one's stamp, which is a frame before the end.
_BEFORE_END_SECONDS = 0.1


@dataclass
class TutorialScript:
    """Detector over the file; one ffmpeg per candidate; `cv2.imread`; Laplacian; one picture per forward pass.

    It has as many candidates as our full pass, the same CLIP model and quality metric, and the metric gets the picture
    at the height ours gets it: at the file's own height, as most tutorials have it, the metric alone would cost several
    times as much. As ours, it loads its models once, before the clock runs.
    """

    path: Path
    settings: Settings
    _folder: Path = field(default=Path(), init=False)
    _ffmpeg: str = field(default="", init=False)
    _num_candidates: int = field(default=0, init=False)
    _clip: Any = field(default=None, init=False)
    _prompts: Any = field(default=None, init=False)
    _metrics: list[Any] = field(default_factory=list, init=False)
    _chosen: list[float] = field(default_factory=list, init=False)

    def load(self, folder: Path) -> tuple[str, ...]:
        """See Contestant."""
        import cv2  # noqa: F401 - counts as start
        import scenedetect  # noqa: F401
        from PIL import JpegImagePlugin  # noqa: F401

        self._folder, self._ffmpeg = Path(tempfile.mkdtemp(dir=folder)), find_ffmpeg()
        unavailable = []
        for stage, load in (("clip_scores", self._load_clip), ("iqa_scores", self._load_metrics)):
            try:
                load()
            except ModelUnavailableError:
                unavailable.append(stage)
        return tuple(unavailable)

    def prepare(self) -> None:
        """Finds how many candidates our full pass has, and scores one picture."""
        results = run_engine(self.path, STAGES_BEFORE_MODELS, self.settings, self._folder)
        self._num_candidates = results["candidate_frames"].tables["candidate_frames"].num_rows
        self._score(self._extract(0.0))

    def run(self) -> Done:
        """See Contestant."""
        from scenedetect import AdaptiveDetector, detect

        scenes = detect(str(self.path), AdaptiveDetector(), start_in_scene=True)
        spans = [(begin.seconds, end.seconds) for begin, end in scenes]
        scores = [(self._score(self._extract(seconds)), seconds) for seconds in self._candidates(spans)]
        best = sorted(scores, reverse=True)[:_NUM_CHOSEN]
        self._chosen = [seconds for _, seconds in best]
        return Done(f"{len(scenes)} scenes, {len(scores)} candidates, {len(best)} chosen")

    def write_chosen(self, folder: Path, *, prefix: str) -> None:
        """Extracts the chosen moments once more, as JPEG files."""
        for place, seconds in enumerate(self._chosen):
            self._extract(seconds).replace(folder / f"{prefix}-{place}.jpg")

    def _candidates(self, spans: Sequence[tuple[float, float]]) -> list[float]:
        """Some per scene, in seconds; where it is known how many ours has, thinned out or filled up evenly to that."""
        latest = max(0.0, spans[-1][1] - _BEFORE_END_SECONDS)
        seconds = [
            min(begin + (end - begin) * (number + 0.5) / _NUM_PER_SHOT, latest)
            for begin, end in spans
            for number in range(_NUM_PER_SHOT)
        ]
        if not self._num_candidates:
            return seconds
        missing = self._num_candidates - len(seconds)
        duration = spans[-1][1]
        seconds = sorted([*seconds, *(duration * (number + 0.5) / missing for number in range(missing))])
        return [seconds[number * len(seconds) // self._num_candidates] for number in range(self._num_candidates)]

    def _extract(self, seconds: float) -> Path:
        picture = self._folder / "candidate.jpg"
        position = ["-ss", f"{seconds:.3f}", "-i", self.path]
        run_program([self._ffmpeg, "-v", "error", "-y", *position, "-frames:v", "1", "-q:v", "2", picture])
        return picture

    def _score(self, picture: Path) -> float:
        import cv2
        import torch
        from PIL import Image

        bgr = cv2.imread(str(picture))
        score = float(cv2.Laplacian(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), cv2.CV_64F).var())
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        with torch.no_grad():
            if self._clip:
                pixels = self._clip.pil_transform(Image.fromarray(rgb)).unsqueeze(0)
                features = torch.nn.functional.normalize(self._clip.model.encode_image(pixels), dim=-1)
                score += float((features @ self._prompts.T)[0, 0])
            height = min(self.settings.iqa.working_height, rgb.shape[0])
            small = cv2.resize(rgb, (round(rgb.shape[1] * height / rgb.shape[0]), height), interpolation=cv2.INTER_AREA)
            for metric in self._metrics:
                planes = torch.from_numpy(small).permute(2, 0, 1).unsqueeze(0).float() / 255
                score += float(metric(planes))
        return score

    def _load_clip(self) -> None:
        import torch

        from thumb_assets.clip.loading import load_open_clip

        self._clip = load_open_clip(self.settings.clip, device="cpu")
        prompts = [*self.settings.clip.positive_prompts, *self.settings.clip.negative_prompts]
        with torch.no_grad():
            features = self._clip.model.encode_text(self._clip.tokenizer(prompts))
        self._prompts = torch.nn.functional.normalize(features, dim=-1)

    def _load_metrics(self) -> None:
        from thumb_assets.iqa.loading import create_metric

        self._metrics = [create_metric(name, device="cpu").net for name in self.settings.iqa.metrics]


@dataclass
class SaveImages:
    """PySceneDetect's `detect-adaptive save-images` with its three pictures per scene."""

    path: Path
    _folder: Path = field(default=Path(), init=False)

    def load(self, folder: Path) -> tuple[str, ...]:
        """See Contestant."""
        import scenedetect  # noqa: F401 - counts as start

        self._folder = Path(tempfile.mkdtemp(dir=folder))
        return ()

    def prepare(self) -> None:
        """See Contestant; nothing of it is kept between runs."""

    def run(self) -> Done:
        """See Contestant."""
        from scenedetect import AdaptiveDetector, detect, open_video, save_images

        scenes = detect(str(self.path), AdaptiveDetector(), start_in_scene=True)
        saved = save_images(scenes, open_video(str(self.path)), num_images=_NUM_PER_SHOT, output_dir=self._folder)
        return Done(f"{len(scenes)} scenes, {sum(map(len, saved.values()))} pictures")


@dataclass
class ThumbnailFilter:
    """FFmpeg's `thumbnail=n=100`: of every 100 frames the most typical one, as JPEG."""

    path: Path
    _folder: Path = field(default=Path(), init=False)
    _ffmpeg: str = field(default="", init=False)

    def load(self, folder: Path) -> tuple[str, ...]:
        """See Contestant."""
        self._folder, self._ffmpeg = Path(tempfile.mkdtemp(dir=folder)), find_ffmpeg()
        return ()

    def prepare(self) -> None:
        """See Contestant; the program starts anew in every run."""

    def run(self) -> Done:
        """See Contestant."""
        pictures = self._folder / "%05d.jpg"
        filters = ["-vf", "thumbnail=n=100", "-fps_mode", "passthrough", "-q:v", "2"]
        run_program([self._ffmpeg, "-v", "error", "-y", "-i", self.path, *filters, pictures])
        return Done(f"{len(list(self._folder.glob('*.jpg')))} pictures")


def find_ffmpeg() -> str:
    """The program that imageio-ffmpeg brings."""
    from imageio_ffmpeg import get_ffmpeg_exe

    return str(get_ffmpeg_exe())


def run_program(command: Sequence[str | Path]) -> None:
    """Runs a program to its end; CalledProcessError where it fails."""
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
