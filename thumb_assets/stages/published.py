"""The stage `published`: the stills that another system was told of."""

from contextlib import closing
from pathlib import Path

from thumb_assets.http import HttpClient
from thumb_assets.publish.http_target import publish_to_http, report_of_stills
from thumb_assets.publish.sql_target import publish_to_sql
from thumb_assets.select.tell import NOTHING_KEPT
from thumb_assets.settings.environment import publish_sql_url, publish_token
from thumb_assets.settings.operation import PublishSettings
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, SkippedError, Stage, VideoTables
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.tables.outputs import PUBLISHED


def publish(job: VideoTables, run: RunContext) -> Made:
    """Tells the target of the stills; the table says what it was told of.

    Raises:
        SkippedError: there is no target.
    """
    asked = run.settings.publish
    if asked.target == "none":
        raise SkippedError("no target is set: publish.target is none")
    stills = report_of_stills(
        job.table("stills"),
        job.table("selections"),
        folder=run.store.stills_dir(job.video_id),
        stills_url=asked.stills_url,
    )
    key = _key(job, asked)
    if asked.target == "sql":
        told = stills[:1]
        # Without a still the row stays as it is, unless it names one of ours that is gone.
        if told or _was_told(job.video_id, run, key):
            publish_to_sql(publish_sql_url(), asked, key=key, still=told[0] if told else None)
    else:
        told = stills
        with closing(HttpClient(allowed_hosts=asked.allowed_hosts, timeout_seconds=asked.timeout_seconds)) as client:
            publish_to_http(
                client,
                asked,
                key=key,
                video_id=job.video_id,
                stills=told,
                reason=job.footer("selections").get(NOTHING_KEPT),
                token=publish_token(),
            )
    names = ("rank", "frame_index", "file_name", "file_sha256")
    rows = [
        {"video_id": job.video_id, "target": asked.target, "key": key, **{name: still[name] for name in names}}
        for still in told
    ]
    return Made({"published": table_from_rows("published", rows)})


def _was_told(video_id: str, run: RunContext, key: str) -> bool:
    """True if a row of the database was given a still when this stage ran last."""
    before = run.store.read_or_none("published", video_id)
    rows = [] if before is None else before.to_pylist()
    return any(row["target"] == "sql" and row["key"] == key for row in rows)


def _key(job: VideoTables, asked: PublishSettings) -> str:
    path = Path(job.video.source_path)
    keys = {
        "video_id": job.video_id,
        "file_name": path.name,
        "file_stem": path.stem,
        "source_path": job.video.source_path,
    }
    return keys[asked.key]


STAGE = Stage(
    name="published",
    contracts=(PUBLISHED,),
    run=FromTables(publish),
    reads=("selections", "stills"),
    settings=lambda s: (s.publish,),
    is_on=lambda s: s.publish.target != "none",
    has_paths=True,
    kinds=frozenset({"parquet", "sql"}),
    description="One row per still that another system was told of: a row of its database, or a request (publish).",
)
