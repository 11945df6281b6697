"""thumb-mini, the CLIP model that ships with the package: its config, its weights and what identifies them.

What belongs here: the files that `python -m training.thumb_mini` writes, and where they are. What does not: how a model
is loaded (loading), and how this one was made (training, docs/thumb-mini.md). The model distinguishes clean
frames from spoiled ones; it does not know what a picture shows.
"""

import json
from pathlib import Path
from typing import Any

MINI_MODEL = "thumb-mini"
MINI_PRETRAINED = "embedded"
MINI_CONFIG_FILE = Path(__file__).with_name("thumb-mini.json")
MINI_WEIGHTS_FILE = Path(__file__).with_name("thumb-mini.safetensors")
MINI_IDENTITY_FILE = Path(__file__).with_name("identity.json")


def mini_identity() -> dict[str, Any]:
    """Name, version, SHA-256 of the weights and preprocess config of the embedded model."""
    identity: dict[str, Any] = json.loads(MINI_IDENTITY_FILE.read_text(encoding="utf-8"))
    return identity
