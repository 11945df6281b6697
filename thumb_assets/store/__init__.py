"""Everything this project keeps on disk, all of it inside the data folder.

What belongs here: where things lie, the Parquet tables (the truth, one file per table and video), the outcomes of the
stages, the SQLite catalog (an index over the tables) and the candidate cache (a copy of some of their columns), which
can be made anew at any time, the library of video files and their ids. What does not: columns and their meaning
(tables), pictures (export), any value that is computed from frames.
"""

from thumb_assets.store.candidate_cache import CandidateCache, StoredCandidates
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.identity import verify_video_id, video_id_for
from thumb_assets.store.library import VIDEO_SUFFIXES, Library, LibraryVideo
from thumb_assets.store.outcomes import Outcome, failed_video_ids, outdated_tables, read_outcomes, record_outcomes
from thumb_assets.store.parquet import REQUIRED_FOOTER_KEYS, TableStore
from thumb_assets.store.table_file import require_file_suffix, write_table_file

__all__ = [
    "REQUIRED_FOOTER_KEYS",
    "VIDEO_SUFFIXES",
    "CandidateCache",
    "Catalog",
    "Library",
    "LibraryVideo",
    "Outcome",
    "StoredCandidates",
    "TableStore",
    "failed_video_ids",
    "outdated_tables",
    "read_outcomes",
    "record_outcomes",
    "require_file_suffix",
    "verify_video_id",
    "video_id_for",
    "write_table_file",
]
