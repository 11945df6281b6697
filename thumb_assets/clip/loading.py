"""Builds an open_clip model with trained weights, or says in one line why it cannot."""

import os
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thumb_assets.clip.mini import (
    MINI_CONFIG_FILE,
    MINI_MODEL,
    MINI_PRETRAINED,
    MINI_WEIGHTS_FILE,
    mini_identity,
)
from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.settings.stages import ClipSettings
from thumb_assets.weights.faults import file_sha256, refusal_of
from thumb_assets.weights.hub import offline_if_unreachable
from thumb_assets.weights.registry import MODEL_FILES, ModelFile, open_clip_file
from thumb_assets.weights.resolve import resolve_file

# Prefixes of open_clip model names that bring their own config and weights.
_SCHEMES = ("local-dir:", "hf-hub:")
_NUM_IDENTITY_DIGITS = 12


@dataclass(frozen=True)
class LoadedModel:
    """An open_clip model in eval mode, what it needs around it, and which weights it has."""

    model: Any
    tokenizer: Any
    preprocess_config: dict[str, Any]
    pil_transform: Any
    pretrained: str


def load_open_clip(settings: ClipSettings, *, device: str) -> LoadedModel:
    """The model of the settings on a device.

    Raises:
        ModelUnavailableError: its weights cannot be had or do not fit it.
        RefusedModelError: they hold more than tensors.
        SettingsError: open_clip knows no such model or tag.
    """
    # A registered model's file is looked for before open_clip is imported, which takes seconds.
    path = _registered_path(settings)
    import open_clip

    # In every process: open_clip gives an unregistered name a default tokenizer without a word.
    open_clip.add_model_config(MINI_CONFIG_FILE)
    is_self_contained = settings.model.startswith(_SCHEMES)
    options: dict[str, Any] = {}
    if is_self_contained and settings.checkpoint is not None:
        raise SettingsError(f"clip.checkpoint and clip.model={settings.model} each name weights; leave one out")
    if not is_self_contained:
        tag_config = _tag_config(settings)
        path = path or _unregistered_path(settings, tag_config)
        # A path instead of a tag makes open_clip forget what the tag says about the input.
        options = _tag_options(tag_config)
    pretrained = weights_identity(settings, path)
    try:
        with offline_if_unreachable() if _may_ask_hub(settings.model) else nullcontext(), warnings.catch_warnings():
            # torch remarks on the form of a checkpoint before it refuses it.
            warnings.simplefilter("ignore", UserWarning)
            model, _, pil_transform = open_clip.create_model_and_transforms(
                settings.model,
                pretrained=str(path) if path else None,
                device=device,
                require_pretrained=True,
                weights_only=True,
                **options,
            )
            tokenizer = open_clip.get_tokenizer(settings.model)
    # open_clip, torch, safetensors and the hub's client each have their own errors for a file that is missing, damaged
    # or of another model.
    except Exception as error:
        place = str(path or settings.model)
        if refusal := refusal_of(error, file=place, model=f"CLIP model {settings.model}"):
            raise refusal from error
        reason = " ".join(str(error).split())[:300]
        raise ModelUnavailableError(
            f"CLIP model {settings.model} cannot be loaded from {place}: {reason}; "
            "set clip.checkpoint to weights of that model, or supply them as `thumb-assets models list` says"
        ) from error
    model.eval()
    return LoadedModel(model, tokenizer, dict(model.visual.preprocess_cfg), pil_transform, pretrained)


def _registered_path(settings: ClipSettings) -> Path | None:
    name = f"{settings.model}/{settings.pretrained}"
    if settings.checkpoint is not None:
        return resolve_file(open_clip_file(name, ""), explicit=settings.checkpoint)
    if is_embedded(settings):
        return MINI_WEIGHTS_FILE
    is_registered = any(model_file.name == name for model_file in MODEL_FILES)
    return resolve_file(name) if is_registered else None


def is_embedded(settings: ClipSettings) -> bool:
    """True if the settings name the model that ships with the package."""
    return settings.model == MINI_MODEL and settings.pretrained == MINI_PRETRAINED


def _tag_config(settings: ClipSettings) -> dict[str, Any]:
    """open_clip's entry for the tag; empty for a checkpoint of the user's own without a tag."""
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model

    if settings.model not in open_clip.list_models():
        raise SettingsError(f"clip.model {settings.model!r} is not a model open_clip {open_clip.__version__} knows")
    if settings.model == MINI_MODEL and (is_embedded(settings) or settings.checkpoint is not None):
        return dict(mini_identity()["preprocess_cfg"])
    config: dict[str, Any] = get_pretrained_cfg(settings.model, settings.pretrained) if settings.pretrained else {}
    if not config and settings.checkpoint is None:
        tags = ", ".join(list_pretrained_tags_by_model(settings.model)) or "none"
        tags = MINI_PRETRAINED if settings.model == MINI_MODEL else tags
        raise SettingsError(f"clip.pretrained {settings.pretrained!r} is not a tag of {settings.model}; it has: {tags}")
    return config


def _tag_options(tag_config: dict[str, Any]) -> dict[str, Any]:
    return {
        "image_mean": tag_config.get("mean"),
        "image_std": tag_config.get("std"),
        "image_interpolation": tag_config.get("interpolation"),
        "image_resize_mode": tag_config.get("resize_mode"),
        # Where tag and model config differ open_clip only warns and computes with the wrong activation.
        "force_quick_gelu": bool(tag_config.get("quick_gelu", False)),
    }


def _unregistered_path(settings: ClipSettings, tag_config: dict[str, Any]) -> Path:
    name = f"{settings.model}/{settings.pretrained}"
    hub_location = str(tag_config.get("hf_hub") or "")
    if not hub_location:
        raise ModelUnavailableError(
            f"CLIP weights {name} are not on the model hub; download {tag_config.get('url')} "
            "and set clip.checkpoint to the file"
        )
    # open_clip writes `owner/repository/file`, the file empty where it has the usual name.
    repo, file_name = os.path.split(hub_location)
    model_file: ModelFile = open_clip_file(name, repo, file_name=file_name)
    return resolve_file(model_file)


def _may_ask_hub(model_name: str) -> bool:
    """True if building the model may ask the hub for more than weights, such as a config or a tokenizer."""
    import open_clip

    if model_name.startswith(_SCHEMES):
        return model_name.startswith("hf-hub:")
    text_config = open_clip.get_model_config(model_name).get("text_cfg", {})
    return any(name.startswith("hf_") for name in text_config) or "siglip" in model_name.lower()


def weights_identity(settings: ClipSettings, path: Path | None) -> str:
    """Identity of the weights for the table's footer: tag or file name, and the beginning of the file's SHA-256."""
    if path is None:  # a model of its own, such as `hf-hub:` or `local-dir:`
        return settings.model
    if is_embedded(settings):
        identity = mini_identity()
        name, digest = f"{MINI_PRETRAINED}-v{identity['version']}", str(identity["weights_sha256"])
    else:
        name = path.name if settings.checkpoint is not None else str(settings.pretrained)
        digest = file_sha256(path)
    return f"{name}@sha256:{digest[:_NUM_IDENTITY_DIGITS]}"
