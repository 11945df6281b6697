"""Turns selections into picture files, and proves that each file is the frame it claims to be.

What belongs here: names and sizes of stills, writing them with their facts inside, replacing a video's folder as a
whole, the checks on the result, and the two figures people look at. What does not: choosing frames (select), storing
tables (store).
"""

from thumb_assets.export.figures import contact_sheet, score_timeline
from thumb_assets.export.folder import recover_folder, replaced_folder
from thumb_assets.export.metadata import read_still_metadata
from thumb_assets.export.plan import PlannedStill, estimate_num_bytes, plan_stills, still_file_name
from thumb_assets.export.stills import export_stills
from thumb_assets.export.verify import verify_count, verify_mapping
from thumb_assets.export.write import WrittenStill, write_stills

__all__ = [
    "PlannedStill",
    "WrittenStill",
    "contact_sheet",
    "estimate_num_bytes",
    "export_stills",
    "plan_stills",
    "read_still_metadata",
    "recover_folder",
    "replaced_folder",
    "score_timeline",
    "still_file_name",
    "verify_count",
    "verify_mapping",
    "write_stills",
]
