"""The stage `stills`: the pictures of the selections."""

from functools import partial

from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, Stage, VideoTables
from thumb_assets.stages.kit.work import bars_of, identities_of, num_bytes, verify_pictures
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import Verdict
from thumb_assets.tables.outputs import STILLS
from thumb_assets.video.geometry import NO_BARS


def make_stills(job: VideoTables, run: RunContext) -> Made:
    """The stills of the selections, and their table."""
    from thumb_assets.export.stills import export_stills

    settings, store = run.settings, run.store
    stills = export_stills(
        job.video.path,
        video_id=job.video_id,
        selections=job.table("selections"),
        identities=identities_of(job.table("frames")),
        video_sha256=job.video.sha256,
        stills_dir=store.stills_root,
        settings=settings.stills,
        export_settings=settings.export,
        video_settings=settings.video,
        header=job.header,
        at_hand=job.kept_frames,
        bars=bars_of(job) if settings.stills.trim_bars else NO_BARS,
        on_swap=partial(store.delete, "stills", job.video_id),
    )
    return Made({"stills": stills}, {}, {"num_bytes": num_bytes(stills)})


def _count(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """There are as many files as rows and selections, under the same names, and no other."""
    from thumb_assets.export.verify import verify_count

    return verify_count(
        store.read("selections", video_id), store.read("stills", video_id), folder=store.stills_dir(video_id)
    )


def _mapping(video_id: str, _stage: str, store: TableStore, settings: Settings) -> Verdict:
    """Each still is the frame of its frame_index that was scored, as it was written; a check alone decodes it anew."""
    from thumb_assets.export.verify import verify_mapping

    return verify_pictures(verify_mapping, video_id, "stills", store, settings, folder=store.stills_dir(video_id))


STAGE = Stage(
    name="stills",
    contracts=(STILLS,),
    run=FromTables(make_stills),
    reads=("videos", "frames", "selections"),
    section="stills",
    version="5",  # without steady black bars
    tools=("pillow",),
    has_paths=True,
    kinds=frozenset({"parquet", "image"}),
    checks={"export_count": _count, "frame_number_mapping": _mapping},
)
