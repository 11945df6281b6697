"""Two settings side by side: which may be tried at the desk, what they are now, what others would choose."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thumb_assets.errors import MissingInputError, SettingsError
from thumb_assets.library.what_if import VideoChange, what_if
from thumb_assets.select.components import COMPONENTS, TITLES, Component
from thumb_assets.select.guidance import NO_GUIDANCE
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.settings.load import Settings
from thumb_assets.settings.presets import load_presets
from thumb_assets.settings.selection import ComponentWeights
from thumb_assets.store.kept_candidates import KeptCandidates
from thumb_assets.store.parquet import TableStore

Value = int | float | str | None
_WEIGHTS = {f"selection.weights.{name}": each for name, each in ComponentWeights.model_fields.items()}
_WORDS = ("selection.looking_for", "selection.avoid")
_NAMES = frozenset({"selection.top_k", "selection.preset", *_WORDS, *_WEIGHTS})


def values_of(settings: Settings) -> dict[str, Value]:
    """The settings that can be tried, by name, as they are."""
    weights = {f"selection.weights.{name}": value for name, value in settings.selection.weights.model_dump().items()}
    chosen = settings.selection
    return {
        "selection.top_k": chosen.top_k,
        "selection.preset": chosen.preset,
        "selection.looking_for": chosen.looking_for,
        "selection.avoid": chosen.avoid,
        **weights,
    }


def weights() -> list[dict[str, str]]:
    """Name, label for people and description of each weight."""
    return [
        {"name": name, "label": TITLES[short], "about": str(_WEIGHTS[name].description)}
        for name in _WEIGHTS
        for short in [name.rpartition(".")[2]]
    ]


def without_data(store: TableStore, video_ids: Sequence[str] | None, *, kept: KeptCandidates) -> dict[str, str]:
    """The reason, by weight, why it changes no choice here: nobody measured what it weighs.

    Args:
        video_ids: whose values are looked at; None where that would take too long, and only missing tables tell.
        kept: see `compare`.

    Raises:
        StorageError: the disk does not answer.
    """
    measured = None if video_ids is None else kept.candidates(video_ids).measured
    lacking = [each.name for each in COMPONENTS if not each.is_guided and not _has_values(each, measured, store)]
    reasons = dict.fromkeys(lacking, "no video here was measured for it")
    if not store.learned_head_path.is_file():
        reasons["learned"] = "no scorer was learned yet: thumb-assets learn"
    return {f"selection.weights.{name}": reason for name, reason in reasons.items()}


def _has_values(component: Component, measured: CandidateArrays | None, store: TableStore) -> bool:
    if measured is not None:
        return any(not np.isnan(part).all() for part in component.parts(measured, NO_GUIDANCE).values())
    tables = {column.partition(".")[0] for column in component.sources}
    return all(store.video_ids(table) for table in tables)


def presets() -> dict[str, str]:
    """The purpose of each preset, by name."""
    return {name: preset.about for name, preset in load_presets(Settings).items()}


def overrides_of(changes: Mapping[str, Value]) -> list[str]:
    """Changes as the options of a command say them.

    Raises:
        SettingsError: a setting cannot be tried at the desk, or a preset is a file.

    >>> overrides_of({"selection.top_k": 5, "selection.looking_for": "a dog"})
    ['selection.top_k=5', 'selection.looking_for="a dog"']
    """
    for name, value in changes.items():
        if name not in _NAMES:
            raise SettingsError(f"{name[:80]!r} cannot be tried at the desk; use thumb-assets what-if")
        if name == "selection.preset" and value is not None and value not in load_presets(Settings):
            raise SettingsError(
                f"preset {str(value)[:80]!r} does not exist; choose one of {', '.join(load_presets(Settings))}"
            )
    return [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in changes.items()]


@dataclass(frozen=True)
class Comparison:
    """The frames that other settings would choose.

    Attributes:
        videos: as asked for; those that cannot be chosen from anew are left out.
        left_out: why some are, one line per reason.
    """

    videos: Sequence[VideoChange]
    left_out: Sequence[str]

    @property
    def changed(self) -> list[str]:
        """The videos that would change."""
        return [video.video_id for video in self.videos if video.is_change]


def compare(
    store: TableStore, settings: Settings, video_ids: Sequence[str] | None, *, kept: KeptCandidates | None = None
) -> Comparison:
    """Chooses from stored measurements with other settings; nothing is decoded, nothing is written.

    Args:
        video_ids: None for the whole library.
        kept: where the candidates stay in memory between moves of a slider.

    Raises:
        ThumbAssetsError: as `what_if`.
    """
    try:
        found = what_if(store, settings, video_ids=video_ids, kept=kept)
    except MissingInputError as error:
        return Comparison((), (str(error),))
    left_out = [f"{len(each)} left out: {reason}" for reason, each in found.reasons_left_out.items()]
    return Comparison(found.videos, [*left_out, *found.errors.values()])
