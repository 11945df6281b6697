"""Embeds pictures and texts in one space, and finds the words that a text tower was never trained on."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from thumb_assets.clip.loading import load_open_clip
from thumb_assets.clip.preprocess import Preprocessor
from thumb_assets.errors import OutOfMemoryError, SettingsError
from thumb_assets.inference import (
    choose_precision,
    choose_torch_device,
    compile_in_place,
    forward_mode,
    is_out_of_memory,
    sizer_for,
)
from thumb_assets.settings.stages import ClipSettings

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


class ImageTextEncoder(Protocol):
    """A model that embeds pictures and texts so that their cosine says how well they fit."""

    model_name: str
    pretrained: str
    precision: str
    num_dimensions: int
    device: str
    short_side: int

    def encode_images(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """(N, D) float32 of L2 norm 1 for (H, W, 3) uint8 RGB arrays, in as few passes as memory allows."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(M, D) float32 of L2 norm 1."""
        ...


class OpenClipEncoder:
    """Any open_clip model, in eval mode.

    Args:
        settings: model, pretrained or checkpoint, device, precision and compile.

    Raises:
        ModelUnavailableError: no trained weights can be had; random ones are never used. Or torch_tensorrt is missing.
        SettingsError: no such model or tag, no such device or precision here, or nothing that compiles for it.
    """

    def __init__(self, settings: ClipSettings) -> None:
        # Also finds missing weights before torch is imported.
        loaded = load_open_clip(settings, device="cpu")
        import torch

        self.device = choose_torch_device(settings.device, setting="clip.device")
        self.precision = choose_precision(settings.precision, device=self.device, setting="clip.precision")
        self.model_name = settings.model
        self.pretrained = loaded.pretrained
        self._model = loaded.model.to(self.device)
        # Convolutions are faster so (thumb-mini by a quarter on a CPU, tensor cores need it); a ViT does not mind.
        self._model.visual.to(memory_format=torch.channels_last)
        compile_in_place(self._model.visual, settings.compile, device=self.device, setting="clip.compile")
        self._tokenizer = loaded.tokenizer
        self._preprocess = Preprocessor(
            loaded.preprocess_config,
            fallback=loaded.pil_transform,
            device=self.device,
            is_resized_on_device=self.device == "cuda",
        )
        self._sizer = sizer_for(self.device)
        self.short_side = self._preprocess.short_side
        self.num_dimensions = int(self.encode_texts(["a frame"]).shape[1])

    def encode_images(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Embeddings of pictures, computed in as few passes as memory allows, with one transfer back.

        Args:
            images: (H, W, 3) uint8 RGB each, sizes may differ.

        Returns:
            (N, D) float32, L2 norm 1.

        Raises:
            BadInputError: an array of another shape or type; OutOfMemoryError: even one does not fit the device.
        """
        if not images:
            return np.zeros((0, self.num_dimensions), np.float32)
        import torch

        height, width = self._preprocess.size

        def embed(start: int, stop: int) -> Any:
            pixels = self._preprocess(images[start:stop])
            with forward_mode(self.device, self.precision):
                return self._model.encode_image(pixels, normalize=False).float()

        def compute() -> Any:
            parts = self._sizer.run(len(images), num_pixels=height * width, compute=embed)
            return torch.nn.functional.normalize(torch.cat(parts), dim=-1)

        return self._fetched(compute)

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embeddings of texts, in fp32; longer ones are cut at the model's context length.

        Returns:
            (M, D) float32, L2 norm 1.

        Raises:
            SettingsError: the model does not know a word; the message says which models do.
        """
        if not texts:
            return np.zeros((0, self.num_dimensions), np.float32)
        unknown = first_unknown_word(texts, model=self._model, tokenizer=self._tokenizer)
        if unknown is not None:
            raise SettingsError(
                f"{self.model_name} does not know the word {unknown!r}, so cannot look for it: it tells clean frames "
                "from spoiled ones and reads few words; choose a model that reads words (--profile cpu, or clip.model "
                "and clip.pretrained) and run the stage `clip_scores` with it"
            )
        tokens = self._tokenizer(list(texts))
        return self._fetched(lambda: self._model.encode_text(tokens.to(self.device), normalize=True))

    def _fetched(self, compute: Callable[[], Any]) -> npt.NDArray[np.float32]:
        import torch

        try:
            with torch.inference_mode():
                features: npt.NDArray[np.float32] = compute().float().cpu().numpy()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemoryError(
                f"{self.model_name} ran out of memory on {self.device}, also with one picture at a time; "
                "use another device or a smaller clip.model"
            ) from error
        return features


def first_unknown_word(texts: Sequence[str], *, model: Any, tokenizer: Any) -> str | None:
    """The first word without a trained token; None if all are known, or the model does not show it.

    A small model such as thumb-mini leaves the rows of words that no caption has at zero: "a bird" is "a" to it.

    Args:
        model: an open_clip model; one whose text tower hides its token table counts as knowing every word.
        tokenizer: the model's own.
    """
    table = getattr(model, "token_embedding", None)
    if table is None or not hasattr(tokenizer, "encode"):
        return None
    is_known = table.weight.detach().any(dim=1)
    if bool(is_known.all()):
        return None
    for text in texts:
        for word in _WORD.findall(text):
            if not all(is_known[token] for token in tokenizer.encode(word)):
                return str(word)
    return None
