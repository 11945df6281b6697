"""Results remember the settings that they were made with, and go on being worked on with those that were asked for.

A run may be asked for other settings than the library's (`--set`, a profile, the environment). What it made keeps them:
later runs of the same video take them up again, until an option names another value, the library's own value of that
setting changes, or `backfill --stale` asks for the library's settings. See docs/settings.md.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import ValidationError

from thumb_assets.errors import SettingsError, ThumbAssetsError
from thumb_assets.settings.config import Configuration, flat, names_of_preset, nested
from thumb_assets.settings.load import Settings
from thumb_assets.settings.presets import PRESET
from thumb_assets.stages import STAGES
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.contracts import tables_of

# Which settings of earlier runs stay with a video: those that were asked for beside the library's, all that its results
# were made with (so that nothing is replaced for the settings' sake), or none.
Keep = Literal["asked", "made", "none"]

# Footer keys of the first table of a stage.
MADE_WITH, ASKED = "made_with", "asked"

# The sections that belong to one stage; those of others that it reads too are remembered there.
_SECTIONS = {name: stage.section for name, stage in STAGES.items() if stage.section is not None}


@dataclass(frozen=True)
class Asked:
    """A setting that a run was asked for, and what the library said of it then."""

    value: Any
    library: Any


@dataclass(frozen=True)
class Group:
    """Videos that are worked on with the same settings.

    Attributes:
        settings: for these videos.
        asked: by dotted name, what of that was asked for beside the library's settings.
        kept: those of them that come from earlier runs.
    """

    settings: Settings
    asked: Mapping[str, Asked]
    kept: frozenset[str]
    video_ids: tuple[str, ...]


def grouped(
    video_ids: Iterable[str], configuration: Configuration, store: TableStore, *, keep: Keep = "asked"
) -> list[Group]:
    """The videos by the settings they are to be worked on with, in the order of their first.

    What was made elsewhere is fetched before (`library.outputs_url`), since it says what it was asked for.

    Args:
        configuration: what holds for this run.
        keep: which settings of earlier runs stay with a video; an option of this run always wins.
    """
    resolver = _Resolver(configuration, store, keep)
    groups: dict[tuple[int, tuple[str, ...]], tuple[Group, list[str]]] = {}
    mirror = Mirror(configuration.settings.library, store)
    for video_id in dict.fromkeys(video_ids):
        with suppress(ThumbAssetsError):  # the engine fetches it once more, and says why it cannot
            mirror.bring_outputs(video_id)
        group = resolver.group_of(video_id)
        key = (id(group.settings), tuple(sorted(group.asked)))  # the resolver gives equal settings as one object
        groups.setdefault(key, (group, []))[1].append(video_id)
    return [replace(group, video_ids=tuple(of_group)) for group, of_group in groups.values()]


def settings_of_video(video_id: str, configuration: Configuration, store: TableStore, *, keep: Keep = "asked") -> Group:
    """As `grouped`, for one video."""
    return _Resolver(configuration, store, keep).group_of(video_id)


@dataclass(frozen=True)
class Difference:
    """A setting that results were made with, and what the settings say now; both as text."""

    name: str
    was: str
    now: str


def differences(video_id: str, stages: Iterable[str], settings: Settings, store: TableStore) -> tuple[Difference, ...]:
    """Settings that differ now from those that a video's results were made with."""
    now = _dumped(settings)
    made_with = _remembered(video_id, store, MADE_WITH, stages)
    return tuple(
        Difference(name, as_text(value), as_text(now[name]))
        for name, value in made_with.items()
        if name in now and now[name] != value
    )


def asked_of(configuration: Configuration) -> dict[str, Asked]:
    """Settings that change results and hold for this run, but not in the library's file."""
    now, library = _dumped(configuration.settings), _dumped(configuration.library)
    return {name: Asked(value, library[name]) for name, value in now.items() if value != library[name]}


def footer_of(stage: str, settings: Settings, asked: Mapping[str, Asked] | None) -> dict[str, str]:
    """Footer entries on the settings of a stage's tables; empty for a stage without settings of its own."""
    section = _SECTIONS.get(stage)
    if section is None:
        return {}
    return {MADE_WITH: json.dumps(_dumped_section(section, settings)), ASKED: asked_footer(stage, asked or {})}


def asked_footer(stage: str, asked: Mapping[str, Asked]) -> str:
    """The part of a footer that says what was asked for, of the stage's own section."""
    section = f"{_SECTIONS.get(stage)}."
    own = {name: [each.value, each.library] for name, each in asked.items() if name.startswith(section)}
    return json.dumps(own, sort_keys=True)


