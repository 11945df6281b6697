"""Settings of the previews: what players and sites show of a video besides its stills."""

from typing import Literal

from pydantic import Field, field_validator

from thumb_assets.settings.base import StageSettings, each_once, possible_widths

PreviewKind = Literal["sprites", "trickplay", "bif", "animation", "contact_sheet"]


class PreviewsSettings(StageSettings):
    """Tiles for seek bars, animated previews and contact sheets."""

    kinds: tuple[PreviewKind, ...] = Field(
        (),
        description="sprites (with WebVTT), trickplay (Jellyfin), bif (Roku, Plex, Emby), animation (WebP and MP4), "
        "contact_sheet; empty: none.",
    )
    widths: tuple[int, ...] = Field(
        (320,), min_length=1, description="Width of a tile in pixels, one set of files for each; never enlarged."
    )
    interval_seconds: float = Field(10.0, ge=0.5, le=600, description="One tile for every interval of this length.")
    columns: int = Field(10, ge=1, le=40, description="Tiles beside one another in a sheet.")
    rows: int = Field(10, ge=1, le=40, description="Tiles below one another in a sheet.")
    jpeg_quality: int = Field(80, ge=1, le=100, description="JPEG quality of the tiles.")
    num_moments: int = Field(5, ge=1, le=12, description="Moments in the animation: those of the best selections.")
    moment_seconds: float = Field(1.2, ge=0.1, le=3, description="Length of a moment, its selection in the middle.")
    animation_rate: int = Field(10, ge=1, le=15, description="Pictures per second of the animation.")
    animation_width: int = Field(480, ge=32, le=640, description="Width of the animation; never enlarged.")
    animation_quality: int = Field(70, ge=1, le=100, description="WebP quality of the animation.")
    contact_columns: int = Field(4, ge=1, le=20, description="Pictures beside one another in the contact sheet.")
    contact_tiles: int = Field(24, ge=1, le=400, description="Pictures in the contact sheet, at most.")

    _each_once = field_validator("kinds", "widths")(each_once)

    @field_validator("widths")
    @classmethod
    def _widths_are_possible(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        return possible_widths(widths, least=32, most=1280)
