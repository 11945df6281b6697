"""The settings of one library, from the layers that say something of them; reads the settings file and the environment.

Built-in values lie beneath the profile, that beneath the library's file, that beneath the environment, that beneath
the options of a command. Every process that works on a library reads the same file, each time it starts work.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError, create_model

from thumb_assets.errors import SettingsError
from thumb_assets.settings.base import READ_AT_LOAD, StageSettings, merged, section_of
from thumb_assets.settings.load import PROFILES, Settings, load_settings, parse_override
from thumb_assets.settings.presets import PRESET, PRESET_SUFFIXES, preset_values
from thumb_assets.settings.problems import problem_of

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings
    from tomlkit import TOMLDocument

SETTINGS_FILE = "thumb_assets.toml"
VARIABLE_PREFIX = "THUMB_ASSETS_"
NESTING = "__"
# TOML has no null, and an environment variable neither.
NONE_TEXT = "null"
# Dagster reads these once, when it loads the code location.
FIXED_AT_LOAD = frozenset(
    f"{section}.{name}"
    for section, each in Settings.model_fields.items()
    if isinstance(each.annotation, type) and issubclass(each.annotation, StageSettings)
    for name in each.annotation.marked(READ_AT_LOAD)
)
PROFILE = "profile"
_OPTIONS = "--set"


@dataclass(frozen=True)
class Layer:
    """Settings from one place.

    Attributes:
        origin: the place, for people.
        values: section to name to value, nested as the settings are.
    """

    origin: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Configuration:
    """The settings that hold for a process that works on a library.

    Attributes:
        settings: those that hold.
        library: what the profile and the file say, without environment and options.
        layers: lowest first, without the built-in values.
        named: the dotted names that options set, themselves or by a preset.
        profile: the one that holds.
        has_own_profile: whether an option names the profile, which then stands for a whole set of settings.
        path: the library's settings file, whether it is there or not.
    """

    settings: Settings
    library: Settings
    layers: tuple[Layer, ...] = ()
    named: frozenset[str] = frozenset()
    profile: str = "default"
    has_own_profile: bool = False
    path: Path = field(default_factory=Path)

    @property
    def origins(self) -> dict[str, str]:
        """Source of each value that is not built in, by dotted name."""
        return {name: layer.origin for layer in self.layers for name, _ in flat(layer.values)}


def settings_path(data_dir: Path) -> Path:
    """The settings file of a data folder."""
    return data_dir / SETTINGS_FILE


def read_settings(data_dir: Path, *, profile: str | None = None, overrides: Sequence[str] = ()) -> Settings:
    """The settings that hold for a data folder now; see `read_configuration`."""
    return read_configuration(data_dir, profile=profile, overrides=overrides).settings


def read_configuration(data_dir: Path, *, profile: str | None = None, overrides: Sequence[str] = ()) -> Configuration:
    """Configuration that holds for a data folder now: built-in < profile < file < environment < overrides.

    Args:
        profile: a key of PROFILES; None takes the one that THUMB_ASSETS_PROFILE or the file names, else `default`.
        overrides: as of `load_settings`.

    Raises:
        SettingsError: something is unknown, out of range or cannot be read; one line that names the place and the name.
    """
    path = settings_path(data_dir)
    file, environment = Layer(str(path), read_file(path)), Layer("environment", _read_environment())
    chosen = profile or environment.values.get(PROFILE) or file.values.get(PROFILE) or "default"
    library = settings_of(path, file.values)
    beneath = [_profile_layer(chosen), *map(_without_profile, (file, environment))]
    named = {".".join(_names(override)) for override in overrides}
    presets = [parse_override(override)[1] for override in overrides if ".".join(_names(override)) == PRESET]
    if presets:
        beneath = [_without_preset(layer) for layer in beneath]
    beneath = list(_with_preset_layer(beneath))
    settings = _settings_above(beneath, overrides)
    options = Layer(_OPTIONS, nested(dict.fromkeys(named, True)))
    known = frozenset(named | (names_of_preset(presets[-1]) if presets else set()))
    return Configuration(settings, library, (*beneath, options), known, chosen, profile is not None, path)


def settings_of(path: Path, values: Mapping[str, Any]) -> Settings:
    """The settings of a library by its file alone.

    Raises:
        SettingsError: names the file and the key.
    """
    file = Layer(str(path), values)
    layers = [_profile_layer(values.get(PROFILE) or "default", path), _without_profile(file)]
    return _validated(list(_with_preset_layer(layers)))


def read_file(path: Path) -> dict[str, Any]:
    """Values in a settings file, unchecked; empty where there is none.

    Raises:
        SettingsError: it cannot be read, or is no TOML.
    """
    try:
        values = parse_file(path.read_text(encoding="utf-8"), path).unwrap()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return resolve_values(values, path.parent)


def parse_file(text: str, path: Path) -> "TOMLDocument":
    """The text of a settings file with its comments; what is wrong with it is said of `path`."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise SettingsError(f"{path}: is no TOML: {error}; put that line right, or remove it") from None


