"""The stage `renditions`: the stills in other sizes and formats."""

from functools import partial

from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, SkippedError, Stage, VideoTables
from thumb_assets.stages.kit.work import identities_of, num_bytes, verify_pictures
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import Verdict
from thumb_assets.tables.renditions import RENDITIONS


def make_renditions(job: VideoTables, run: RunContext) -> Made:
    """The further files of the stills, and their table.

    Raises:
        SkippedError: none is asked for.
    """
    settings, store = run.settings, run.store
    if not settings.renditions.widths:
        raise SkippedError("no width is asked for: set renditions.widths, for example [640, 1280]")
    from thumb_assets.export.renditions import export_renditions

    table = export_renditions(
        job.video.path,
        video_id=job.video_id,
        stills=job.table("stills"),
        identities=identities_of(job.table("frames")),
        video_sha256=job.video.sha256,
        renditions_dir=store.renditions_root,
        settings=settings.renditions,
        stills_settings=settings.stills,
        export_settings=settings.export,
        video_settings=settings.video,
        on_swap=partial(store.delete, "renditions", job.video_id),
    )
    return Made({"renditions": table}, {}, {"num_bytes": num_bytes(table)})


def _count(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """The files are those of the table, no more and no fewer."""
    from thumb_assets.export.renditions import verify_renditions_count

    return verify_renditions_count(store.read("renditions", video_id), folder=store.renditions_dir(video_id))


def _mapping(video_id: str, _stage: str, store: TableStore, settings: Settings) -> Verdict:
    """Each file's frame, decoded again by its frame_index and made as small again, is what the file shows."""
    from thumb_assets.export.renditions import verify_renditions_mapping

    verify = partial(verify_renditions_mapping, stills=store.read("stills", video_id))
    return verify_pictures(verify, video_id, "renditions", store, settings, folder=store.renditions_dir(video_id))


STAGE = Stage(
    name="renditions",
    contracts=(RENDITIONS,),
    run=FromTables(make_renditions),
    reads=("frames", "stills"),
    section="renditions",
    settings=lambda s: (s.renditions, s.stills),
    is_on=lambda s: bool(s.renditions.widths),
    tools=("pillow",),
    has_paths=True,
    kinds=frozenset({"parquet", "image"}),
    checks={"export_count": _count, "frame_number_mapping": _mapping},
    description="The stills in the widths and formats of renditions, for pages that offer several.",
)
