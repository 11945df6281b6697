"""Settings of further files of the stills: other sizes and formats."""

from pydantic import Field, field_validator

from thumb_assets.settings.base import StageSettings, each_once, possible_widths
from thumb_assets.settings.stages import StillFormat


class RenditionsSettings(StageSettings):
    """Further sizes and formats of each still; quality and limit of bytes are those of `stills`."""

    widths: tuple[int, ...] = Field((), description="Such as [640, 1280]: one set of files each; never enlarged.")
    formats: tuple[StillFormat, ...] = Field((), description="Such as [avif, webp, jpeg]; empty: stills.format.")

    _each_once = field_validator("widths", "formats")(each_once)

    @field_validator("widths")
    @classmethod
    def _widths_are_possible(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        return possible_widths(widths, least=16, most=16_383)
