"""The stage `stills`: fetches the chosen frames of one video, writes them, verifies them, puts them in place."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from thumb_assets.errors import StorageError, VerificationError
from thumb_assets.export.folder import replaced_folder
from thumb_assets.export.plan import PlannedStill, estimate_num_bytes, plan_stills
from thumb_assets.export.verify import verify_count, verify_mapping
from thumb_assets.export.write import WrittenStill, write_stills
from thumb_assets.settings import StillsSettings, VideoSettings
from thumb_assets.tables import empty_table, table_from_rows
from thumb_assets.video import FrameFetcher, FrameIdentities, VideoDecoder


def export_stills(
    path: Path,
    *,
    video_id: str,
    selections: pa.Table,
    identities: FrameIdentities,
    video_sha256: str,
    stills_dir: Path,
    settings: StillsSettings | None = None,
    video_settings: VideoSettings | None = None,
) -> pa.Table:
    """Writes the stills of one video to `stills_dir/{video_id}` in place of those that are there.

    Everything is written and verified in a folder beside it first; a failure leaves the old stills as they are.

    Args:
        path: the video.
        selections: table of the contract, of this video; none of them leaves an empty folder.
        identities: what the decode pass recorded of every frame.
        video_sha256: of the video's file, kept in the stills.

    Returns:
        Table `stills` of the contract; every row has been verified.

    Raises:
        BadInputError: the video cannot be opened.
        VerificationError: the video no longer decodes to the recorded frames, or what was written is not right.
        StorageError: the disk is full, read-only or gone.
    """
    plan = _plan(path, video_id=video_id, selections=selections, settings=settings, video_settings=video_settings)
    _require_space(stills_dir, plan)
    with replaced_folder(stills_dir / video_id) as folder:
        if not plan:
            return empty_table("stills")
        provenance = {"video_sha256": video_sha256, "source_file_name": path.name}
        with FrameFetcher(path, identities, video_settings) as fetcher:
            frames = fetcher.fetch_many(still.frame_index for still in plan)
            written = write_stills(plan, frames=frames, folder=folder, provenance=provenance)
        stills = _table(written)
        for verdict in (
            verify_count(selections, stills, folder=folder),
            verify_mapping(path, stills, identities=identities, folder=folder, video_settings=video_settings),
        ):
            if not verdict.is_passed:
                raise VerificationError(
                    f"{path}: {verdict.num_failed} of {verdict.num_checked} stills failed: {verdict.sample[0]}"
                )
    return stills


def _plan(
    path: Path,
    *,
    video_id: str,
    selections: pa.Table,
    settings: StillsSettings | None,
    video_settings: VideoSettings | None,
) -> list[PlannedStill]:
    if not selections.num_rows:
        return []
    with VideoDecoder(path, video_settings) as decoder:
        width, height = decoder.header.geometry.display_size
    return plan_stills(selections, video_id=video_id, width=width, height=height, settings=settings)


def _require_space(stills_dir: Path, plan: Sequence[PlannedStill]) -> None:
    num_bytes = estimate_num_bytes(plan)
    existing = next(folder for folder in (stills_dir, *stills_dir.absolute().parents) if folder.is_dir())
    num_free = shutil.disk_usage(existing).free
    if num_free < num_bytes:
        raise StorageError(
            f"{stills_dir}: {num_free / 1e6:.0f} MB are free, {len(plan)} stills need up to {num_bytes / 1e6:.0f} MB; "
            "free some space"
        )


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
                "width": still.planned.width,
                "height": still.planned.height,
                "num_bytes": still.num_bytes,
                "file_sha256": still.file_sha256,
                "luma_hash": still.luma_hash,
                "mapping_verified": True,  # export_stills returns no table whose mapping was not
                "export_method": still.export_method,
            }
            for still in written
        ),
    )