def changed_settings(stage: str, footer: Mapping[str, str], settings: Settings) -> str | None:
    """Changes in the settings where a stage is made again, such as `stills.format=png (was jpeg)`."""
    section = _SECTIONS.get(stage)
    now = _dumped_section(section, settings) if section else {}
    changes = [
        f"{name}={as_text(now[name])} (was {as_text(value)})"
        for name, value in _parsed(footer.get(MADE_WITH)).items()
        if name in now and now[name] != value
    ]
    return ", ".join(changes) or None


class _Resolver:
    def __init__(self, configuration: Configuration, store: TableStore, keep: Keep) -> None:
        self._configuration, self._store, self._keep = configuration, store, keep
        self._now, self._library = _dumped(configuration.settings), _dumped(configuration.library)
        self._asked_now = asked_of(configuration)
        self._settings: dict[str, Settings | None] = {}

    def group_of(self, video_id: str) -> Group:
        kept: dict[str, Asked] = {}
        if self._keep != "none" and not self._configuration.has_own_profile:
            kept = self._still_asked(video_id)
        values = {name: each.value for name, each in kept.items()}
        if self._keep == "made":
            values |= self._unnamed(_remembered(video_id, self._store, MADE_WITH))
        settings = self._with(values)
        if settings is None:
            return Group(self._configuration.settings, self._asked_now, frozenset(), (video_id,))
        asked = {name: each for name, each in self._asked_now.items() if values.get(name, each.value) == each.value}
        return Group(settings, asked | kept, frozenset(kept), (video_id,))

    def _still_asked(self, video_id: str) -> dict[str, Asked]:
        """Settings that earlier runs asked for and the library has neither changed nor taken over since."""
        remembered = _remembered(video_id, self._store, ASKED)
        asked = {name: Asked(*value) for name, value in self._unnamed(remembered).items() if isinstance(value, list)}
        if PRESET in self._configuration.named and isinstance(former := remembered.get(PRESET), list):
            asked = _without_preset(asked, former[0])
        return {
            name: each
            for name, each in asked.items()
            if self._library[name] == each.library and each.value != each.library
        }

    def _unnamed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Without what an option of this run names, and what is no setting any more."""
        named = self._configuration.named
        return {name: value for name, value in values.items() if name in self._now and name not in named}

    def _with(self, values: Mapping[str, Any]) -> Settings | None:
        """The settings of this run with other values; None where they cannot be together."""
        changes = {name: value for name, value in values.items() if self._now[name] != value}
        key = json.dumps(changes, sort_keys=True)
        if key not in self._settings:
            everything = dict(flat(self._configuration.settings.model_dump(mode="json")))
            try:
                settings = Settings.model_validate(nested(everything | changes)) if changes else None
                self._settings[key] = settings or self._configuration.settings
            except ValidationError:
                self._settings[key] = None
        return self._settings[key]


def _without_preset(asked: dict[str, Asked], preset: object) -> dict[str, Asked]:
    """Leaves out what a preset set of what was asked for: another preset takes the place of all of that."""
    try:
        of_preset = names_of_preset(preset)
    except SettingsError:  # a file that is gone: what it set cannot be told from the rest
        return asked
    return {name: each for name, each in asked.items() if name not in of_preset}


def _remembered(video_id: str, store: TableStore, key: str, stages: Iterable[str] = tuple(_SECTIONS)) -> dict[str, Any]:
    """Values that the footers of a video hold under a key, by dotted name."""
    found: dict[str, Any] = {}
    for stage in stages:
        section = _SECTIONS.get(stage)
        if section is None:
            continue
        try:
            footer = store.footer(tables_of(stage)[0], video_id) or {}
        except ThumbAssetsError:  # whoever needs the table says so
            continue
        found |= {name: value for name, value in _parsed(footer.get(key)).items() if name.startswith(f"{section}.")}
    return found


def _parsed(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _dumped(settings: Settings) -> dict[str, Any]:
    """The settings that change results, by dotted name, as JSON has them."""
    return {
        name: value
        for section in dict.fromkeys(_SECTIONS.values())
        for name, value in _dumped_section(section, settings).items()
    }


def _dumped_section(section: str, settings: Settings) -> dict[str, Any]:
    """As `_dumped`, of one section."""
    return dict(flat({section: getattr(settings, section).dump_values()}))


def as_text(value: Any) -> str:
    """A value of a setting as people write it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
