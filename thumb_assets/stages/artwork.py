"""The stage `artwork`: pictures beside the video, where media servers look."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from thumb_assets.errors import StorageError, ThumbAssetsError
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, SkippedError, Stage, VideoTables
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.store.library import VIDEO_SUFFIXES
from thumb_assets.tables.artwork import ARTWORK
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.wording import count

if TYPE_CHECKING:
    from thumb_assets.export.artwork import PlannedArtwork

_OF_FOLDER = ("folder_poster", "folder_fanart")


def make_artwork(job: VideoTables, run: RunContext) -> Made:
    """The files beside the video, and their table.

    Raises:
        SkippedError: none is asked for, or the video's folder may not be written to.
    """
    asked, path, store = run.settings.artwork, job.video.path, run.store
    if not asked.kinds:
        raise SkippedError('none is asked for: set artwork.kinds, for example ["thumb", "poster"]')
    from thumb_assets.export.artwork import may_write, plan_artwork, write_artwork

    if not may_write(path, asked.writable):
        raise SkippedError(f"{path.parent} is in no folder of artwork.writable")
    tables = {name: job.optional_table(name) for name in ("stills", "crops", "previews")}
    is_alone = _is_alone(path)
    plan = plan_artwork(
        path,
        [kind for kind in asked.kinds if is_alone or kind not in _OF_FOLDER],
        folders={"stills": store.stills_dir(job.video_id), "crops": store.crops_dir(job.video_id)}
        | {"previews": store.previews_dir(job.video_id)},
        **{name: [] if table is None else table.to_pylist() for name, table in tables.items()},
    )
    former = store.read_or_none("artwork", job.video_id)
    recorded = {Path(row["path"]): row["file_sha256"] for row in ([] if former is None else former.to_pylist())}
    written, left = write_artwork(plan, recorded=recorded, is_ours=_is_ours(job))
    notes = [f"{count(len(left), 'file')} of others left as they are, such as {left[0].name}"] if left else []
    if not is_alone and set(asked.kinds) & set(_OF_FOLDER):
        notes.append(f"no {' or '.join(_OF_FOLDER)}: other videos are in {path.parent}")
    return Made({"artwork": _table(job.video_id, written)}, {}, {"note": "; ".join(notes)} if notes else {})


def _is_alone(path: Path) -> bool:
    try:
        return not any(other != path and other.suffix.lower() in VIDEO_SUFFIXES for other in path.parent.iterdir())
    except OSError as error:
        raise StorageError(f"{path.parent}: cannot be read ({error.strerror}); make it readable") from error


def _company(path: Path, settings: Settings) -> tuple[Path, ...]:
    """The folder, where other videos are in it and a picture of the folder was asked for; else nothing.

    Its name stands for all of them: which they are matters as little as their content.
    """
    if not set(settings.artwork.kinds) & set(_OF_FOLDER):
        return ()
    with suppress(StorageError):  # the stage says so
        return () if _is_alone(path) else (path.parent,)
    return ()


def _table(video_id: str, written: "list[PlannedArtwork]") -> pa.Table:
    return table_from_rows(
        "artwork",
        [
            {
                "video_id": video_id,
                "path": str(each.target),
                "kind": each.kind,
                "frame_index": each.frame_index,
                "num_bytes": each.num_bytes,
                "file_sha256": each.file_sha256,
            }
            for each in written
        ],
    )


def _is_ours(job: VideoTables) -> Callable[[Path], bool]:
    """Knows a picture that no record knows, as where a data folder was lost: by its facts, if nobody edited it."""

    from thumb_assets.export.metadata import read_still_metadata
    from thumb_assets.export.verify_file import origin_of

    def check(path: Path) -> bool:
        try:
            facts = read_still_metadata(path)
            if facts.get("video_sha256") != job.video.sha256:
                return False
            identities = identities_of(job.table("frames"))
            return origin_of(path, facts, job.video.path, identities=identities).verdict == "same"
        except ThumbAssetsError:
            return False

    return check


STAGE = Stage(
    name="artwork",
    contracts=(ARTWORK,),
    run=FromTables(make_artwork),
    reads=("frames", "stills"),
    uses=("crops", "previews"),
    section="artwork",
    is_on=lambda s: bool(s.artwork.kinds),
    beside=_company,
    has_paths=True,
    kinds=frozenset({"parquet", "image"}),
    description="Pictures beside the video, where Kodi, Jellyfin and Emby look, in folders that may be written to.",
)
