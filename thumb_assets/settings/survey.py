"""Settings of the survey: when frames of different videos are alike, and from when on the library's scores count."""

from pydantic import Field

from thumb_assets.settings.base import StageSettings


class SurveySettings(StageSettings):
    """Comparison of the library's videos; docs/survey.md explains the defaults."""

    min_cosine: float = Field(
        0.95, ge=-1, le=1, description="Frames of two videos are alike from this cosine on, weighed as two selections."
    )
    max_hash_distance: int = Field(8, ge=0, le=64, description="And if their hashes differ in no more bits than this.")
    still_min_cosine: float = Field(0.93, ge=-1, le=1, description="The same for two stills, which are only listed.")
    still_max_hash_distance: int = Field(12, ge=0, le=64, description="And for their hashes.")
    num_neighbours: int = Field(
        64,
        ge=1,
        le=1000,
        description="Other videos that are counted of a frame, at most; neighbours that are looked at.",
    )
    max_exact: int = Field(
        30_000,
        ge=0,
        description="Up to this number each frame is compared with all; above it an index finds the near ones.",
    )
    min_videos: int = Field(20, ge=1, description="With fewer measured videos the library's scores do not count.")
