"""The stage `crops`: cuts the stills of one video to other shapes, from the frames themselves, and verifies them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from thumb_assets.export.backend import open_fetcher
from thumb_assets.export.crop_box import CropBox, FaceBox, crop_box
from thumb_assets.export.ffmpeg_fetch import ExportMethod
from thumb_assets.export.metadata import encode_still
from thumb_assets.export.pixels import pixels_of
from thumb_assets.export.plan import PlannedCrop, plan_crops
from thumb_assets.export.saliency import SALIENCY_SIZE, salience_centre
from thumb_assets.export.space import require_space, space_for_pictures
from thumb_assets.export.verify import box_of, require_passed, shown_still
from thumb_assets.export.verify_crops import verify_crops_count, verify_crops_mapping
from thumb_assets.export.write import write_proven
from thumb_assets.folders import replaced_folder
from thumb_assets.settings.stages import CropsSettings, ExportSettings, StillsSettings, VideoSettings
from thumb_assets.tables.conform import empty_table, table_from_rows
from thumb_assets.video.decode import read_header
from thumb_assets.video.fetch import FrameIdentities
from thumb_assets.video.frame import Frame
from thumb_assets.video.header import VideoHeader


def export_crops(
    path: Path,
    *,
    video_id: str,
    stills: pa.Table,
    faces: pa.Table | None,
    identities: FrameIdentities,
    video_sha256: str,
    crops_dir: Path,
    settings: CropsSettings,
    stills_settings: StillsSettings | None = None,
    export_settings: ExportSettings | None = None,
    video_settings: VideoSettings | None = None,
    header: VideoHeader | None = None,
    on_swap: Callable[[], object] = lambda: None,
) -> pa.Table:
    """Writes the crops of one video's stills to `crops_dir/{video_id}` in place of those that are there.

    Each frame is fetched from the video again, so nothing is compressed twice. Everything is written and verified in a
    folder beside it first; a failure leaves the old crops as they are.

    Args:
        path: the video.
        stills: table of the contract, of this video; none of them leaves an empty folder.
        faces: table of the contract; None where faces were not looked for.
        identities: what the decode pass recorded of every frame.
        video_sha256: of the video's file, kept in the crops.
        stills_settings: format, quality and depth of the files.
        export_settings: which program fetches the frames, and how they are proven.
        header: of the video, where it was read already; else it is read here.
        on_swap: see `replaced_folder`.

    Returns:
        Table `crops` of the contract; every row has been verified.

    Raises:
        BadInputError: the video cannot be opened.
        VerificationError: the video no longer decodes to the recorded frames, or what was written is not right.
        StorageError: the disk is full, read-only or gone.
    """
    how = export_settings or ExportSettings()
    plan = plan_crops(stills, video_id=video_id, settings=settings, stills_settings=stills_settings)
    header = header or read_header(path, video_settings)
    needed = space_for_pictures(
        plan,
        frame_indices={int(crop.still["frame_index"]) for crop in plan},
        identities=identities,
        header=header,
        settings=how,
        video_settings=video_settings,
    )
    require_space(crops_dir, needed, min_free_bytes=how.min_free_bytes, what=f"{len(plan)} crops")
    with replaced_folder(crops_dir / video_id, on_swap=on_swap) as folder:
        if not plan:
            return empty_table("crops")
        provenance = {"video_sha256": video_sha256, "source_file_name": path.name}
        rows, by_frame = [], _faces_by_frame(faces, settings)
        of_frame = {
            index: list(planned) for index, planned in groupby(plan, key=lambda crop: int(crop.still["frame_index"]))
        }
        with open_fetcher(
            path, identities, temporary_dir=folder, export_settings=how, video_settings=video_settings
        ) as fetcher:
            for whole, method in fetcher.fetch_many(of_frame):
                index = whole.frame_index
                frame = shown_still(whole, of_frame[index][0].still)
                boxes = _boxes(frame, of_frame[index], faces=by_frame.get(index, []), settings=settings)
                rows += _write_crops(frame, boxes, method=method, folder=folder, provenance=provenance)
        crops = table_from_rows("crops", rows)
        require_passed(
            path,
            verify_crops_count(stills, crops, folder=folder, aspect_ratios=settings.aspect_ratios),
            verify_crops_mapping(
                path,
                crops,
                stills=stills,
                identities=identities,
                folder=folder,
                video_settings=video_settings,
                by=how.verification,
            ),
            what="crops",
        )
    return crops


def _faces_by_frame(faces: pa.Table | None, settings: CropsSettings) -> dict[int, list[FaceBox]]:
    by_frame: dict[int, list[FaceBox]] = {}
    for row in faces.to_pylist() if faces is not None else ():
        if row["confidence"] >= settings.min_face_confidence:
            box = FaceBox(row["x"], row["y"], row["width"], row["height"], row["confidence"])
            by_frame.setdefault(row["frame_index"], []).append(box)
    return by_frame


def _boxes(
    frame: Frame, plan: Sequence[PlannedCrop], *, faces: Sequence[FaceBox], settings: CropsSettings
) -> list[tuple[PlannedCrop, CropBox]]:
    """The box of each crop of one still, in its pixels; `faces` are in those of the frame."""
    x, y, width, height = box_of(plan[0].still)
    faces = [replace(face, x=face.x - x, y=face.y - y) for face in faces]
    centre = None
    if not faces and settings.without_faces == "saliency":
        centre = salience_centre(frame.luma(SALIENCY_SIZE))
    return [(crop, crop_box(width, height, crop.aspect_ratio, faces=faces, salience_centre=centre)) for crop in plan]


def _write_crops(
    frame: Frame,
    boxes: Sequence[tuple[PlannedCrop, CropBox]],
    *,
    method: ExportMethod,
    folder: Path,
    provenance: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The rows of the `crops` table for one frame, their files written."""
    rows = []
    for crop, box in boxes:
        same = {name: crop.still[name] for name in ("video_id", "frame_index", "pts", "rank", "luma_hash")}
        same["aspect_ratio"] = crop.aspect_ratio
        facts = {
            **provenance,
            **same,
            "pts_seconds": frame.pts_seconds,
            "still_file_name": crop.still["file_name"],
            "still_box": list(box_of(crop.still)),
            "crop_box": [box.x, box.y, box.width, box.height],
            "crop_rule": box.rule,
            "export_method": method,
            "decoded_on": frame.decoded_on,
        }
        rgb = pixels_of(frame, crop.bit_depth)
        cut = np.ascontiguousarray(rgb[box.y : box.y + box.height, box.x : box.x + box.width])
        data = encode_still(cut, format=crop.format, quality=crop.quality, max_bytes=crop.max_bytes, facts=facts)
        rows.append(
            {
                **same,
                **asdict(box),
                "file_name": crop.file_name,
                "num_bytes": len(data),
                "file_sha256": write_proven(folder / crop.file_name, data, shows=cut),
                "mapping_verified": True,  # export_crops returns no table whose mapping was not
                "export_method": method,
            }
        )
    return rows
