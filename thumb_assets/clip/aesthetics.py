"""Rates how pleasing a picture is, by a linear head over the embedding that a certain CLIP gave it.

LAION's heads (MIT, https://github.com/LAION-AI/aesthetic-predictor) were fitted to people's ratings of pictures from 1
to 10, each to the embeddings of one of OpenAI's models: embeddings of any other model mean something else to it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.weights.faults import file_sha256, refusal_of

# By open_clip's name of the model and the tag of its weights: the head, by its name in the weights room.
HEADS: dict[tuple[str, str], str] = {
    ("ViT-B-32", "openai"): "laion-aesthetic-vit-b-32",
    ("ViT-B-32-quickgelu", "openai"): "laion-aesthetic-vit-b-32",
    ("ViT-L-14", "openai"): "laion-aesthetic-vit-l-14",
    ("ViT-L-14-quickgelu", "openai"): "laion-aesthetic-vit-l-14",
}


class AestheticHead:
    """A linear layer with one output.

    Args:
        path: a checkpoint of torch that holds `weight`, (1, D), and `bias`, (1,).

    Raises:
        ModelUnavailableError: it holds something else, or cannot be read.
        RefusedModelError: it holds more than tensors.
    """

    def __init__(self, path: Path) -> None:
        state = _read(path)
        try:
            weight, bias = (np.asarray(dict(state)[name], np.float64) for name in ("weight", "bias"))
        except (KeyError, TypeError, ValueError):
            weight, bias = np.zeros(0), np.zeros(0)
        if weight.ndim != 2 or len(weight) != 1 or bias.shape != (1,) or not np.isfinite([*weight[0], *bias]).all():
            raise ModelUnavailableError(f"{path} is no aesthetic head: a linear layer with one output is needed")
        self._weight, self._bias = weight[0], float(bias[0])
        self._path = path
        self.model_sha256 = file_sha256(path)

    def scores(self, embeddings: npt.NDArray[np.float16]) -> npt.NDArray[np.float64]:
        """About 1 to 10 each, more is more pleasing.

        Args:
            embeddings: (N, D) of any norm, which does not count.

        Returns:
            (N,) float64.

        Raises:
            ModelUnavailableError: the embeddings have another number of dimensions than the head.
        """
        if embeddings.shape[1] != len(self._weight):
            raise ModelUnavailableError(
                f"{self._path} is a head for embeddings of {len(self._weight)} dimensions, and these have "
                f"{embeddings.shape[1]}: it belongs to another CLIP"
            )
        vectors = embeddings.astype(np.float64)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        return np.asarray((vectors / lengths) @ self._weight + self._bias)


def _read(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    # A file that is damaged, or no checkpoint, makes torch raise whatever comes.
    except Exception as error:
        if refusal := refusal_of(error, file=str(path), model="aesthetic head"):
            raise refusal from error
        reason = " ".join(str(error).split())[:200]
        raise ModelUnavailableError(f"{path} is no aesthetic head: {reason}") from error
