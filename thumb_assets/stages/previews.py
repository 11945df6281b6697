"""The stage `previews`: tiles for seek bars, an animation and a contact sheet."""

from functools import partial
from typing import TYPE_CHECKING

from thumb_assets.select.tiles import Grid
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, SkippedError, Stage, VideoTables
from thumb_assets.stages.kit.work import identities_of, verify_pictures
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.stored_files import file_sizes
from thumb_assets.tables.checks import Verdict
from thumb_assets.tables.previews import KINDS, PREVIEWS
from thumb_assets.video.geometry import Geometry

if TYPE_CHECKING:
    from thumb_assets.export.previews.keeper import TileKeeper


def keep_tiles(job: VideoTables, run: RunContext) -> "TileKeeper | None":
    """Keeps pictures of the pass for the tiles; None where none is asked for."""
    settings = run.settings.previews
    if job.header is None or not set(settings.kinds) - {"animation"}:
        return None
    from thumb_assets.export.previews.keeper import TileKeeper
    from thumb_assets.export.previews.pictures import tile_size

    size = tile_size(*job.header.geometry.display_size, settings.widths[-1])
    folder = run.store.previews_root
    folder.mkdir(parents=True, exist_ok=True)
    return TileKeeper(folder, size=size, grid=Grid(settings.interval_seconds), reject=run.settings.selection.reject)


def make_previews(job: VideoTables, run: RunContext) -> Made:
    """The previews and their table.

    Raises:
        SkippedError: none is asked for.
    """
    settings, store = run.settings, run.store
    if not settings.previews.kinds:
        kinds = ", ".join(dict.fromkeys(KINDS.values()))
        raise SkippedError(f'none is asked for: set previews.kinds, for example ["sprites"], out of {kinds}')
    from thumb_assets.export.previews.keeper import TileKeeper
    from thumb_assets.export.previews.write import export_previews

    keeper = job.keepers.get("previews")
    done = export_previews(
        job.video.path,
        video_id=job.video_id,
        frames=job.table("frames"),
        shots=job.table("shots"),
        selections=job.optional_table("selections"),
        geometry=Geometry.from_row(job.table("videos").to_pylist()[0]),
        identities=identities_of(job.table("frames")),
        previews_dir=store.previews_root,
        settings=settings.previews,
        reject=settings.selection.reject,
        kept=keeper.finish() if isinstance(keeper, TileKeeper) else None,
        export_settings=settings.export,
        video_settings=settings.video,
        on_swap=partial(store.delete, "previews", job.video_id),
    )
    metrics: dict[str, int | float | str] = {
        "num_bytes": sum(file_sizes(done.table).values()),
        "num_frames": done.num_frames,
        "num_frames_decoded_again": done.num_fetched,
    }
    return Made({"previews": done.table}, {}, {**metrics, **({"note": done.note} if done.note else {})})


def _count(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """The files are those of the table, no more and no fewer."""
    from thumb_assets.export.previews.verify import verify_previews_count

    return verify_previews_count(store.read("previews", video_id), folder=store.previews_dir(video_id))


def _mapping(video_id: str, _stage: str, store: TableStore, settings: Settings) -> Verdict:
    """Each tile's frame, decoded again by its frame_index and made small again, is what the file shows there."""
    from thumb_assets.export.previews.verify import verify_previews_mapping

    folder = store.previews_dir(video_id)
    return verify_pictures(verify_previews_mapping, video_id, "previews", store, settings, folder=folder)


STAGE = Stage(
    name="previews",
    contracts=(PREVIEWS,),
    run=FromTables(make_previews, keep=keep_tiles),
    reads=("videos", "frames", "shots"),
    uses=("selections",),
    needs=lambda s: ("selections",) if "animation" in s.previews.kinds else (),
    section="previews",
    unread=lambda s: () if "animation" in s.previews.kinds else ("selections",),
    settings=lambda s: (s.previews, s.selection.reject),
    is_on=lambda s: bool(s.previews.kinds),
    tools=("pillow",),
    kinds=frozenset({"parquet", "image"}),
    checks={"export_count": _count, "frame_number_mapping": _mapping},
    description="Tiles for seek bars, an animation and a contact sheet, each of the best frame of its interval.",
)
