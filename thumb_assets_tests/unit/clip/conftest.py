"""A real open_clip model, made at test time: tiny, random weights, and dropout that only training would use."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

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


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny-clip")
    name = "tiny-clip-for-tests"
    (folder / f"{name}.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(folder)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = open_clip.create_model(name)
    checkpoint = folder / "tiny.safetensors"
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, str(checkpoint))
    return TinyModel(name, checkpoint, CONFIG)


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Smooth and noisy pictures of four sizes, portrait and landscape, (H, W, 3) uint8."""
    generator = np.random.default_rng(3)
    made = []
    for height, width in ((108, 192), (192, 108), (48, 48), (97, 131)):
        rows, columns = np.mgrid[0:height, 0:width]
        waves = 128 + 90 * np.sin(rows[..., None] / (5 + np.arange(3)) + columns[..., None] / (9 - np.arange(3)))
        made.append(np.clip(waves + generator.normal(0, 20, (height, width, 3)), 0, 255).astype(np.uint8))
    return made
