"""Settings of datasets: what goes in, under which licence, and how it is split."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from thumb_assets.settings.base import READ_AT_LOAD, StageSettings

# In the library folder; counts where `dataset.licences` names no other.
LICENCES_FILE = "licences.csv"

What = Literal["selections", "pinned", "candidates"]
LicenceFilter = Literal["any", "known", "commercial"]


class DatasetSettings(StageSettings):
    """Datasets that `thumb-assets export` and the asset `dataset` write.

    What has a title is an option of a single export as well: of the command, the desk's form and the tool of mcp.
    """

    what: What = Field(
        "selections",
        title="What goes in",
        description="selections: the stills; pinned: those that people pinned or made covers; candidates: also frames"
        " that lost to better ones, decoded again.",
    )
    collection: str = Field(
        "",
        max_length=100,
        title="Only of this collection",
        description="The candidates that people put into this collection (`thumb-assets collections`) and no others,"
        " whatever `what` says, decoded again.",
    )
    min_score: float = Field(
        0.0, ge=0, title="Least score", description="Below this combined score a frame is left out."
    )
    per_video: int = Field(
        0, ge=0, title="Most of each video", description="At most so many of each video, the best; 0: all."
    )
    is_deduplicated: bool = Field(
        True,
        title="Of stills that are alike, only the best",
        description="Of stills of different videos that are alike (`survey.still_*`) only the best is kept.",
    )
    licence: LicenceFilter = Field(
        "any",
        title="Licences",
        description="known: leave out videos of unknown licence; commercial: also those that forbid commercial use.",
    )
    licences: str = Field(
        "",
        description="CSV with the columns video (a file, folder or video_id), licence and author; a relative path is"
        f" below the data folder. Where none is named, `{LICENCES_FILE}` in the library folder counts.",
    )
    default_licence: str = Field("", description="Of every video of which nothing else says one, such as CC-BY-4.0.")
    default_author: str = Field("", description="The same of the author.")
    splits: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {"train": 0.8, "validation": 0.1, "test": 0.1},
        min_length=1,
        title="Shares of the splits",
        description="Shares of the stills by split; videos that share footage are never parted.",
    )
    seed: int = Field(0, title="Seed", description="Another one deals the videos to the splits in another way.")
    min_shared_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Videos belong together where so much of the shorter one's candidates is in the other as well.",
    )
    stills_per_shard: int = Field(1000, ge=1, le=100_000, description="Stills in one Parquet file or one tar.")
    format: Literal["huggingface", "imagefolder", "webdataset", "croissant", "fiftyone", "csv", "folder"] = Field(
        "huggingface", description="What the asset `dataset` writes, into `datasets/FORMAT` of the data folder."
    )
    cron: Annotated[str, READ_AT_LOAD] = Field(
        "0 4 * * 0", description="When the schedule dataset runs, in `backfill.timezone`."
    )

    @property
    def is_decoded(self) -> bool:
        """True where frames may go in that are no stills."""
        return self.what == "candidates" or bool(self.collection)

    @field_validator("splits")
    @classmethod
    def _splits_are_names_with_shares(cls, splits: dict[str, float]) -> dict[str, float]:
        for name in splits:
            if not (name.isascii() and name.isidentifier()):
                raise ValueError(f"{name!r} is no name of a split; use letters, digits and _")
        if not sum(splits.values()) > 0:
            raise ValueError("one share must be more than 0")
        return splits
