"""Everything this project keeps on disk, all of it inside the data folder.

What belongs here: where things lie, the Parquet tables (the truth, one file per table and video), the outcomes of the
stages, the SQLite catalog (an index over the tables that can be made anew at any time), the library of video files and
their ids. What does not: columns and their meaning (tables), pictures (export), any value that is computed from frames.
"""

from thumb_assets.store.catalog import Catalog
from thumb_assets.store.identity import verify_video_id, video_id_for
from thumb_assets.store.library import VIDEO_SUFFIXES, Library, LibraryVideo
from thumb_assets.store.outcomes import Outcome, failed_video_ids, read_outcomes, record_outcomes
from thumb_assets.store.parquet import REQUIRED_FOOTER_KEYS, TableStore

__all__ = [
    "REQUIRED_FOOTER_KEYS",
    "VIDEO_SUFFIXES",
    "Catalog",
    "Library",
    "LibraryVideo",
    "Outcome",
    "TableStore",
    "failed_video_ids",
    "read_outcomes",
    "record_outcomes",
    "verify_video_id",
    "video_id_for",
]
