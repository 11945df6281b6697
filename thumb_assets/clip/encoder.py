"""Pictures and texts into one embedding space."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from thumb_assets.clip.loading import load_open_clip
from thumb_assets.clip.preprocess import Preprocessor
from thumb_assets.errors import OutOfMemoryError
from thumb_assets.settings import ClipSettings, choose_device


class ImageTextEncoder(Protocol):
    """A model that embeds pictures and texts so that their cosine says how well they fit."""

    model_name: str
    pretrained: str
    precision: str
    num_dimensions: int
    device: str
    short_side: int

    def encode_images(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """(N, D) float32 of L2 norm 1 for (H, W, 3) uint8 RGB arrays, all in one batch."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(M, D) float32 of L2 norm 1."""
        ...


class OpenClipEncoder:
    """Any open_clip model, in eval mode and float32.

    Args:
        settings: model, pretrained or checkpoint, and device.

    Raises:
        ModelUnavailableError: no trained weights can be had; random ones are never used.
        SettingsError: no such model or tag, or no such device here.
    """

    precision = "fp32"

    def __init__(self, settings: ClipSettings) -> None:
        # Also finds missing weights before torch is imported.
        loaded = load_open_clip(settings, device="cpu")
        self.device = _choose_device(settings.device)
        self.model_name = settings.model
        self.pretrained = loaded.pretrained
        self._model = loaded.model.to(self.device)
        self._tokenizer = loaded.tokenizer
        self._preprocess = Preprocessor(loaded.preprocess_config, fallback=loaded.pil_transform, device=self.device)
        self.short_side = self._preprocess.short_side
        self.num_dimensions = int(self.encode_texts(["a frame"]).shape[1])

    def encode_images(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Embeddings of pictures, computed in one batch.

        Args:
            images: (H, W, 3) uint8 RGB each, sizes may differ.

        Returns:
            (N, D) float32, L2 norm 1.

        Raises:
            BadInputError: an array of another shape or type; OutOfMemoryError: the batch does not fit the device.
        """
        if not images:
            return np.zeros((0, self.num_dimensions), np.float32)
        return self._forward(lambda: self._model.encode_image(self._preprocess(images), normalize=True))

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embeddings of texts; longer ones are cut at the model's context length.

        Returns:
            (M, D) float32, L2 norm 1.
        """
        if not texts:
            return np.zeros((0, self.num_dimensions), np.float32)
        tokens = self._tokenizer(list(texts))
        return self._forward(lambda: self._model.encode_text(tokens.to(self.device), normalize=True))

    def _forward(self, compute: Any) -> npt.NDArray[np.float32]:
        import torch

        try:
            with torch.inference_mode():
                features: npt.NDArray[np.float32] = compute().float().cpu().numpy()
        except torch.OutOfMemoryError as error:
            raise OutOfMemoryError(
                f"{self.model_name} ran out of memory on {self.device}; lower clip.batch_size"
            ) from error
        return features


def _choose_device(name: str) -> str:
    import torch

    is_here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return choose_device(name, is_here, setting="clip.device")
