"""The stage `crops`: the stills cut to other shapes."""

from functools import partial

from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, SkippedError, Stage, VideoTables
from thumb_assets.stages.kit.work import identities_of, num_bytes, verify_pictures
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import Verdict
from thumb_assets.tables.outputs import CROPS


def make_crops(job: VideoTables, run: RunContext) -> Made:
    """The crops of the stills, and their table.

    Raises:
        SkippedError: none is asked for.
    """
    settings, store = run.settings, run.store
    if not settings.crops.aspect_ratios:
        raise SkippedError('no aspect ratio is asked for: set crops.aspect_ratios, for example ["16:9", "1:1"]')
    from thumb_assets.export.crops import export_crops

    crops = export_crops(
        job.video.path,
        video_id=job.video_id,
        stills=job.table("stills"),
        faces=job.optional_table("faces"),
        identities=identities_of(job.table("frames")),
        video_sha256=job.video.sha256,
        crops_dir=store.crops_root,
        settings=settings.crops,
        stills_settings=settings.stills,
        export_settings=settings.export,
        video_settings=settings.video,
        header=job.header,
        on_swap=partial(store.delete, "crops", job.video_id),
    )
    return Made({"crops": crops}, {}, {"num_bytes": num_bytes(crops)})


def _count(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """Every still has a crop of every aspect ratio, and there are as many files as rows, under the same names."""
    from thumb_assets.export.verify_crops import verify_crops_count

    return verify_crops_count(
        store.read("stills", video_id), store.read("crops", video_id), folder=store.crops_dir(video_id)
    )


def _mapping(video_id: str, _stage: str, store: TableStore, settings: Settings) -> Verdict:
    """Each crop is cut from the frame of its frame_index, as it was written; a check alone cuts it anew."""
    from thumb_assets.export.verify_crops import verify_crops_mapping

    verify = partial(verify_crops_mapping, stills=store.read("stills", video_id))
    return verify_pictures(verify, video_id, "crops", store, settings, folder=store.crops_dir(video_id))


STAGE = Stage(
    name="crops",
    contracts=(CROPS,),
    run=FromTables(make_crops),
    reads=("frames", "stills"),
    uses=("faces",),
    section="crops",
    settings=lambda s: (s.crops, s.stills),
    is_on=lambda s: bool(s.crops.aspect_ratios),
    version="3",  # without steady black bars
    tools=("pillow", "opencv-python-headless"),
    has_paths=True,
    kinds=frozenset({"parquet", "image"}),
    checks={"export_count": _count, "frame_number_mapping": _mapping},
    description="The stills cut to the shapes of crops.aspect_ratios, around faces.",
)
