"""Writes frames as stills with their facts inside; the same steps for other pictures made from frames."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from thumb_assets.errors import StorageError, VerificationError
from thumb_assets.export.compare import picture_difference
from thumb_assets.export.ffmpeg_fetch import ExportMethod
from thumb_assets.export.metadata import encode_still
from thumb_assets.export.pixels import RgbArray, pixels_of
from thumb_assets.export.plan import PlannedStill
from thumb_assets.video.frame import Frame
from thumb_assets.video.geometry import NO_BARS


@dataclass(frozen=True)
class WrittenStill:
    """One still on disk.

    Attributes:
        num_bytes: size of the file.
        file_sha256, luma_hash: hex; of the file, and of the frame as the decoder gave it.
        export_method: how the frame was fetched.
    """

    planned: PlannedStill
    num_bytes: int
    file_sha256: str
    luma_hash: str
    export_method: ExportMethod


def write_stills(
    plan: Iterable[PlannedStill],
    *,
    frames: Iterable[tuple[Frame, ExportMethod]],
    folder: Path,
    provenance: Mapping[str, str],
) -> list[WrittenStill]:
    """Writes every planned still at full resolution, upright, full-range sRGB.

    Args:
        plan: the files to write, with format and quality.
        frames: the frames of the plan in any order, as `FrameFetcher.fetch_many` yields them.
        folder: an existing folder.
        provenance: further facts for the files, such as `video_sha256` and `source_file_name`.

    Returns:
        One per planned still, by frame_index.

    Raises:
        VerificationError: a frame that was not asked for, has another stamp or size, or never came.
        StorageError: the file cannot be written.
    """
    awaited = {still.frame_index: still for still in plan}
    written = []
    for frame, method in frames:
        still = awaited.pop(frame.frame_index, None)
        if still is None:
            raise VerificationError(f"frame {frame.frame_index} came and was not asked for, or came twice")
        written.append(_write_still(still, frame=frame, method=method, folder=folder, provenance=provenance))
    if awaited:
        raise VerificationError(f"frame {min(awaited)} and {len(awaited) - 1} more were asked for and never came")
    return sorted(written, key=lambda still: still.planned.frame_index)


def write_proven(path: Path, data: bytes, *, shows: RgbArray) -> str:
    """Writes a picture file, reads it back and compares it with the picture that it was made of.

    Args:
        data: the whole file.
        shows: (H, W, 3) RGB, uint8 or uint16 as the file.

    Returns:
        SHA-256 of the file, hex.

    Raises:
        StorageError: it cannot be written, or the disk gives back something else.
        VerificationError: the file does not show the picture.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        path.write_bytes(data)
        is_whole = hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror or error}); free or mount the disk") from error
    if not is_whole:
        raise StorageError(f"{path}: the disk gave back other bytes than were written; check the disk")
    difference = picture_difference(path, shows)
    if difference is not None:
        raise VerificationError(f"{path.name} {difference}; run it again, and report it if it stays")
    return sha256


def still_facts(still: PlannedStill, *, luma_hash: str, provenance: Mapping[str, str]) -> dict[str, Any]:
    """Facts written into a still's file: its row, its fingerprint and its source."""
    return {
        **provenance,
        "video_id": still.video_id,
        "frame_index": still.frame_index,
        "pts": still.pts,
        "pts_seconds": still.pts_seconds,
        "combined_score": still.combined_score,
        "rank": still.rank,
        "luma_hash": luma_hash,
        "still_box": list(still.box),
    }


def _write_still(
    still: PlannedStill, *, frame: Frame, method: ExportMethod, folder: Path, provenance: Mapping[str, str]
) -> WrittenStill:
    rgb = pixels_of(frame.inside(still.bars), still.bit_depth)
    if frame.is_of_other_shape:  # planned was the size of most frames; stretched to it the picture would be squashed
        still = replace(still, width=rgb.shape[1], height=rgb.shape[0], bars=NO_BARS)
    if frame.pts != still.pts or rgb.shape != (still.height, still.width, 3):
        raise VerificationError(
            f"{still.video_id}: frame {still.frame_index} has pts {frame.pts} and size {rgb.shape[1]}x{rgb.shape[0]}, "
            f"planned were {still.pts} and {still.width}x{still.height}; run the stages from `videos` on again"
        )
    how = {"export_method": method, "decoded_on": frame.decoded_on}
    facts = still_facts(still, luma_hash=frame.luma_hash, provenance={**provenance, **how})
    data = encode_still(rgb, format=still.format, quality=still.quality, max_bytes=still.max_bytes, facts=facts)
    return WrittenStill(
        planned=still,
        num_bytes=len(data),
        file_sha256=write_proven(folder / still.file_name, data, shows=rgb),
        luma_hash=frame.luma_hash,
        export_method=method,
    )
