"""A real open_clip model, made at test time: tiny, random weights, and dropout that only training would use."""

import json
from dataclasses import dataclass
from pathlib import Path

CONFIG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 48, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8, "patch_dropout": 0.5},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@dataclass(frozen=True)
class TinyModel:
    """Its open_clip name, its checkpoint, and the config as open_clip writes it."""

    name: str
    checkpoint: Path
    config: dict[str, object]


def make_tiny_model(folder: Path) -> TinyModel:
    """Writes the model and registers its config with open_clip."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    name = "tiny-clip-for-tests"
    (folder / f"{name}.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(folder)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = open_clip.create_model(name)
    checkpoint = folder / "tiny.safetensors"
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, str(checkpoint))
    return TinyModel(name, checkpoint, CONFIG)
