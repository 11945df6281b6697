"""Turns selections into picture files, and proves that each file is the frame it claims to be.

What belongs here: names and sizes of stills, writing them with their facts inside, replacing a video's folder as a
whole, cutting the frames to other shapes, chapters as files, the checks on the result, and the figures people look at.
What does not: choosing frames (select), storing tables (store).
"""

from thumb_assets.export.backend import FrameExporter, open_fetcher
from thumb_assets.export.chapters import chapter_title, export_chapters, render_ffmetadata, render_webvtt
from thumb_assets.export.crop_box import CropBox, FaceBox, crop_box
from thumb_assets.export.crops import export_crops
from thumb_assets.export.ffmpeg_fetch import peak_temporary_bytes
from thumb_assets.export.figures import contact_sheet, crops_sheet, score_histograms, score_timeline, still_thumbnail
from thumb_assets.export.metadata import read_still_metadata
from thumb_assets.export.plan import PlannedStill, estimate_num_bytes, plan_stills, still_file_name
from thumb_assets.export.space import SpaceNeeded, require_space, space_for_video
from thumb_assets.export.stills import export_stills
from thumb_assets.export.verify import verify_count, verify_mapping
from thumb_assets.export.verify_crops import verify_crops_count, verify_crops_mapping
from thumb_assets.export.write import WrittenStill, write_stills

__all__ = [
    "CropBox",
    "FaceBox",
    "FrameExporter",
    "PlannedStill",
    "SpaceNeeded",
    "WrittenStill",
    "chapter_title",
    "contact_sheet",
    "crop_box",
    "crops_sheet",
    "estimate_num_bytes",
    "export_chapters",
    "export_crops",
    "export_stills",
    "open_fetcher",
    "peak_temporary_bytes",
    "plan_stills",
    "read_still_metadata",
    "render_ffmetadata",
    "render_webvtt",
    "require_space",
    "score_histograms",
    "score_timeline",
    "space_for_video",
    "still_file_name",
    "still_thumbnail",
    "verify_count",
    "verify_crops_count",
    "verify_crops_mapping",
    "verify_mapping",
    "write_stills",
]
