"""Named sets of selection settings, kept as data: `presets.yaml` beside this package, or a file of one's own."""

from copy import deepcopy
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from thumb_assets.errors import SettingsError
from thumb_assets.settings.base import StageSettings
from thumb_assets.settings.selection import SelectionSettings

PRESET_SUFFIXES = {".yaml", ".yml"}


class Preset(StageSettings):
    """One preset: what it is for, and the settings of `selection` that it sets."""

    about: str = Field(min_length=1)
    selection: dict[str, Any]


@cache
def load_presets() -> dict[str, Preset]:
    """The presets that ship with the project, by name."""
    text = (resources.files("thumb_assets") / "presets.yaml").read_text(encoding="utf-8")
    return {name: _validated(f"preset {name}", value) for name, value in yaml.safe_load(text).items()}


def with_preset(selection: dict[str, Any], name: str) -> dict[str, Any]:
    """Settings of `selection` with those of a preset on top.

    Raises:
        SettingsError: no such preset, or a file that cannot be read or is no preset.
    """
    return _merged(selection, deepcopy(_find(name).selection))  # a preset is read once, and changed by nobody


def _find(name: str) -> Preset:
    if Path(name).suffix in PRESET_SUFFIXES:
        return _read_file(Path(name))
    presets = load_presets()
    if name not in presets:
        raise SettingsError(f"preset {name!r} does not exist; choose one of {', '.join(presets)}, or name a .yaml file")
    return presets[name]


def _read_file(path: Path) -> Preset:
    try:
        value = yaml.safe_load(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError) as error:  # no UTF-8, no possible name, no such home
        raise SettingsError(f"preset {path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"preset {path}: is no YAML: {reason}") from None
    return _validated(f"preset {path}", value)


def _validated(where: str, value: Any) -> Preset:
    try:
        preset = Preset.model_validate(value)
        if "preset" in preset.selection:
            raise SettingsError(f"{where}: a preset cannot name another one")
        SelectionSettings.model_validate(preset.selection)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(f"{where}: {place}: {first['msg']} (got {first['input']!r})") from None
    return preset


def _merged(beneath: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both, section by section; where both say something, `above` is right.

    >>> _merged({"top_k": 5, "weights": {"clip": 1.0}}, {"weights": {"iqa": 0.0}})
    {'top_k': 5, 'weights': {'clip': 1.0, 'iqa': 0.0}}
    """
    result = dict(beneath)
    for name, value in above.items():
        own = result.get(name)
        result[name] = _merged(own, value) if isinstance(own, dict) and isinstance(value, dict) else value
    return result
