"""Everything this project keeps on disk, all of it inside the data folder.

What belongs here: where things lie, the Parquet tables (the truth, one file per table and video), the outcomes of the
stages, the SQLite catalog (an index over the tables) and the candidate cache (a copy of some of their columns), which
can be made anew at any time, the learned scorer, what a survey found, what a judge answered, the library of video files
and their ids. What does not: columns and their meaning (tables), pictures (export), any value that is computed from
frames.
"""

from thumb_assets.store.candidate_cache import CandidateCache, StoredCandidates, StoredSelection
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.database import BUSY_SECONDS, LockedDatabaseError
from thumb_assets.store.decision_records import DecisionRecords
from thumb_assets.store.decision_states import DecisionState, decision_states
from thumb_assets.store.decisions import DECISIONS, decide, pinned_frames, settle_decisions, take_back
from thumb_assets.store.discovery import Discovery
from thumb_assets.store.identity import ids_beginning_with, is_video_id, verify_video_id, video_id_for
from thumb_assets.store.judge_cache import JudgeCache
from thumb_assets.store.learned_head import (
    StoredHead,
    read_learned_bytes,
    read_learned_head,
    remove_learned_head,
    write_learned_head,
)
from thumb_assets.store.library import VIDEO_SUFFIXES, Library, LibraryVideo
from thumb_assets.store.mirror import Mirror, MirroredLibrary, MirroredOutputs
from thumb_assets.store.outbox import Message, Outbox, Request
from thumb_assets.store.outcomes import (
    Outcome,
    failed_video_ids,
    outdated_tables,
    read_outcomes,
    record_outcomes,
)
from thumb_assets.store.outputs import ids_with_outputs, num_output_bytes, remove_outputs
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.remote import RemoteFolder
from thumb_assets.store.set_aside import NoVideoError, SetAside, no_video_reason
from thumb_assets.store.stored_files import FILES, FILES_SHA256, file_problems
from thumb_assets.store.stored_form import CONTENT, OWN_FOOTER_KEYS, REQUIRED_FOOTER_KEYS
from thumb_assets.store.survey import (
    read_reference,
    reference_path,
    reference_sha256,
    write_recurrences,
    write_reference,
)
from thumb_assets.store.table_file import require_file_suffix, write_table_file, write_text_file

__all__ = [
    "BUSY_SECONDS",
    "CONTENT",
    "DECISIONS",
    "FILES",
    "FILES_SHA256",
    "OWN_FOOTER_KEYS",
    "REQUIRED_FOOTER_KEYS",
    "VIDEO_SUFFIXES",
    "CandidateCache",
    "Catalog",
    "DecisionRecords",
    "DecisionState",
    "Discovery",
    "JudgeCache",
    "Library",
    "LibraryVideo",
    "LockedDatabaseError",
    "Message",
    "Mirror",
    "MirroredLibrary",
    "MirroredOutputs",
    "NoVideoError",
    "Outbox",
    "Outcome",
    "RemoteFolder",
    "Request",
    "SetAside",
    "StoredCandidates",
    "StoredHead",
    "StoredSelection",
    "TableStore",
    "decide",
    "decision_states",
    "failed_video_ids",
    "file_problems",
    "ids_beginning_with",
    "ids_with_outputs",
    "is_video_id",
    "no_video_reason",
    "num_output_bytes",
    "outdated_tables",
    "pinned_frames",
    "read_learned_bytes",
    "read_learned_head",
    "read_outcomes",
    "read_reference",
    "record_outcomes",
    "reference_path",
    "reference_sha256",
    "remove_learned_head",
    "remove_outputs",
    "require_file_suffix",
    "settle_decisions",
    "take_back",
    "verify_video_id",
    "video_id_for",
    "write_learned_head",
    "write_recurrences",
    "write_reference",
    "write_table_file",
    "write_text_file",
]
