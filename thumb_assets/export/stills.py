"""The stage `stills`: fetches the chosen frames of one video, writes them, verifies them, puts them in place."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from thumb_assets.errors import SettingsError
from thumb_assets.export.backend import open_fetcher
from thumb_assets.export.plan import MAX_SIDES, plan_stills
from thumb_assets.export.space import require_space, space_for_pictures
from thumb_assets.export.verify import require_passed, verify_count, verify_mapping
from thumb_assets.export.write import WrittenStill, write_stills
from thumb_assets.folders import replaced_folder
from thumb_assets.settings.stages import ExportSettings, StillsSettings, VideoSettings
from thumb_assets.tables.conform import empty_table, table_from_rows
from thumb_assets.tables.outputs import cover_of
from thumb_assets.video.decode import read_header
from thumb_assets.video.fetch import FrameIdentities
from thumb_assets.video.frame import Frame
from thumb_assets.video.geometry import NO_BARS, Bars
from thumb_assets.video.header import VideoHeader


def export_stills(
    path: Path,
    *,
    video_id: str,
    selections: pa.Table,
    identities: FrameIdentities,
    video_sha256: str,
    stills_dir: Path,
    settings: StillsSettings | None = None,
    export_settings: ExportSettings | None = None,
    video_settings: VideoSettings | None = None,
    header: VideoHeader | None = None,
    bars: Bars = NO_BARS,
    at_hand: Mapping[int, Frame] | None = None,
    on_swap: Callable[[], object] = lambda: None,
) -> pa.Table:
    """Writes the stills of one video to `stills_dir/{video_id}` in place of those that are there.

    Everything is written and verified in a folder beside it first; a failure leaves the old stills as they are.

    Args:
        path: the video.
        selections: table of the contract, of this video; none of them leaves an empty folder.
        identities: what the decode pass recorded of every frame.
        video_sha256: of the video's file, kept in the stills.
        export_settings: which program fetches the frames, and how they are proven.
        header: of the video, where it was read already; else it is read here.
        bars: to cut off.
        at_hand: see `open_fetcher`.
        on_swap: see `replaced_folder`.

    Returns:
        Table `stills` of the contract; every row has been verified.

    Raises:
        BadInputError: the video cannot be opened.
        VerificationError: the video no longer decodes to the recorded frames, or what was written is not right.
        SettingsError: the frame is larger than the format can hold.
        StorageError: the disk is full, read-only or gone.
    """
    how = export_settings or ExportSettings()
    header = header or read_header(path, video_settings)
    width, height = header.geometry.display_size
    name = (settings or StillsSettings()).format
    if max(bars.part_of(width, height)[2:]) > (most := MAX_SIDES.get(name, width + height)):
        raise SettingsError(
            f"{path}: {width}x{height} is more than {name.upper()} holds ({most}); use --set stills.format=png"
        )
    plan = plan_stills(selections, video_id=video_id, width=width, height=height, settings=settings, bars=bars)
    needed = space_for_pictures(
        plan,
        frame_indices=(still.frame_index for still in plan),
        identities=identities,
        header=header,
        settings=how,
        video_settings=video_settings,
    )
    require_space(stills_dir, needed, min_free_bytes=how.min_free_bytes, what=f"{len(plan)} stills")
    with replaced_folder(stills_dir / video_id, on_swap=on_swap) as folder:
        if not plan:
            return empty_table("stills")
        provenance = {"video_sha256": video_sha256, "source_file_name": path.name}
        with open_fetcher(
            path,
            identities,
            temporary_dir=folder,
            export_settings=how,
            video_settings=video_settings,
            at_hand=at_hand,
        ) as fetcher:
            frames = fetcher.fetch_many(still.frame_index for still in plan)
            written = write_stills(plan, frames=frames, folder=folder, provenance=provenance)
        stills = _table(written)
        _write_cover(stills, folder)
        require_passed(
            path,
            verify_count(selections, stills, folder=folder),
            verify_mapping(
                path,
                stills,
                identities=identities,
                folder=folder,
                video_settings=video_settings,
                by=how.verification,
            ),
            what="stills",
        )
    return stills


def _write_cover(stills: pa.Table, folder: Path) -> None:
    """The still of rank 1 again, under a name that stays; a second name of one file where the disk has those."""
    cover = cover_of(stills.to_pylist())
    if cover is None:
        return
    source, target = folder / cover[1]["file_name"], folder / cover[0]
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _table(written: Sequence[WrittenStill]) -> pa.Table:
    return table_from_rows(
        "stills",
        (
            {
                "video_id": still.planned.video_id,
                "frame_index": still.planned.frame_index,
                "rank": still.planned.rank,
                "pts": still.planned.pts,
                "file_name": still.planned.file_name,
                **dict(zip(("x", "y", "width", "height"), still.planned.box, strict=True)),
                "num_bytes": still.num_bytes,
                "file_sha256": still.file_sha256,
                "luma_hash": still.luma_hash,
                "mapping_verified": True,  # export_stills returns no table whose mapping was not
                "export_method": still.export_method,
            }
            for still in written
        ),
    )
