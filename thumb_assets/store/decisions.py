"""What people decided of frames: kept beside the tables, never written by a stage."""

import pyarrow as pa

from thumb_assets.errors import BadInputError, StorageError
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.temporary import held_folder
from thumb_assets.tables import TABLES, content_sha256, table_from_rows

TABLE = "decisions"
DECISIONS = TABLES[TABLE].column("decision").choices


def decide(store: TableStore, video_id: str, frame_index: int, decision: str | None) -> pa.Table:
    """Records that a frame is always chosen (`pin`), or never (`ban`), or that nothing is decided of it (None).

    Several processes may decide at once: each adds to what the others decided.

    Returns:
        The video's decisions as they are now.

    Raises:
        BadInputError: the video has no such frame, or a pinned one was not decoded.
        StorageError: the disk is full, read-only or gone; what was decided before is kept.
    """
    frames = store.read_or_none("frames", video_id)
    if frames is None:
        raise BadInputError(f"{video_id}: its frames are not known yet; run the stage `frames` first")
    if not 0 <= frame_index < frames.num_rows:
        raise BadInputError(f"{video_id}: has no frame {frame_index}; its frames are 0 to {frames.num_rows - 1}")
    if decision == "pin" and not frames.column("luma_hash")[frame_index].is_valid:
        raise BadInputError(
            f"{video_id}: frame {frame_index} was not decoded, so it cannot be proven; run the stage `frames` without "
            "sparse.is_on first"
        )
    folder = store.table_path(TABLE, video_id).parent
    try:
        with held_folder(folder):
            return _with_decision(store, video_id, frame_index, decision)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be made: {error.strerror}; free or mount the disk") from error


def _with_decision(store: TableStore, video_id: str, frame_index: int, decision: str | None) -> pa.Table:
    stored = store.read_or_none(TABLE, video_id)
    rows = {row["frame_index"]: row for row in ([] if stored is None else stored.to_pylist())}
    rows.pop(frame_index, None)
    if decision is not None:
        rows[frame_index] = {"video_id": video_id, "frame_index": frame_index, "decision": decision}
    table = table_from_rows(TABLE, [rows[index] for index in sorted(rows)])
    store.write(TABLE, table, video_id=video_id, footer={"content_sha256": content_sha256(table)})
    return table


def pinned_frames(decisions: pa.Table) -> list[int]:
    """frame_index of the pinned ones, ascending."""
    return sorted(row["frame_index"] for row in decisions.to_pylist() if row["decision"] == "pin")
