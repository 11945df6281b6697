"""`check_models`: the one gate that every model passes before it is built, as `models.licence` says."""

from collections.abc import Sequence

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.settings.stages import ModelsSettings
from thumb_assets.weights.registry import ModelFile


def check_models(models: Sequence[ModelFile], settings: ModelsSettings) -> None:
    """Nothing, if every model may be used.

    Raises:
        ModelUnavailableError: names the model, its licence, the setting that refuses it and the way out.
    """
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
