"""The models by themselves: loaded as the job loads them, fed from arrays that lie ready, their answers dropped."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.inference import sizer_for
from thumb_assets.settings.load import Settings

UInt8Array = npt.NDArray[np.uint8]


@dataclass
class LoadedModel:
    """One model and the pictures it gets.

    Attributes:
        short_side: lines of the pictures as the job renders them for it.
        batch_size: pictures per forward pass, at most; on this device fewer may be better, as the job finds.
        num_pixels: of one picture as the model gets it; None where that is the picture itself.
        to_input: from N pictures of one size, (H, W, 3) uint8 RGB, to what the model takes; not measured.
        compute: the forward pass; measured.
        images: the pictures.
    """

    name: str
    short_side: int
    batch_size: int
    to_input: Callable[[list[UInt8Array]], Any]
    compute: Callable[[Any], object]
    num_pixels: int | None = None
    images: list[UInt8Array] = field(default_factory=list)
    _inputs: list[Any] = field(default_factory=list)

    def ready(self) -> None:
        """Makes the model's inputs of the pictures, in the batches of the job; the pictures are then forgotten."""
        by_shape: dict[tuple[int, ...], list[UInt8Array]] = defaultdict(list)
        for image in self.images:
            by_shape[image.shape].append(image)
        self.images = []
        sizer = sizer_for("cpu")
        for same in by_shape.values():
            num_pixels = self.num_pixels or same[0].shape[0] * same[0].shape[1]
            size = sizer.size(num_pixels, at_most=self.batch_size)
            for start in range(0, len(same), size):
                self._inputs.append(self.to_input(same[start : start + size]))

    def forward(self, max_batches: int | None = None) -> None:
        """Every batch once, or the first few."""
        for batch in self._inputs[:max_batches]:
            self.compute(batch)


def load_models(settings: Settings, stages: Sequence[str]) -> tuple[list[LoadedModel], tuple[str, ...]]:
    """The models of stages, and those stages whose model cannot be had or is off.

    The stage `texts` has none here: which of its pictures it reads, it decides by looking at them.
    """
    loaders: dict[str, Callable[[Settings], list[LoadedModel]]] = {
        "faces": _load_faces,
        "subjects": _load_subjects,
        "clip_scores": _load_clip,
        "iqa_scores": _load_metrics,
    }
    models: list[LoadedModel] = []
    unavailable = []
    for stage in filter(loaders.__contains__, stages):
        try:
            models += loaders[stage](settings)
        except ModelUnavailableError:
            unavailable.append(stage)
    return models, tuple(unavailable)


def _load_metrics(settings: Settings) -> list[LoadedModel]:
    from thumb_assets.iqa.loading import create_metric
    from thumb_assets.iqa.piqe import PiqeMetric

    def load(name: str) -> LoadedModel:
        if name == PiqeMetric.name:  # the job's own, a sixth of pyiqa's
            return LoadedModel(
                name,
                settings.iqa.working_height,
                settings.iqa.batch_size,
                to_input=np.stack,
                compute=PiqeMetric().score,
            )
        metric = create_metric(name, device="cpu")
        return LoadedModel(
            name,
            settings.iqa.working_height,
            settings.iqa.batch_size,
            to_input=_unit_tensor,
            compute=_without_gradients(metric.net.net),  # what is around it the job leaves out as well
        )

    return [load(name) for name in settings.iqa.metrics]


def _load_clip(settings: Settings) -> list[LoadedModel]:
    from thumb_assets.clip.embedded import EmbeddedEncoder, is_for_opencv

    if is_for_opencv(settings.clip):
        encoder = EmbeddedEncoder(settings.clip)
        return [
            LoadedModel(
                encoder.model_name,
                encoder.short_side,
                settings.clip.batch_size,
                to_input=encoder.prepared,
                compute=encoder.forward,
                num_pixels=encoder.short_side**2,
            )
        ]
    import torch

    from thumb_assets.clip.loading import load_open_clip
    from thumb_assets.clip.preprocess import Preprocessor

    loaded = load_open_clip(settings.clip, device="cpu")
    loaded.model.visual.to(memory_format=torch.channels_last)
    preprocess = Preprocessor(loaded.preprocess_config, fallback=loaded.pil_transform, device="cpu")
    return [
        LoadedModel(
            settings.clip.model,
            preprocess.short_side,
            settings.clip.batch_size,
            to_input=preprocess,
            compute=_without_gradients(loaded.model.encode_image),
            num_pixels=preprocess.size[0] * preprocess.size[1],
        )
    ]


def _load_faces(settings: Settings) -> list[LoadedModel]:
    from thumb_assets.faces.loading import load_face_detector

    detector = load_face_detector(settings.faces)
    if detector is None:
        raise ModelUnavailableError("switched off")
    return [
        LoadedModel(
            detector.name,
            settings.faces.working_height,
            1,
            to_input=lambda images: images[0],
            compute=detector.detect,
        )
    ]


def _load_subjects(settings: Settings) -> list[LoadedModel]:
    from thumb_assets.subjects import MASK_SIZE, SubjectFinder
    from thumb_assets.weights.resolve import resolve_file

    if not settings.subjects.is_on:
        raise ModelUnavailableError("switched off")
    finder = SubjectFinder(resolve_file(SubjectFinder.name, explicit=settings.subjects.model_path))
    return [LoadedModel(finder.name, MASK_SIZE, 1, to_input=lambda images: images[0], compute=finder.mask)]


def _unit_tensor(images: list[UInt8Array]) -> Any:
    """(N, 3, H, W) float32, 0..1, in the memory order the job's metrics get."""
    import torch

    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous().float().div_(255)


def _without_gradients(compute: Callable[[Any], object]) -> Callable[[Any], object]:
    import torch

    return torch.inference_mode()(compute)
