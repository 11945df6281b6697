"""thumb-mini without torch: its image tower through OpenCV, its prompts' embeddings from a file."""

import json
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.clip.encoder import OpenClipEncoder
from thumb_assets.clip.loading import is_embedded, weights_identity
from thumb_assets.clip.mini import MINI_MODEL, MINI_PROMPTS_FILE, MINI_TOWER_FILE, MINI_WEIGHTS_FILE, mini_identity
from thumb_assets.clip.preprocess import require_rgb
from thumb_assets.errors import OutOfMemoryError
from thumb_assets.inference import cpu_batch_size, has_nvidia_driver
from thumb_assets.networks import read_network
from thumb_assets.settings.stages import ClipSettings


def is_for_opencv(settings: ClipSettings) -> bool:
    """True if the model is thumb-mini and runs on the CPU in full precision, so that OpenCV computes what torch would.

    Where `clip.device` is auto and there is an NVIDIA GPU, torch is asked.
    """
    is_on_cpu = settings.device == "cpu" or (settings.device == "auto" and not has_nvidia_driver())
    is_plain = settings.precision in ("auto", "fp32") and settings.compile == "none" and settings.checkpoint is None
    return is_embedded(settings) and is_on_cpu and is_plain


class EmbeddedEncoder:
    """thumb-mini on the CPU, see `ImageTextEncoder`.

    torch and open_clip take seconds to import, and twice the time for a picture. Only texts beside the default prompts
    need them.

    Args:
        settings: of which `is_for_opencv` is true.

    Raises:
        ModelUnavailableError: OpenCV cannot read the file.
    """

    model_name = MINI_MODEL
    precision = "fp32"
    device = "cpu"

    def __init__(self, settings: ClipSettings) -> None:
        import cv2

        self._settings = settings
        self.pretrained = weights_identity(settings, MINI_WEIGHTS_FILE)
        self._net: Any = read_network(MINI_TOWER_FILE, lambda: cv2.dnn.readNetFromONNX(str(MINI_TOWER_FILE)))
        self._lock = threading.Lock()  # OpenCV keeps the input in the network
        stored: dict[str, list[float]] = json.loads(MINI_PROMPTS_FILE.read_text(encoding="utf-8"))
        self._stored = {text: np.array(vector, np.float32) for text, vector in stored.items()}
        preparation = mini_identity()["preprocess_cfg"]
        self._size: tuple[int, int] = tuple(preparation["size"])
        self._mean, self._std = (
            np.array(preparation[name], np.float32)[:, None, None] * 255 for name in ("mean", "std")
        )
        self.short_side = max(self._size)
        self.num_dimensions = len(next(iter(self._stored.values())))

    def encode_images(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """(N, D) float32 of L2 norm 1 for (H, W, 3) uint8 RGB arrays.

        Raises:
            BadInputError: an array of another shape or type; OutOfMemoryError: there is no memory for a few.
        """
        require_rgb(images)
        if not images:
            return np.zeros((0, self.num_dimensions), np.float32)
        few = cpu_batch_size(self._size[0] * self._size[1], at_most=len(images))
        parts = [self.forward(self.prepared(images[start : start + few])) for start in range(0, len(images), few)]
        features = np.concatenate(parts)
        return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True), np.float32)

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(M, D) float32 of L2 norm 1.

        Raises:
            SettingsError: the model does not know a word; the message says which models do.
        """
        if all(text in self._stored for text in texts):
            return np.array([self._stored[text] for text in texts], np.float32).reshape(-1, self.num_dimensions)
        return self._open_clip.encode_texts(texts)

    @cached_property
    def _open_clip(self) -> OpenClipEncoder:
        return OpenClipEncoder(self._settings.model_copy(update={"device": "cpu"}))

    def prepared(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """(N, 3, height, width) float32, normalised, as the network takes it."""
        import cv2

        pixels = np.asarray(cv2.dnn.blobFromImages([self._resized(image) for image in images]), np.float32)
        pixels -= self._mean
        pixels /= self._std
        return pixels

    def forward(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(N, D) float32 of any length, for what `prepared` gives.

        Raises:
            OutOfMemoryError: there is no memory for them.
        """
        import cv2

        try:
            with self._lock:
                self._net.setInput(pixels)
                return np.array(self._net.forward(), np.float32)
        except (cv2.error, MemoryError) as error:
            if isinstance(error, cv2.error) and error.code != cv2.Error.StsNoMem:
                raise
            raise OutOfMemoryError(
                f"{self.model_name} ran out of memory on the CPU with {len(pixels)} pictures"
            ) from error

    def _resized(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The whole picture squashed to the model's size, as torchvision does: bilinear with antialiasing, in uint8."""
        from PIL import Image

        height, width = self._size
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
