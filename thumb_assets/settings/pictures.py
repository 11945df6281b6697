"""Settings of the stages that look at what a picture shows: subjects, safety, writing, aesthetics."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from thumb_assets.settings.base import NO_EFFECT_ON_VALUES, StageSettings


class SubjectsSettings(StageSettings):
    """The subject of a picture: what stands out from its background."""

    is_on: Annotated[bool, NO_EFFECT_ON_VALUES] = Field(True, description="Look for the subject of each candidate.")
    model_path: Path | None = Field(
        None, description="The network's TFLite file; null looks it up in the weights room."
    )
    on_unavailable: Annotated[Literal["skip", "error"], NO_EFFECT_ON_VALUES] = Field(
        "skip", description="If the model is unavailable."
    )


class SafetySettings(StageSettings):
    """Looking for pictures that are not safe to show at work; a model that is unavailable is an error."""

    is_on: bool = Field(False, description="Rate each candidate; the preset brand_safe turns it on.")
    model_path: Path | None = Field(None, description="The network's ONNX file; null looks it up in the weights room.")


class TextsSettings(StageSettings):
    """Reading of writing in pictures."""

    is_on: Annotated[bool, NO_EFFECT_ON_VALUES] = Field(True, description="Read the writing in the candidates.")
    max_frames: int = Field(6, ge=1, le=1000, description="Of a video so many pictures: those with most writing.")
    max_lines: int = Field(4, ge=1, le=1000, description="Of a picture so many lines: the largest ones.")
    working_height: int = Field(
        360, ge=64, le=2160, description="Shorter side of the picture that is read; more reads smaller print."
    )
    finder_path: Path | None = Field(
        None, description="ONNX file of the network that finds lines; null looks it up in the weights room."
    )
    reader_path: Path | None = Field(
        None, description="ONNX file of the network that reads them; null looks it up in the weights room."
    )
    on_unavailable: Annotated[Literal["skip", "error"], NO_EFFECT_ON_VALUES] = Field(
        "skip", description="If the models are unavailable."
    )


class AestheticsSettings(StageSettings):
    """Rating of how pleasing pictures are, by a linear head over the embeddings of one of OpenAI's CLIP models."""

    is_on: bool = Field(False, description="Rate each candidate by its embedding, of ViT-B-32 or ViT-L-14 (openai).")
    model_path: Path | None = Field(
        None, description="A head of one's own, for whatever CLIP; null looks up the one for the embeddings' model."
    )
    on_unavailable: Annotated[Literal["skip", "error"], NO_EFFECT_ON_VALUES] = Field(
        "skip", description="If the head is unavailable."
    )
