"""The settings of the toy scorer."""

from pathlib import Path

from pydantic import Field

from thumb_assets.settings.base import StageSettings


class ToySettings(StageSettings):
    """Settings of the toy scorer."""

    is_on: bool = Field(True, description="Whether it runs where no stage is named.")
    scale: float = Field(1.0, description="What the mean luma is multiplied by.")
    model_path: Path | None = Field(None, description="A file with a number that is added.")
