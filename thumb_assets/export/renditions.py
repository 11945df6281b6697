"""The stage `renditions`: writes the stills of one video in other sizes and formats, from the frames; their proof."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from thumb_assets.export.backend import open_fetcher
from thumb_assets.export.metadata import encode_still, read_still_metadata
from thumb_assets.export.plan import EXTENSIONS
from thumb_assets.export.verify import (
    box_of,
    folder_problems,
    frame_problems,
    frames_again,
    picture_problems,
    require_passed,
    shown_still,
    still_of,
)
from thumb_assets.export.write import write_proven
from thumb_assets.folders import replaced_folder
from thumb_assets.settings.renditions import RenditionsSettings
from thumb_assets.settings.stages import ExportSettings, StillsSettings, Verification, VideoSettings
from thumb_assets.tables.checks import Verdict
from thumb_assets.tables.conform import empty_table, table_from_rows
from thumb_assets.video.fetch import FrameIdentities
from thumb_assets.video.frame import Frame, UInt8Array

Row = dict[str, Any]
# Name of the fact that says how large a still was made: width and height.
SIZE = "rendition_size"


def rendition_sizes(width: int, height: int, widths: Sequence[int]) -> list[tuple[int, int]]:
    """The sizes in which a still is written, each once.

    >>> rendition_sizes(1920, 800, [640, 1920, 3840])
    [(640, 267), (1920, 800)]
    """
    least = sorted({min(width, each) for each in widths})
    return [(each, max(1, round(height * each / width))) for each in least]


def resized(rgb: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """A picture (H, W, 3) uint8 RGB at another size, by Pillow's Lanczos filter."""
    if size == (rgb.shape[1], rgb.shape[0]):
        return rgb
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def export_renditions(
    path: Path,
    *,
    video_id: str,
    stills: pa.Table,
    identities: FrameIdentities,
    video_sha256: str,
    renditions_dir: Path,
    settings: RenditionsSettings,
    stills_settings: StillsSettings,
    export_settings: ExportSettings | None = None,
    video_settings: VideoSettings | None = None,
    on_swap: Callable[[], object] = lambda: None,
) -> pa.Table:
    """Writes the further files of one video's stills to `renditions_dir/{video_id}` in place of those that are there.

    Args, Raises: as of `export_crops`.
    """
    how = export_settings or ExportSettings()
    rows = {row["frame_index"]: row for row in stills.to_pylist()}
    with replaced_folder(renditions_dir / video_id, on_swap=on_swap) as folder:
        if not rows:
            return empty_table("renditions")
        written: list[Row] = []
        provenance = {"video_sha256": video_sha256, "source_file_name": path.name}
        with open_fetcher(
            path, identities, temporary_dir=folder, export_settings=how, video_settings=video_settings
        ) as fetcher:
            for frame, _method in fetcher.fetch_many(rows):
                still = rows[frame.frame_index]
                rgb = shown_still(frame, still).rgb()
                for row, picture, data in _files(rgb, still, frame, settings, stills_settings, provenance=provenance):
                    sha256 = write_proven(folder / row["file_name"], data, shows=picture)
                    written.append({**row, "file_sha256": sha256})
        table = table_from_rows("renditions", written)
        verdicts = [verify_renditions_count(table, folder=folder)]
        if how.verification != "file":
            tables = {"stills": stills, "identities": identities}
            by = how.verification
            verdicts.append(
                verify_renditions_mapping(path, table, **tables, folder=folder, video_settings=video_settings, by=by)
            )
        require_passed(path, *verdicts, what="renditions")
    return table


def _files(
    rgb: UInt8Array,
    still: Mapping[str, Any],
    frame: Frame,
    settings: RenditionsSettings,
    files: StillsSettings,
    *,
    provenance: Mapping[str, str],
) -> Iterator[tuple[Row, UInt8Array, bytes]]:
    """Row without its hash, picture and content of each file of a still."""
    same = {name: still[name] for name in ("video_id", "frame_index", "rank", "pts", "luma_hash")}
    for width, height in rendition_sizes(still["width"], still["height"], settings.widths):
        picture = resized(rgb, (width, height))
        for name in settings.formats or (files.format,):
            facts = {**provenance, **same, "pts_seconds": frame.pts_seconds, "still_box": list(box_of(still))}
            data = encode_still(
                picture,
                format=name,
                quality=files.quality_of(name),
                max_bytes=None if name == "png" else files.max_bytes,
                facts={**facts, SIZE: [width, height]},
            )
            row = {**same, "width": width, "height": height, "format": name, "num_bytes": len(data)}
            row["file_name"] = f"{PurePath(still['file_name']).stem}_{width}w.{EXTENSIONS[name]}"
            yield row, picture, data


def verify_renditions_count(renditions: pa.Table, *, folder: Path) -> Verdict:
    """Verifies that the files in the folder are those of the table."""
    problems, num_strays = folder_problems(renditions.to_pylist(), folder)
    return Verdict.of(
        "The files are those of the table.", num_checked=renditions.num_rows + num_strays, problems=problems
    )


def verify_renditions_mapping(
    path: Path,
    renditions: pa.Table,
    *,
    stills: pa.Table,
    identities: FrameIdentities,
    folder: Path,
    video_settings: VideoSettings | None = None,
    by: Verification = "decode",
) -> Verdict:
    """Verifies that each file shows the frame of its row, decoded again and made as small again.

    Args: as of `verify_crops_mapping`, but `file` decodes each frame again as `decode` does.
    """
    of_frame: dict[int, list[Row]] = {}
    for row in renditions.to_pylist():
        of_frame.setdefault(row["frame_index"], []).append(row)
    still_rows = {row["frame_index"]: row for row in stills.to_pylist()}
    problems: list[str] = []
    num_failed = 0
    for index, frame in frames_again(path, of_frame, identities, video_settings, is_counted=by == "count"):
        for row in of_frame[index]:
            found = list(_problems(row, frame, identities, folder, still_rows.get(index)))
            num_failed += bool(found)
            problems += [f"frame {index}: {problem}" for problem in found]
    about = "Every file shows the frame of its row."
    return Verdict.of(about, num_checked=renditions.num_rows, problems=problems, num_failed=num_failed)


def _problems(
    row: Row, frame: Frame | None, identities: FrameIdentities, folder: Path, still: Row | None
) -> Iterator[str]:
    shown = None if frame is None or still is None else still_of(frame, still)
    if frame is None or shown is None:
        yield "its still or its frame is not there any more"
        return
    yield from frame_problems(row, frame, identities)
    path = folder / row["file_name"]
    yield from picture_problems(row, resized(shown.rgb(), (row["width"], row["height"])), path)
    if path.is_file() and read_still_metadata(path).get(SIZE) != [row["width"], row["height"]]:
        yield f"{path.name} names another size"
