"""Settings of `thumb-assets watch`, on which no value in a table depends."""

from typing import Annotated

from pydantic import Field

from thumb_assets.settings.base import StageSettings


class LiveSettings(StageSettings):
    """Live sources that are recorded in segments, and their best picture."""

    segment_seconds: float = Field(
        4.0,
        ge=1,
        le=3600,
        description="A segment ends at the first sync frame after so long; a picture is known once its segment ended.",
    )
    max_bytes: int = Field(
        10_000_000_000,
        ge=1_000_000,
        description="Room for the segments of one source and what is made of them; beyond it the oldest are removed, "
        "but not those of which a frame is pinned, banned or the cover.",
    )
    best_minutes: float = Field(
        2.0, gt=0, le=1440, description="The best picture is chosen from the segments of so many last minutes."
    )
    reconnect_seconds: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (0.5, 1.0, 2.0, 5.0, 10.0),
        min_length=1,
        description="Waits before each further try to reach a source; the last one is repeated.",
    )
    timeout_seconds: float = Field(
        10.0,
        gt=0,
        description="A source that sends nothing for so long is opened again; a file has ended then.",
    )
    max_jump_seconds: float = Field(
        1.0, gt=0, description="Stamps that jump by more than this begin a new segment, placed by the clock."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="HLS: further hosts, or host:port, from which its playlists may have pieces fetched."
    )
    max_piece_bytes: int = Field(200_000_000, ge=1_000_000, description="HLS: a larger piece is refused.")
