"""One metric of pyiqa behind the project's own Protocol."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import BadInputError, OutOfMemoryError
from thumb_assets.iqa.directions import DEPENDS_ON_BATCH, NEEDS_FLOAT64, is_lower_better, parse_range
from thumb_assets.iqa.loading import create_metric, pyiqa_folder
from thumb_assets.settings import choose_device

__all__ = ["PyiqaMetric", "QualityMetric", "pyiqa_folder"]

# Some metrics look at random crops; the same seed before every batch makes a score a function of the picture.
_SEED = 123


class QualityMetric(Protocol):
    """Predicts the quality of a picture by itself.

    Attributes:
        name: the metric's name.
        is_lower_better: direction.
        score_range: exact bounds of a score; None where there is none.
        device: where it computes.
        weights_sha256: its files of weights, name to hex SHA-256; empty where it has none.
    """

    name: str
    is_lower_better: bool
    score_range: tuple[float | None, float | None]
    device: str
    weights_sha256: dict[str, str]

    def score(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """(N,) float64 in the metric's own unit for (N, H, W, 3) uint8 RGB; NaN where it has no answer."""
        ...


class PyiqaMetric:
    """A no-reference metric of pyiqa, in eval mode.

    Args:
        name: pyiqa's name.
        device: auto, cpu, cuda or mps.

    Raises:
        ModelUnavailableError: pyiqa or weights are missing.
        SettingsError: not a no-reference metric, or no such device.
    """

    def __init__(self, name: str, device: str = "auto") -> None:
        self.name = name
        self.device = _choose_device(device, metric=name)
        built = create_metric(name, device=self.device)
        self._metric: Any = built.net
        self.weights_sha256 = built.weights_sha256
        self.is_lower_better = is_lower_better(name, reported=self._metric.lower_better)
        self.score_range = parse_range(self._metric.score_range)

    def score(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Scores of pictures of one size.

        Args:
            images: (N, H, W, 3) uint8 RGB.

        Returns:
            (N,) float64 in the metric's own unit, NaN where it has no answer (a black picture, for some).

        Raises:
            BadInputError: another shape or type; OutOfMemoryError: the batch does not fit the device.
        """
        import torch

        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or 0 in images.shape[1:]:
            raise BadInputError(f"{self.name} needs (N, H, W, 3) uint8 RGB, got {images.shape} {images.dtype}")
        num_per_pass = 1 if self.name in DEPENDS_ON_BATCH else max(1, len(images))
        outputs = []
        cuda_devices = [torch.cuda.current_device()] if self.device == "cuda" else []
        try:
            with torch.inference_mode(), torch.random.fork_rng(devices=cuda_devices):
                # torch warns about arrays that are read-only; this one is never written to.
                pixels = torch.from_numpy(np.require(images, requirements=["C", "W"])).to(self.device)
                for start in range(0, len(images), num_per_pass):
                    part = pixels[start : start + num_per_pass]
                    torch.manual_seed(_SEED)
                    # Contiguous, since ilniqe takes views that the strides of a permuted batch do not allow.
                    planes = part.permute(0, 3, 1, 2).contiguous().float().div_(255)
                    outputs.append(self._metric(planes).reshape(-1))
                # The wrapper returns (B,), (B, 1) or (B, 1, 1), by metric.
                scores: npt.NDArray[np.float64] = (
                    torch.cat(outputs).double().cpu().numpy() if outputs else np.zeros(0, np.float64)
                )
        except torch.OutOfMemoryError as error:
            raise OutOfMemoryError(f"{self.name} ran out of memory on {self.device}; lower iqa.batch_size") from error
        if len(scores) != len(images):
            raise BadInputError(f"{self.name} gave {len(scores)} scores for {len(images)} pictures")
        return scores


def _choose_device(name: str, *, metric: str) -> str:
    import torch

    has_mps = torch.backends.mps.is_available()
    if name == "auto":
        has_mps &= metric not in NEEDS_FLOAT64
    is_here = {"cuda": torch.cuda.is_available(), "mps": has_mps, "cpu": True}
    return choose_device(name, is_here, setting="iqa.device")
