"""One metric of pyiqa behind the project's own Protocol."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import BadInputError, OutOfMemoryError
from thumb_assets.inference import (
    choose_precision,
    choose_torch_device,
    compile_in_place,
    forward_mode,
    is_out_of_memory,
    sizer_for,
    upload,
)
from thumb_assets.iqa.loading import (
    HAND_CRAFTED,
    NEEDS_FLOAT64,
    create_metric,
    is_lower_better,
    parse_range,
    pyiqa_version,
)

# Some metrics look at random crops; the same seed before every batch makes a score a function of the picture.
_SEED = 123
_random_lock = threading.Lock()


class QualityMetric(Protocol):
    """Predicts the quality of a picture by itself.

    Attributes:
        name: the metric's name.
        is_lower_better: direction.
        score_range: exact bounds of a score; None where there is none.
        device: where it computes.
        precision: in which it computes: fp32 (or more), bf16 or fp16.
        weights_sha256: its files of weights, name to hex SHA-256; empty where it has none.
        made_by: the package that computes it, and its version.
    """

    name: str
    is_lower_better: bool
    score_range: tuple[float | None, float | None]
    device: str
    precision: str
    weights_sha256: dict[str, str]
    made_by: str

    def score(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """(N,) float64 in the metric's own unit for (N, H, W, 3) uint8 RGB; NaN where it has no answer."""
        ...


class PyiqaMetric:
    """A no-reference metric of pyiqa, in eval mode.

    Args:
        name: pyiqa's name.
        device: auto, cpu, cuda or mps.
        precision: auto, fp32, bf16 or fp16; metrics without a neural net stay in fp32.
        compiler: none, torch or tensorrt; metrics without a neural net are not compiled.

    Raises:
        ModelUnavailableError: pyiqa, weights or the compiler's package are missing.
        SettingsError: not a no-reference metric, no such device or precision, or nothing that compiles for it.
    """

    def __init__(self, name: str, device: str = "auto", *, precision: str = "fp32", compiler: str = "none") -> None:
        self.name = name
        self.device = choose_torch_device(device, setting="iqa.device", is_good_for_mps=name not in NEEDS_FLOAT64)
        chosen = choose_precision(precision, device=self.device, setting="iqa.precision")
        self.precision = "fp32" if name in HAND_CRAFTED else chosen
        built = create_metric(name, device=self.device)
        self._metric: Any = built.net
        if name not in HAND_CRAFTED or self.device != "cuda":
            compile_in_place(self._metric.net, compiler, device=self.device, setting="iqa.compile")
        self.weights_sha256 = built.weights_sha256
        self.made_by = f"pyiqa {pyiqa_version()}"
        self.is_lower_better = is_lower_better(name, reported=self._metric.lower_better)
        self.score_range = parse_range(self._metric.score_range)
        self._sizer = sizer_for(self.device)

    def score(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Scores of pictures of one size, computed in as few passes as memory allows, with one transfer back.

        Args:
            images: (N, H, W, 3) uint8 RGB.

        Returns:
            (N,) float64 in the metric's own unit, NaN where it has no answer (a black picture, for some).

        Raises:
            BadInputError: another shape or type; OutOfMemoryError: even one does not fit the device.
        """
        import torch

        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or 0 in images.shape[1:]:
            raise BadInputError(f"{self.name} needs (N, H, W, 3) uint8 RGB, got {images.shape} {images.dtype}")
        if not len(images):
            return np.zeros(0, np.float64)
        num_pixels = images.shape[1] * images.shape[2]
        try:
            with torch.inference_mode(), _random_numbers_kept(self.device):
                outputs = self._sizer.run(
                    len(images), num_pixels=num_pixels, compute=lambda start, stop: self._forward(images[start:stop])
                )
                # float64 on the CPU, since MPS has none.
                scores: npt.NDArray[np.float64] = torch.cat(outputs).cpu().double().numpy()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemoryError(
                f"{self.name} ran out of memory on {self.device}, also with one picture at a time; "
                "lower iqa.working_height or use another device"
            ) from error
        if len(scores) != len(images):
            raise BadInputError(f"{self.name} gave {len(scores)} scores for {len(images)} pictures")
        return scores

    def _forward(self, images: npt.NDArray[np.uint8]) -> Any:
        """One pass: (N,) tensor on the device."""
        _seed(self.device)
        # Contiguous, since ilniqe takes views that the strides of a permuted batch do not allow.
        planes = upload(images, device=self.device).permute(0, 3, 1, 2).contiguous().float().div_(255)
        with forward_mode(self.device, self.precision):
            # The net itself: pyiqa's wrapper reads the least and the greatest level back from the device, and has
            # convolutions computed in TF32. It returns (B,), (B, 1) or (B, 1, 1), by metric; some a tuple of more.
            output = self._metric.net(planes)
        return (output[0] if isinstance(output, tuple) else output).reshape(-1)


def _seed(device: str) -> None:
    """Seeds what a metric on the device draws from; not torch.manual_seed, which seeds every GPU there is."""
    import torch

    torch.default_generator.manual_seed(_SEED)
    if device == "cuda":
        torch.cuda.manual_seed(_SEED)
    elif device == "mps":
        torch.mps.manual_seed(_SEED)


@contextmanager
def _random_numbers_kept(device: str) -> Iterator[None]:
    """Puts torch's random numbers back as they were.

    They are the process's, not the thread's: the lock keeps two metrics from putting back each other's. What another
    thread draws meanwhile is not what it would have drawn; nothing in this project draws from them while models run.
    """
    import torch

    cuda_devices = [torch.cuda.current_device()] if device == "cuda" else []
    with _random_lock, torch.random.fork_rng(devices=cuda_devices, device_type="cuda"):
        mps_state = torch.mps.get_rng_state() if device == "mps" else None
        try:
            yield
        finally:
            if mps_state is not None:
                torch.mps.set_rng_state(mps_state)
