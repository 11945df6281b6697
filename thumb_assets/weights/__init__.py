"""Which model files there are, from where, under which licence, and where they lie on this machine.

What belongs here: the registry of model files, the search for them (the user's folder, the hub's cache, the hub), their
checksums, and the one line that tells a person how to supply a missing one. What does not: loading a model, so no
torch and no cv2, and settings. A machine without a network learns so within seconds, never after a minute of retries.
"""

from thumb_assets.weights.hub import HUB_PROBE_SECONDS, is_hub_reachable, offline_if_unreachable
from thumb_assets.weights.registry import MODEL_FILES, ModelFile, get_model_file, open_clip_file
from thumb_assets.weights.resolve import (
    ModelStatus,
    fetch,
    file_sha256,
    find_in_folders,
    list_models,
    resolve_file,
)

__all__ = [
    "HUB_PROBE_SECONDS",
    "MODEL_FILES",
    "ModelFile",
    "ModelStatus",
    "fetch",
    "file_sha256",
    "find_in_folders",
    "get_model_file",
    "is_hub_reachable",
    "list_models",
    "offline_if_unreachable",
    "open_clip_file",
    "resolve_file",
]
