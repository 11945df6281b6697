"""Checks that the disk has room, before anything is written."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from thumb_assets.errors import StorageError
from thumb_assets.export.ffmpeg_fetch import peak_temporary_bytes
from thumb_assets.export.plan import PlannedPicture, estimate_num_bytes
from thumb_assets.settings.load import Settings
from thumb_assets.settings.stages import ExportSettings, StillFormat, VideoSettings
from thumb_assets.video.fetch import FrameIdentities
from thumb_assets.video.header import VideoHeader
from thumb_assets.video.planes import num_picture_bytes

# A row of the tables of all stages, in Parquet, per displayed frame; the largest of 29 clips was 62 bytes.
_TABLE_BYTES_PER_FRAME = 128
_MOST_CREDIBLE_FRAMES = 1_000_000  # headers lie: one says 2**63; this is four hours at 60 a second


@dataclass(frozen=True)
class SpaceNeeded:
    """Upper bound of the disk space that a piece of work takes.

    Attributes:
        final_bytes: what stays. The old version stays beside the new one until that is proven, so this is all new.
        temporary_bytes: peak of additional temporary bytes.
    """

    final_bytes: int
    temporary_bytes: int = 0


@dataclass(frozen=True)
class _Still:
    """Properties on which a still's size on disk depends, before the frame is known."""

    width: int
    height: int
    format: StillFormat
    quality: int
    bit_depth: int


def require_space(folder: Path, needed: SpaceNeeded, *, min_free_bytes: int, what: str) -> None:
    """Refuses to begin what would not fit on the disk.

    Args:
        folder: where it will be written; need not exist.
        min_free_bytes: what must stay free.
        what: is to be written, for the message.

    Raises:
        StorageError: less is free than is needed.
    """
    existing = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    num_free = shutil.disk_usage(existing).free
    num_needed = needed.final_bytes + needed.temporary_bytes + min_free_bytes
    if num_free < num_needed:
        raise StorageError(
            f"{folder}: {num_free / 1e6:.1f} MB are free, but {what} need up to {num_needed / 1e6:.1f} MB "
            f"({needed.final_bytes / 1e6:.1f} to stay, {needed.temporary_bytes / 1e6:.1f} for a while, "
            f"{min_free_bytes / 1e6:.1f} to be left free by export.min_free_bytes); free some space"
        )


def space_for_pictures(
    plan: Sequence[PlannedPicture],
    *,
    frame_indices: Iterable[int],
    identities: FrameIdentities,
    header: VideoHeader,
    settings: ExportSettings,
    video_settings: VideoSettings | None,
) -> SpaceNeeded:
    """Upper bound for planned pictures, including the fetch of their frames."""
    temporary = peak_temporary_bytes(
        (index for index in frame_indices if 0 <= index < len(identities)),
        identities=identities,
        header=header,
        export_settings=settings,
        video_settings=video_settings,
    )
    return SpaceNeeded(estimate_num_bytes(plan), temporary)


def space_for_video(header: VideoHeader, settings: Settings, *, has_crops: bool = True) -> SpaceNeeded:
    """Upper bound for a video: as many stills and crops as may be chosen, and its tables."""
    files = settings.stills
    still = _Still(*header.geometry.display_size, files.format, files.quality, files.bit_depth)
    num_frames = min(header.num_frames_from_header or _MOST_CREDIBLE_FRAMES, _MOST_CREDIBLE_FRAMES)
    num_stills = min(settings.selection.most, num_frames)
    num_crops = len(settings.crops.aspect_ratios) if has_crops else 0
    pictures = num_stills * estimate_num_bytes([still]) * (1 + num_crops)
    tables = _TABLE_BYTES_PER_FRAME * num_frames if header.num_frames_from_header else 0
    temporary = 0
    if settings.export.backend == "ffmpeg":
        size = num_picture_bytes(*header.usual_decoded_size, header.pix_fmt)
        temporary = 3 * min(num_stills, settings.export.batch_size) * size  # an interlaced frame brings its neighbours
    return SpaceNeeded(pictures + tables, temporary)
