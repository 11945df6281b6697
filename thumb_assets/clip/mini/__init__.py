"""thumb-mini, the CLIP model that ships with the package: its config, its weights and what identifies them.

What belongs here: the files that `python -m training.thumb_mini` and `training.thumb_mini.tower` write, and where they
are. What does not: how a model is loaded (loading, embedded), and how this one was made (training, docs/thumb-mini.md).
The model distinguishes clean frames from spoiled ones; it does not know what a picture shows.
"""

import json
from pathlib import Path
from typing import Any

MINI_MODEL = "thumb-mini"
MINI_PRETRAINED = "embedded"
MINI_FOLDER = Path(__file__).parent
MINI_CONFIG_FILE = MINI_FOLDER / "thumb-mini.json"
MINI_WEIGHTS_FILE = MINI_FOLDER / "thumb-mini.safetensors"
MINI_IDENTITY_FILE = MINI_FOLDER / "identity.json"
# Of those weights: the image tower for OpenCV, and the embeddings of the default prompts.
MINI_TOWER_FILE = MINI_FOLDER / "thumb-mini.onnx"
MINI_PROMPTS_FILE = MINI_FOLDER / "prompts.json"


def mini_identity() -> dict[str, Any]:
    """Name, version, SHA-256 of the weights and preprocess config of the embedded model."""
    identity: dict[str, Any] = json.loads(MINI_IDENTITY_FILE.read_text(encoding="utf-8"))
    return identity
