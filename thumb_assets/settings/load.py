"""All settings together: named profiles, `--set` overrides, hashes."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError, create_model, model_validator

from thumb_assets.errors import SettingsError
from thumb_assets.settings.artwork import ArtworkSettings
from thumb_assets.settings.base import StageSettings, merged
from thumb_assets.settings.dataset import DatasetSettings
from thumb_assets.settings.judge import JudgeSettings
from thumb_assets.settings.live import LiveSettings
from thumb_assets.settings.operation import (
    BackfillSettings,
    DeskSettings,
    LibrarySettings,
    PublishSettings,
    ServeSettings,
)
from thumb_assets.settings.pictures import AestheticsSettings, SafetySettings, SubjectsSettings, TextsSettings
from thumb_assets.settings.presets import PRESET, preset_values
from thumb_assets.settings.previews import PreviewsSettings
from thumb_assets.settings.problems import problem_of
from thumb_assets.settings.renditions import RenditionsSettings
from thumb_assets.settings.selection import SelectionSettings, SurveySettings
from thumb_assets.settings.stages import (
    AudioSettings,
    CandidatesSettings,
    ChaptersSettings,
    ClipSettings,
    CropsSettings,
    ExportSettings,
    FacesSettings,
    IqaSettings,
    ModelsSettings,
    ShotsSettings,
    SparseSettings,
    StillsSettings,
    SubtitlesSettings,
    VideoSettings,
)


class Settings(StageSettings):
    """All settings; each field is the settings of one stage, `video`, `models`, `survey`, `dataset`, `library`,
    `backfill`, `serve`, `desk` and `live` are shared."""

    video: VideoSettings = Field(default_factory=VideoSettings)
    sparse: SparseSettings = Field(default_factory=SparseSettings)
    shots: ShotsSettings = Field(default_factory=ShotsSettings)
    subtitles: SubtitlesSettings = Field(default_factory=SubtitlesSettings)
    audio: AudioSettings = Field(default_factory=AudioSettings)
    candidates: CandidatesSettings = Field(default_factory=CandidatesSettings)
    faces: FacesSettings = Field(default_factory=FacesSettings)
    subjects: SubjectsSettings = Field(default_factory=SubjectsSettings)
    safety: SafetySettings = Field(default_factory=SafetySettings)
    texts: TextsSettings = Field(default_factory=TextsSettings)
    clip: ClipSettings = Field(default_factory=ClipSettings)
    aesthetics: AestheticsSettings = Field(default_factory=AestheticsSettings)
    iqa: IqaSettings = Field(default_factory=IqaSettings)
    judge: JudgeSettings = Field(default_factory=JudgeSettings)
    selection: SelectionSettings = Field(default_factory=SelectionSettings)
    survey: SurveySettings = Field(default_factory=SurveySettings)
    chapters: ChaptersSettings = Field(default_factory=ChaptersSettings)
    stills: StillsSettings = Field(default_factory=StillsSettings)
    crops: CropsSettings = Field(default_factory=CropsSettings)
    previews: PreviewsSettings = Field(default_factory=PreviewsSettings)
    renditions: RenditionsSettings = Field(default_factory=RenditionsSettings)
    artwork: ArtworkSettings = Field(default_factory=ArtworkSettings)
    export: ExportSettings = Field(default_factory=ExportSettings)
    models: ModelsSettings = Field(default_factory=ModelsSettings)
    library: LibrarySettings = Field(default_factory=LibrarySettings)
    backfill: BackfillSettings = Field(default_factory=BackfillSettings)
    dataset: DatasetSettings = Field(default_factory=DatasetSettings)
    publish: PublishSettings = Field(default_factory=PublishSettings)
    serve: ServeSettings = Field(default_factory=ServeSettings)
    desk: DeskSettings = Field(default_factory=DeskSettings)
    live: LiveSettings = Field(default_factory=LiveSettings)

    @model_validator(mode="after")
    def _every_frame_is_decoded_to_be_scored(self) -> "Settings":
        if self.sparse.is_on and self.iqa.scope == "every_frame":
            raise ValueError("iqa.scope every_frame needs every frame: turn sparse.is_on off")
        return self

    @model_validator(mode="after")
    def _others_are_stopped_first(self) -> "Settings":
        is_shorter = self.export.timeout_seconds < self.video.stall_seconds
        if self.export.backend == "ffmpeg" and self.video.is_isolated and not is_shorter:
            raise ValueError("export.timeout_seconds must be less than video.stall_seconds")
        if self.judge.url and self.video.is_isolated and self.judge.timeout_seconds >= self.video.stall_seconds:
            raise ValueError("judge.timeout_seconds must be less than video.stall_seconds")
        return self


def _with_sections_of_others(own: type[Settings]) -> type[Settings]:
    """The settings with a section for each entry point of the group `thumb_assets.settings`, by the entry point's name.

    Raises:
        SettingsError: one is no model of settings.
    """
    sections = {point.name: point.load() for point in entry_points(group="thumb_assets.settings")}
    for name, model in sections.items():
        if not (isinstance(model, type) and issubclass(model, StageSettings)) or name in own.model_fields:
            raise SettingsError(f"entry point {name} of thumb_assets.settings is no new section of settings")
    fields: dict[str, Any] = {name: (model, Field(default_factory=model)) for name, model in sections.items()}
    return create_model("Settings", __base__=own, __module__=__name__, **fields) if sections else own


if not TYPE_CHECKING:
    Settings = _with_sections_of_others(Settings)


def _read_profiles() -> dict[str, dict[str, Any]]:
    text = (resources.files("thumb_assets") / "profiles.json").read_text(encoding="utf-8")
    return {name: profile["settings"] for name, profile in json.loads(text).items()}


# Named sets of settings, to be read and changed in one file.
PROFILES: dict[str, dict[str, Any]] = _read_profiles()


def load_settings(
    profile: str = "default", overrides: Iterable[str] = (), *, beneath: Mapping[str, Any] | None = None
) -> Settings:
    """Settings of a named profile with `section.name=value` overrides on top; reads no file and no environment.

    Args:
        profile: a key of PROFILES.
        overrides: strings such as `selection.top_k=5`; values are JSON where they parse as JSON, else text.
        beneath: values by section in place of the profile.

    Raises:
        SettingsError: an unknown profile or name, or a value out of range; one line.

    >>> load_settings(overrides=["selection.top_k=5"]).selection.top_k
    5
    """
    if profile not in PROFILES:
        raise SettingsError(f"profile {profile!r} does not exist; choose one of {', '.join(PROFILES)}")
    values: dict[str, Any] = json.loads(json.dumps(PROFILES[profile] if beneath is None else beneath))
    asked = [(*parse_override(override), override) for override in overrides]
    presets = [value for keys, value, _ in asked if ".".join(keys) == PRESET]
    if presets and presets[-1] is not None:  # on the profile, and beneath what is set beside it
        values = merged(values, preset_values(str(presets[-1]), Settings), Settings)
    for keys, value, override in asked:
        target = values
        for key in keys[:-1]:
            target = target.setdefault(key, {})
            if not isinstance(target, dict):
                raise SettingsError(f"--set {override!r}: {key!r} is a value, not a section")
        target[keys[-1]] = value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(problem_of(error, Settings)) from None


def parse_override(override: str) -> tuple[list[str], Any]:
    """The names from the section down, and the value."""
    name, separator, text = override.partition("=")
    keys = name.strip().split(".")
    if not separator or len(keys) < 2:
        raise SettingsError(f"--set {override!r} is not of the form section.name=value")
    try:
        return keys, json.loads(text)
    except json.JSONDecodeError:
        return keys, text


def choose_device(name: str, is_here: Mapping[str, bool], *, setting: str) -> str:
    """The device a setting names, or for `auto` the first of `is_here` that is there.

    Args:
        is_here: devices in order of preference, and whether this machine has them and the model can use them.
        setting: the setting's name, for the error.

    Raises:
        SettingsError: the named device is not there.

    >>> choose_device("auto", {"cuda": False, "cpu": True}, setting="clip.device")
    'cpu'
    """
    if name == "auto":
        return next(device for device, is_present in is_here.items() if is_present)
    if not is_here.get(name, False):
        raise SettingsError(f"{setting} is {name}, which this machine does not have; use auto or cpu")
    return name


def settings_sha256(*parts: StageSettings) -> str:
    """Hex SHA-256 of the settings a table was made with, stable over field order."""
    values = [part.dump_values() for part in parts]
    canonical = json.dumps(values, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
