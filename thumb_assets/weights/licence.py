"""Which models the settings ask for, and whether `models.licence` lets them be used.

`check_licences` is the one gate: the engine passes it before it builds the model of a stage.
"""

from collections.abc import Sequence
from dataclasses import replace

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.settings import ModelsSettings, Settings
from thumb_assets.weights.registry import ModelFile, find_model, open_clip_file, pyiqa_metric

# The stages that load a model.
MODEL_STAGES = ("shots", "faces", "clip_scores", "iqa_scores")


def models_of_stage(stage: str, settings: Settings) -> tuple[ModelFile, ...]:
    """The models a stage loads with these settings; none for a stage without a model."""
    found: list[ModelFile | None] = []
    if stage == "shots":
        found = [find_model("transnetv2")] if str(settings.shots.detector).startswith("transnet") else []
    elif stage == "faces":
        found = [find_model(settings.faces.detector)]
    elif stage == "clip_scores":
        found = [_clip_model(settings)]
    elif stage == "iqa_scores":
        found = [pyiqa_metric(name) for name in settings.iqa.metrics]
    return tuple(dict.fromkeys(model_file for model_file in found if model_file is not None))


def _clip_model(settings: Settings) -> ModelFile:
    name = settings.clip.model
    tag = f"{name}/{settings.clip.pretrained}" if settings.clip.pretrained else name
    # Only open_clip knows where the weights of the others are.
    unregistered = replace(open_clip_file(tag, ""), source="library", package="open-clip-torch", file_names=())
    return find_model(name) or find_model(tag) or unregistered


def models_of_settings(settings: Settings) -> tuple[ModelFile, ...]:
    """The models of all stages, each once."""
    models = [model_file for stage in MODEL_STAGES for model_file in models_of_stage(stage, settings)]
    return tuple(dict.fromkeys(models))


def check_licences(stage: str, settings: Settings) -> None:
    """Nothing, if every model of the stage may be used.

    Raises:
        ModelUnavailableError: names the model, its licence, the setting that refuses it and the way out.
    """
    check_models(models_of_stage(stage, settings), settings.models)


def check_models(models: Sequence[ModelFile], settings: ModelsSettings) -> None:
    """Like `check_licences`, for models rather than a stage."""
    if settings.licence == "research":
        return
    for model_file in models:
        if model_file.use == "commercial" or model_file.name in settings.allow:
            continue
        why = "allows noncommercial use only" if model_file.use == "research" else "is not known to this project"
        raise ModelUnavailableError(
            f"models.licence=commercial refuses {model_file.name}: its licence ({model_file.licence}) {why}; choose "
            f'another model, or, if you hold the right to use it, set models.allow=["{model_file.name}"]'
        )
