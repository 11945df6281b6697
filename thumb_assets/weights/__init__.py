"""Which models there are, from where, under which licence, and where they lie on this machine.

What belongs here: the registry (`models.json`), the search for files (the user's folder, the caches, the hub or the
model's own address), checks of what was found, and whether `models.licence` lets a model be used. What does not:
loading a model, so no torch and no cv2, and settings. A machine without a network learns so within seconds, never after
a minute of retries.
"""

from thumb_assets.weights.hub import HUB_PROBE_SECONDS, is_hub_reachable, offline_if_unreachable
from thumb_assets.weights.licence import check_models
from thumb_assets.weights.refusal import refusal_of
from thumb_assets.weights.registry import (
    MODEL_FILES,
    ModelFile,
    find_model,
    get_model_file,
    open_clip_file,
    pyiqa_metric,
    url_file,
)
from thumb_assets.weights.resolve import advice, download_model, find_in_folders, find_local, resolve_file
from thumb_assets.weights.status import ModelStatus, fetch, lacks_package, list_models, models_here
from thumb_assets.weights.url import download_url
from thumb_assets.weights.verify import file_sha256, find_fault

__all__ = [
    "HUB_PROBE_SECONDS",
    "MODEL_FILES",
    "ModelFile",
    "ModelStatus",
    "advice",
    "check_models",
    "download_model",
    "download_url",
    "fetch",
    "file_sha256",
    "find_fault",
    "find_in_folders",
    "find_local",
    "find_model",
    "get_model_file",
    "is_hub_reachable",
    "lacks_package",
    "list_models",
    "models_here",
    "offline_if_unreachable",
    "open_clip_file",
    "pyiqa_metric",
    "refusal_of",
    "resolve_file",
    "url_file",
]
