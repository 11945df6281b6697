"""Named sets of settings, kept as data: `presets.yaml` beside this package, or a file of one's own."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thumb_assets.errors import SettingsError
from thumb_assets.settings.problems import problem_of

# The setting that names one.
PRESET = "selection.preset"
PRESET_SUFFIXES = {".yaml", ".yml"}


@dataclass(frozen=True)
class Preset:
    """One preset.

    Attributes:
        about: its purpose, for people.
        values: what it sets, section to name to value, nested as the settings are.
    """

    about: str
    values: Mapping[str, Any]


class _Entry(BaseModel):
    """A preset as a file has it: its purpose beside the sections of the settings."""

    model_config = ConfigDict(extra="allow")

    about: str = Field(min_length=1)


@cache
def load_presets(model: type[BaseModel]) -> dict[str, Preset]:
    """The presets that ship with the project, by name.

    Args:
        model: of all settings.
    """
    import yaml

    text = (resources.files("thumb_assets") / "presets.yaml").read_text(encoding="utf-8")
    return {name: _validated(f"preset {name}", value, model) for name, value in yaml.safe_load(text).items()}


def preset_values(name: str, model: type[BaseModel]) -> dict[str, Any]:
    """Values that a preset sets, section to name to value.

    Args:
        name: of a preset, or a YAML file.
        model: of all settings.

    Raises:
        SettingsError: no such preset, or a file that cannot be read or is no preset.
    """
    return deepcopy(dict(_find(name, model).values))  # a preset is read once, and changed by nobody


def _find(name: str, model: type[BaseModel]) -> Preset:
    if Path(name).suffix in PRESET_SUFFIXES:
        return _read_file(Path(name), model)
    presets = load_presets(model)
    if name not in presets:
        raise SettingsError(f"preset {name!r} does not exist; choose one of {', '.join(presets)}, or name a .yaml file")
    return presets[name]


def _read_file(path: Path, model: type[BaseModel]) -> Preset:
    import yaml

    try:
        value = yaml.safe_load(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError) as error:  # no UTF-8, no possible name, no such home
        raise SettingsError(f"preset {path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"preset {path}: is no YAML: {reason}") from None
    return _validated(f"preset {path}", value, model)


def _validated(where: str, value: Any, model: type[BaseModel]) -> Preset:
    try:
        entry = _Entry.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(f"{where}: {place}: {first['msg']} (got {first['input']!r})") from None
    values = dict(entry.model_extra or {})
    if not values:
        raise SettingsError(f"{where}: sets nothing; name a section of the settings, such as selection")
    selection = values.get("selection")
    if isinstance(selection, Mapping) and "preset" in selection:
        raise SettingsError(f"{where}: a preset cannot name another one")
    try:
        model.model_validate(values)
    except ValidationError as error:
        raise SettingsError(f"{where}: {problem_of(error, model)}") from None
    return Preset(entry.about, values)
