"""Settings of further files of the stills: other sizes and formats."""

from pydantic import Field, field_validator

from thumb_assets.settings.base import StageSettings
from thumb_assets.settings.stages import StillFormat


class RenditionsSettings(StageSettings):
    """Further sizes and formats of each still; quality and limit of bytes are those of `stills`."""

    widths: tuple[int, ...] = Field((), description="Such as [640, 1280]: one set of files each; never enlarged.")
    formats: tuple[StillFormat, ...] = Field((), description="Such as [avif, webp, jpeg]; empty: stills.format.")

    @field_validator("widths", "formats")
    @classmethod
    def _each_once(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(values)) != len(values):
            raise ValueError("one is given twice")
        return values

    @field_validator("widths")
    @classmethod
    def _widths_are_possible(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        for width in widths:
            if not 16 <= width <= 16_383:
                raise ValueError(f"{width} is not a width from 16 to 16383")
        return tuple(sorted(widths))