def _read_environment() -> dict[str, Any]:
    for variable in os.environ:
        name = variable.upper().removeprefix(VARIABLE_PREFIX)
        section = name.partition(NESTING)[0].lower()
        if NESTING in name and name != variable.upper() and section not in Settings.model_fields:
            raise SettingsError(f"environment variable {variable}: there is no section {section!r} of the settings")
    if not any(map(_is_setting, os.environ)):
        return {}  # spares a tenth of the start of a command
    from pydantic_settings import EnvSettingsSource
    from pydantic_settings.exceptions import SettingsError as SourceError

    try:
        values: dict[str, Any] = EnvSettingsSource(
            _sections(),
            env_prefix=VARIABLE_PREFIX,
            env_nested_delimiter=NESTING,
            env_ignore_empty=True,
            env_parse_none_str=NONE_TEXT,
        )()
    except SourceError as error:
        raise SettingsError(f"environment: {error}; lists and tables are written as JSON") from None
    return values


def _is_setting(variable: str) -> bool:
    """True if an environment variable says something of a section or names the profile."""
    name = variable.upper().removeprefix(VARIABLE_PREFIX)
    section = name.partition(NESTING)[0].lower()
    return name != variable.upper() and (section in Settings.model_fields or section == PROFILE)


@cache
def _sections() -> "type[BaseSettings]":
    """The sections as pydantic-settings wants to see them."""
    from pydantic_settings import BaseSettings

    fields: dict[str, Any] = {name: (each.annotation, each) for name, each in Settings.model_fields.items()}
    fields[PROFILE] = (str | None, None)
    model: type[BaseSettings] = create_model("_Sections", __base__=BaseSettings, **fields)
    return model


def _profile_layer(name: str, place: Path | None = None) -> Layer:
    if name not in PROFILES:
        where = f"{place}: " if place else ""
        raise SettingsError(f"{where}profile {name!r} does not exist; choose one of {', '.join(PROFILES)}")
    return Layer(f"profile {name}", PROFILES[name])


def _without_profile(layer: Layer) -> Layer:
    return Layer(layer.origin, {name: value for name, value in layer.values.items() if name != PROFILE})


def _with_preset_layer(layers: Sequence[Layer]) -> Iterator[Layer]:
    """The layers, and beneath the highest that names a preset what that sets."""
    naming = [layer for layer in layers if "preset" in _section(layer, "selection")]
    for layer in layers:
        preset = _section(layer, "selection").get("preset") if naming and layer is naming[-1] else None
        if preset is not None:
            yield Layer(f"preset {preset} ({layer.origin})", preset_values(str(preset), Settings))
        yield layer


def names_of_preset(name: object) -> set[str]:
    """Dotted names of the settings that a preset sets; none for None.

    Raises:
        SettingsError: no such preset, or a file that cannot be read or is no preset.
    """
    return set() if name is None else {each for each, _ in flat(preset_values(str(name), Settings))}


