"""The stages: one file each, which says all that the rest of the project knows of it.

What belongs here: a stage's declaration, and how its tables are made of what the rooms below measure, choose and draw.
What does not: a measure itself, the order of work (pipeline), Dagster (defs).

A stage of another package is found by an entry point of the group `thumb_assets.stages`, which names its `Stage`.
"""

from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from thumb_assets.errors import ContractError, SettingsError
from thumb_assets.settings.load import PROFILES, Settings, load_settings
from thumb_assets.stages.kit.declaration import Indexed, Stage
from thumb_assets.stages.kit.flow import in_order
from thumb_assets.tables.contracts import register
from thumb_assets.weights.registry import MODEL_FILES, ModelFile, check_models

ENTRY_POINTS = "thumb_assets.stages"
# The order of the flow. A stage that is not named here comes after the last of those that it reads or uses.
_FLOW = (
    *("videos", "frames", "shots", "subtitles", "candidate_frames"),
    *(
        "sharpness",
        "appearance",
        "faces",
        "subjects",
        "safety",
        "texts",
        "clip_scores",
        "aesthetics",
        "iqa_scores",
        "audio",
    ),
    *("judgements", "selections", "chapters", "stills", "crops", "renditions", "previews", "artwork", "published"),
    "catalog",
)


def _found() -> list[Stage]:
    """Every stage of this folder and of other packages, with its tables made known.

    Raises:
        ContractError: one is no `Stage`, or its tables cannot be told from others.
    """
    places = {f"{__name__}.{each.name}": "STAGE" for each in iter_modules(__path__) if not each.ispkg}
    places |= {point.module: point.attr for point in entry_points(group=ENTRY_POINTS)}
    stages = []
    for place, name in places.items():
        module = import_module(place)
        stage = getattr(module, name, None)
        if not isinstance(stage, Stage):
            raise ContractError(f"{place} holds no Stage {name}, so it cannot be run")
        for contract in stage.contracts:
            register(contract)
        stages.append(replace(stage, file=str(module.__file__)))
    return stages


def _all() -> dict[str, Stage]:
    stages = _found()
    # The main tables: the others come with them.
    indexed = (*(stage.name for stage in stages if stage.contracts), "decisions", "recurrences")
    return in_order(
        [replace(stage, uses=indexed) if isinstance(stage.run, Indexed) else stage for stage in stages], _FLOW
    )


# By name, in the order of the flow.
STAGES: dict[str, Stage] = _all()


def models_of_stage(stage: str, settings: Settings) -> tuple[ModelFile, ...]:
    """The models a stage loads with these settings; none for a stage without a model."""
    return (*STAGES[stage].models(settings), *STAGES[stage].optional_models(settings))


def models_of_settings(settings: Settings) -> tuple[ModelFile, ...]:
    """The models of all stages, each once."""
    return tuple(dict.fromkeys(model for stage in STAGES for model in models_of_stage(stage, settings)))


def check_licences(stage: str, settings: Settings) -> None:
    """Raises unless every model of the stage may be used.

    Raises:
        ModelUnavailableError: names the model, its licence, the setting that refuses it and the way out.
    """
    check_models(models_of_stage(stage, settings), settings.models)


def models_to_fetch(name: str, settings: Settings | None = None) -> tuple[ModelFile, ...]:
    """The models behind a name: those of a profile, or one registered model.

    Args:
        name: a profile or a model.
        settings: the profile's settings with changes; None takes them as they are.

    Raises:
        SettingsError: neither; the message lists both.
    """
    if name in PROFILES:
        return models_of_settings(settings or load_settings(name))
    known = {model.name: model for model in (*models_of_settings(settings or load_settings()), *MODEL_FILES)}
    if name not in known:
        names = ", ".join(model.name for model in MODEL_FILES)
        raise SettingsError(f"{name!r} is neither a profile ({', '.join(PROFILES)}) nor a model; choose one of {names}")
    return (known[name],)


def models_of_profiles() -> dict[str, tuple[ModelFile, ...]]:
    """By profile, the models that its stages use."""
    return {name: models_of_settings(load_settings(name)) for name in PROFILES}
