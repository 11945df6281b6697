"""The model's shape, its fresh weights, and the files it is stored in."""

import hashlib
import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file

from training.thumb_mini.captions import all_captions

MODEL_NAME = "thumb-mini"
MODEL_VERSION = "1"
IMAGE_SIZE = 256
MODEL_CONFIG: dict[str, Any] = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": IMAGE_SIZE, "layers": [1, 1, 1, 1], "width": 16, "head_width": 64},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
# The whole frame is squashed to a square: a centre crop would hide what happens at the sides of a wide frame.
PREPROCESS_CONFIG: dict[str, Any] = {
    "size": [IMAGE_SIZE, IMAGE_SIZE],
    "mode": "RGB",
    "mean": [0.45, 0.45, 0.45],
    "std": [0.25, 0.25, 0.25],
    "interpolation": "bilinear",
    "resize_mode": "squash",
    "fill_color": 0,
}


def fresh_model(seed: int) -> tuple[Any, Any]:
    """An untrained model and its tokenizer; embeddings of tokens that no caption has are zero and stay so."""
    from open_clip.model import CLIP

    torch.manual_seed(seed)
    model = CLIP(**MODEL_CONFIG)
    tokenizer = open_clip.SimpleTokenizer(context_length=MODEL_CONFIG["text_cfg"]["context_length"])
    is_seen = torch.zeros(MODEL_CONFIG["text_cfg"]["vocab_size"], dtype=torch.bool)
    is_seen[tokenizer(all_captions()).unique()] = True
    with torch.no_grad():
        model.token_embedding.weight[~is_seen] = 0
        model.token_embedding.weight[is_seen] *= 10
    return model, tokenizer


def normalised(images: torch.Tensor) -> torch.Tensor:
    """(N, 3, S, S) uint8 to the float tensor the model was trained on."""
    mean = torch.tensor(PREPROCESS_CONFIG["mean"], device=images.device).mul(255).reshape(1, 3, 1, 1)
    std = torch.tensor(PREPROCESS_CONFIG["std"], device=images.device).mul(255).reshape(1, 3, 1, 1)
    result = images.to(torch.float32).sub_(mean).div_(std)
    return result.contiguous(memory_format=torch.channels_last)


def export(state: dict[str, torch.Tensor], folder: Path, facts: dict[str, Any]) -> Path:
    """Writes config, fp16 weights and identity; returns the weights' file.

    Args:
        state: the trained state dict; facts: more to record in identity.json, such as seed and steps.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, value in state.items():
        stored = value.detach().cpu()
        tensors[name] = (stored.half() if stored.is_floating_point() else stored).contiguous().clone()
    weights = folder / f"{MODEL_NAME}.safetensors"
    save_file(tensors, str(weights), metadata={"format": "pt"})
    weights.chmod(0o644)
    (folder / f"{MODEL_NAME}.json").write_text(json.dumps(MODEL_CONFIG, indent=2) + "\n")
    identity = {
        "name": MODEL_NAME,
        "version": MODEL_VERSION,
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "preprocess_cfg": PREPROCESS_CONFIG,
        **facts,
    }
    (folder / "identity.json").write_text(json.dumps(identity, indent=2) + "\n")
    return weights


def load_exported(folder: Path, *, has_weights: bool = True) -> tuple[Any, Any]:
    """The stored model and its tokenizer through open_clip's own functions, in eval mode."""
    open_clip.add_model_config(folder / f"{MODEL_NAME}.json")
    weights = str(folder / f"{MODEL_NAME}.safetensors") if has_weights else None
    model = open_clip.create_model(MODEL_NAME, pretrained=weights, require_pretrained=has_weights, weights_only=True)
    return model.eval(), open_clip.get_tokenizer(MODEL_NAME)