def _without_preset(layer: Layer) -> Layer:
    section = _section(layer, "selection")
    if "preset" not in section:
        return layer
    kept = {name: value for name, value in section.items() if name != "preset"}
    return Layer(layer.origin, {**layer.values, "selection": kept})


def _section(layer: Layer, name: str) -> Mapping[str, Any]:
    section = layer.values.get(name)
    return section if isinstance(section, Mapping) else {}


def _settings_above(beneath: Sequence[Layer], overrides: Iterable[str]) -> Settings:
    """All layers together; where that cannot be, the lowest layer with which it cannot is named."""
    overrides = list(overrides)
    try:
        return load_settings(overrides=overrides, beneath=_merged_layers(beneath))
    except SettingsError:
        _validated(beneath)  # says so itself where an option is not to blame
        raise


def _validated(layers: Sequence[Layer]) -> Settings:
    try:
        return Settings.model_validate(_merged_layers(layers))
    except ValidationError:
        pass
    for end in range(1, len(layers) + 1):
        try:
            Settings.model_validate(_merged_layers(layers[:end]))
        except ValidationError as error:
            raise SettingsError(_message(layers[end - 1], error)) from None
    raise AssertionError("all layers together were refused above")


def _message(layer: Layer, error: ValidationError) -> str:
    name = _name_of(error.errors()[0]["loc"])
    place = f"environment ({variable_of(name)})" if layer.origin == "environment" and name else layer.origin
    return f"{place}: {problem_of(error, Settings)}"


def _name_of(place: Sequence[int | str]) -> str:
    """The dotted name of a setting, without what pydantic adds below it."""
    parts: list[str] = []
    model: type[BaseModel] | None = Settings
    for part in map(str, place):
        if model is None:
            break
        parts.append(part)
        model = section_of(model, part)
    return ".".join(parts)


def variable_of(name: str) -> str:
    """The environment variable of a setting.

    >>> variable_of("selection.top_k")
    'THUMB_ASSETS_SELECTION__TOP_K'
    """
    return VARIABLE_PREFIX + name.upper().replace(".", NESTING)


def flat(values: Mapping[str, Any], model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values, down to what is no section itself."""
    for name, value in values.items():
        section = section_of(model, name)
        if section is not None and isinstance(value, Mapping):
            yield from flat(value, section, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """The opposite of `flat`.

    >>> nested({"selection.weights.clip": 0.5, "selection.top_k": 2})
    {'selection': {'weights': {'clip': 0.5}, 'top_k': 2}}
    """
    result: dict[str, Any] = {}
    for name, value in values.items():
        *sections, last = name.split(".")
        target = result
        for section in sections:
            target = target.setdefault(section, {})
        target[last] = value
    return result


def _merged_layers(layers: Sequence[Layer]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for layer in layers:
        values = merged(values, layer.values, Settings)
    copied: dict[str, Any] = json.loads(json.dumps(values, default=str))  # nobody changes a profile
    return copied


def resolve_values(values: Mapping[str, Any], folder: Path, *, model: type[BaseModel] = Settings) -> dict[str, Any]:
    """The values of a file: "null" as none, and paths from the folder of the file on."""
    resolved: dict[str, Any] = {}
    for name, value in values.items():
        section = section_of(model, name)
        if section is not None and isinstance(value, Mapping):
            resolved[name] = resolve_values(value, folder, model=section)
        elif value == NONE_TEXT:
            resolved[name] = None
        elif isinstance(value, str) and is_path(model, name, value):
            resolved[name] = str(folder / Path(value).expanduser())
        else:
            resolved[name] = value
    return resolved


def is_path(model: type[BaseModel], name: str, value: str) -> bool:
    """True if the value of a setting names a file."""
    known = model.model_fields.get(name)
    if known is None:
        return False
    if name == "ffmpeg_path":  # may be the name of a program
        return False
    return "Path" in str(known.annotation) or (name == "preset" and Path(value).suffix in PRESET_SUFFIXES)


def _names(override: str) -> list[str]:
    return override.partition("=")[0].strip().split(".")
