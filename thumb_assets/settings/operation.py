"""Settings of a library in operation, on which no value in a table depends."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from thumb_assets.settings.base import NO_EFFECT_ON_VALUES, READ_AT_LOAD, StageSettings


class LibrarySettings(StageSettings):
    """Watching the library."""

    url: str = Field("", description="Remote videos, such as s3://bucket/videos (by fsspec); fetched as they come.")
    outputs_url: str = Field(
        "", description="Second place of tables and pictures beside the data folder, for machines that share no disk."
    )
    ignore: tuple[str, ...] = Field(
        ("@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found", "node_modules"),
        description="Names of files and folders that are left out; `*` is any letters. With a slash: paths below"
        " the library folder, such as `raw/*`.",
    )
    settle_seconds: float = Field(
        10.0, ge=0, description="A file that changed less long ago may still be written, and is left for later."
    )
    content_hash: Literal["cached", "always"] = Field(
        "cached",
        description="cached: a file is read whole when it is new, or its size or time changed; always: every file"
        " is read whole each time (by the sensor, as many per tick as the caps allow), and so a content that changed"
        " behind both is noticed.",
    )
    max_files_per_tick: int = Field(100_000, ge=1, description="Files looked at per tick of the sensor.")
    max_new_per_tick: int = Field(500, ge=1, description="New or changed files hashed per tick.")
    max_hash_seconds_per_tick: float = Field(20.0, gt=0, description="No further file is hashed after so long.")
    process_new: bool = Field(True, description="The sensor also has what is new run; off: partitions only.")
    owners: Annotated[tuple[str, ...], READ_AT_LOAD] = Field(
        ("team:video-library",), description="Owners that Dagster shows: `team:NAME` or an address."
    )
    keep_replaced: bool = Field(
        False, description="Keep what was made of a file's former content once its new one is done."
    )


class BackfillSettings(StageSettings):
    """Number of videos per run, and times of runs."""

    num_videos_per_run: Annotated[int, READ_AT_LOAD] = Field(
        25, ge=1, le=10_000, description="Videos in one run: a run loads every model once."
    )
    retry_seconds: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (10.0, 60.0),
        description="Waits before each further try of videos that failed for a reason that may pass (disk, memory, "
        "network); empty: none.",
    )
    max_run_seconds: int = Field(
        86_400, ge=60, description="A run that takes longer is ended as failed (by Dagster's run monitoring)."
    )
    remake_stale: bool = Field(
        False,
        description="The schedule also makes again what is out of date: made with other settings of the library, other "
        "inputs or older code; off: only what is missing, or failed for a reason that may pass.",
    )
    cron: Annotated[str, READ_AT_LOAD] = Field(
        "0 2 * * *", description="When the schedule thumb_backfill runs, in `timezone`."
    )
    timezone: Annotated[str, READ_AT_LOAD] = Field("UTC", description="An IANA name, such as Europe/Berlin.")
    pool: Annotated[str, READ_AT_LOAD] = Field(
        "cpu", pattern="^[a-z][a-z0-9_-]*$", description="Dagster's pool of the work, such as gpu; see dagster.yaml."
    )
    queue: str = Field(
        "", pattern="^[a-z0-9_-]*$", description="Celery's queue of the runs, cpu or gpu; empty: the deployment's own."
    )
    report_cron: Annotated[str, READ_AT_LOAD] = Field(
        "*/15 * * * *", description="When the library's page is written again, if anything changed."
    )
    survey_cron: Annotated[str, READ_AT_LOAD] = Field(
        "0 1 * * 0", description="When the schedule survey runs, in `timezone`."
    )


# Facts about a still that a target may get: see report_of_stills in publish/http_target.py.
StillField = Literal[
    "url",
    "path",
    "file_name",
    "frame_index",
    "pts_seconds",
    "combined_score",
    "width",
    "height",
    "num_bytes",
    "file_sha256",
]


class PublishSettings(StageSettings):
    """Target of the asset `published`; addresses with passwords come from the environment."""

    target: Literal["none", "sql", "http"] = Field("none", description="none: the stage is left out.")
    key: Literal["video_id", "file_name", "file_stem", "source_path"] = Field(
        "file_name", description="The other system's key of the video."
    )
    stills_url: str = Field("", description="Address under which the folder `stills/` is served, for the field url.")
    sql_table: str = Field("videos", min_length=1, description="Table of the database, or schema.table.")
    sql_key_column: str = Field("file_name", min_length=1, description="Its column that holds the key.")
    sql_columns: dict[str, StillField] = Field(
        {"thumbnail_path": "path"}, min_length=1, description="Columns to set, each with a field of the best still."
    )
    http_url: str = Field("", description="Address that gets all stills as JSON; {key} in it is replaced by the key.")
    http_method: Literal["PUT", "POST", "PATCH"] = Field("PUT", description="The request's method.")
    timeout_seconds: Annotated[float, NO_EFFECT_ON_VALUES] = Field(
        30.0, gt=0, description="http: longest wait for the other side."
    )
    allowed_hosts: Annotated[tuple[str, ...], NO_EFFECT_ON_VALUES] = Field(
        (), description="http: hosts that may be called though they are private."
    )

    @model_validator(mode="after")
    def _target_is_complete(self) -> "PublishSettings":
        if self.target == "http" and not self.http_url:
            raise ValueError("target http needs http_url")
        if self.target == "sql" and "url" in self.sql_columns.values() and not self.stills_url:
            raise ValueError("the field url needs stills_url")
        return self


_ADDRESS = r"^(https?://[!-~]+)?$"


class DeskSettings(StageSettings):
    """Addresses by which the desk and Dagster lead to each other."""

    url: str = Field(
        "",
        pattern=_ADDRESS,
        description="Address of the desk, such as http://127.0.0.1:8330: Dagster's materializations link to the video's"
        " page there; empty: no links.",
    )
    dagster_url: str = Field(
        "",
        pattern=_ADDRESS,
        description="Address of Dagster, such as http://127.0.0.1:3000: the desk's page of a video links to its"
        " partition there; empty: no links.",
    )


class ServeSettings(StageSettings):
    """Webhooks that `thumb-assets serve` receives and sends."""

    tolerance_seconds: float = Field(
        300.0, gt=0, description="A request signed longer ago than this, or further ahead, is refused."
    )
    max_body_bytes: int = Field(65_536, ge=256, description="A request with a larger body is refused.")
    max_head_bytes: int = Field(
        16_384, ge=1024, description="A request with more in its first line and headers is refused."
    )
    max_head_seconds: float = Field(
        10.0, gt=0, description="A connection that has not sent its first line and headers by then is closed."
    )
    keep_alive_seconds: float = Field(5.0, ge=1, description="A connection that sends nothing more is closed then.")
    max_connections: int = Field(500, ge=1, description="More than these at once are closed.")
    max_connections_per_address: int = Field(
        100, ge=1, description="More than these at once from one address are closed; a proxy is one address."
    )
    max_requests_per_minute: int = Field(120, ge=1, description="More from one address are refused for a while.")
    max_download_seconds: float = Field(3600.0, gt=0, description="A video that takes longer to come is given up.")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Hosts that may be fetched from though their addresses are private."
    )
    notify_url: str = Field(
        "", description="Address that is notified when a video's stills are ready, also a private one; empty: none."
    )
    timeout_seconds: float = Field(30.0, gt=0, description="Longest wait for the other side.")
    num_deliveries: int = Field(
        8, ge=1, le=64, description="Messages sent at the same time; those of one video follow each other."
    )
    retry_seconds: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (5.0, 30.0, 300.0, 1800.0, 7200.0, 21_600.0, 43_200.0),
        description="Waits before each retry of a fetch or a notification; after the last it is given up.",
    )
