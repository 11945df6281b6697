"""The command `python -m training.thumb_mini.tower [FOLDER]`: what scoring needs of a trained model, without torch.

It writes two files beside the weights: the image tower as ONNX, which OpenCV runs, and the embeddings of the default
prompts. Needs the package onnx (Apache-2.0): `uv run --with onnx python -m training.thumb_mini.tower`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thumb_assets.clip.mini import MINI_FOLDER, MINI_PROMPTS_FILE, MINI_TOWER_FILE
from thumb_assets.settings.stages import NEGATIVE_PROMPTS, POSITIVE_PROMPTS, TITLE_CARD_PROMPTS
from training.thumb_mini.model import IMAGE_SIZE, load_exported

_OPSET = 17
# A smaller tensor is not worth a node of its own.
_MIN_HALVED = 1000


def write_tower(folder: Path = MINI_FOLDER) -> None:
    """Writes the image tower and the prompts of the model that the folder holds.

    Args:
        folder: holds what `training.thumb_mini.model.export` wrote.
    """
    model, tokenizer = load_exported(folder)
    with torch.inference_mode():
        prompts = [*POSITIVE_PROMPTS, *NEGATIVE_PROMPTS, *TITLE_CARD_PROMPTS]
        embedded = model.float().encode_text(tokenizer(prompts), normalize=True).tolist()
    rows = [f"  {json.dumps(text)}: {json.dumps(vector)}" for text, vector in zip(prompts, embedded, strict=True)]
    (folder / MINI_PROMPTS_FILE.name).write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    tower = model.visual
    tower.attnpool = FirstTokenPool(tower.attnpool).eval()
    _write_onnx(tower, folder / MINI_TOWER_FILE.name)


class FirstTokenPool(torch.nn.Module):
    """The attention pool of open_clip's ResNet, of whose tokens it computes the first alone, which is all that is used.

    Keys and values are linear in the tokens: (Wk x) . q is x . (Wk^T q), the same offset for each token is nothing to
    softmax, and the weights of the attention sum up to 1. So one token is projected in each step, not 65.

    Args:
        pool: open_clip's `AttentionPool2d`, trained.
    """

    def __init__(self, pool: Any) -> None:
        super().__init__()
        self._num_heads, self._width = pool.num_heads, pool.q_proj.in_features
        self._head_width = self._width // self._num_heads
        by_head = (self._num_heads, self._head_width, self._width)
        self._positions = torch.nn.Parameter(pool.positional_embedding.T[None].clone())
        self._to_query, self._to_embedding = pool.q_proj, pool.c_proj
        self._keys = torch.nn.Parameter(pool.k_proj.weight.reshape(by_head).clone())
        self._values = torch.nn.Parameter(pool.v_proj.weight.reshape(by_head).transpose(1, 2).clone())
        self._values_offset = pool.v_proj.bias

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, embedding) float32 for (N, width, H, W) float32."""
        tokens = features.flatten(2)
        tokens = torch.cat([tokens.mean(dim=2, keepdim=True), tokens], dim=2) + self._positions
        query = self._to_query(tokens[:, :, 0]) * self._head_width**-0.5
        sought = (query.reshape(-1, self._num_heads, 1, self._head_width) @ self._keys).squeeze(2)
        attended = torch.softmax(sought @ tokens, dim=-1) @ tokens.transpose(1, 2)  # (N, heads, width)
        values = attended.unsqueeze(2) @ self._values
        embedding: torch.Tensor = self._to_embedding(values.reshape(-1, self._width) + self._values_offset)
        return embedding


def _write_onnx(tower: Any, path: Path) -> None:
    names = {"input_names": ["pixels"], "output_names": ["embedding"]}
    batch = {"pixels": {0: "n"}, "embedding": {0: "n"}}
    example = torch.zeros(1, 3, IMAGE_SIZE, IMAGE_SIZE)
    torch.onnx.export(tower, (example,), str(path), dynamo=False, opset_version=_OPSET, dynamic_axes=batch, **names)
    _halve(path)


def _halve(path: Path) -> None:
    """Stores in half precision what is exactly a number of half precision, as the weights' file does."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(path))
    casts = []
    for tensor in list(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        halved = values.astype(np.float16)
        if values.size < _MIN_HALVED or not np.array_equal(halved.astype(values.dtype), values):
            continue
        name = tensor.name
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(numpy_helper.from_array(halved, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


if __name__ == "__main__":
    write_tower(*map(Path, sys.argv[1:2]))
