"""The record of live sources: each segment with its place on the wall clock, and what became of it, in SQLite."""

import sqlite3
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal

from thumb_assets.store.database import open_database

SegmentState = Literal["closed", "done", "failed"]
_REMEDY = "delete it: the segments are found again by their files' names"
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS segments (source TEXT NOT NULL, file_name TEXT NOT NULL, video_id TEXT NOT NULL,
    begins_at REAL NOT NULL, ends_at REAL NOT NULL, first_pts_seconds REAL NOT NULL, num_frames INTEGER NOT NULL,
    num_bytes INTEGER NOT NULL, gap_seconds REAL NOT NULL, gap_reason TEXT NOT NULL, state TEXT NOT NULL,
    reason TEXT NOT NULL, closed_at REAL NOT NULL, ended_at REAL, num_output_bytes INTEGER NOT NULL,
    PRIMARY KEY (source, file_name)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS segments_by_time ON segments (source, begins_at)",
    "CREATE INDEX IF NOT EXISTS segments_by_state ON segments (source, state, begins_at)",
)


@dataclass(frozen=True)
class Segment:
    """A recorded segment.

    Attributes:
        begins_at: when its first frame was shown, in seconds since the epoch.
        ends_at: when its last frame ended; never after the next segment's begin.
        first_pts_seconds: stamp of its first frame, in its file.
        gap_seconds: nothing was recorded for so long before it, for `gap_reason`.
        state: `closed` until the engine is done with it; `failed` for `reason`.
        closed_at: when its file was complete.
        ended_at: when the engine was done with it.
        num_output_bytes: size of what was made of it.
    """

    source: str
    file_name: str
    video_id: str
    begins_at: float
    ends_at: float
    first_pts_seconds: float
    num_frames: int
    num_bytes: int
    gap_seconds: float = 0.0
    gap_reason: str = ""
    state: SegmentState = "closed"
    reason: str = ""
    closed_at: float = 0.0
    ended_at: float | None = None
    num_output_bytes: int = 0

    def wall_time(self, pts_seconds: float) -> float:
        """When a frame was shown, by its stamp in the file; never beyond the segment's own end."""
        return min(self.ends_at, self.begins_at + pts_seconds - self.first_pts_seconds)


_COLUMNS = ", ".join(field.name for field in fields(Segment))
_SELECT = f"SELECT {_COLUMNS} FROM segments WHERE source = ?"  # noqa: S608 - our own columns
_INSERT = f"INSERT OR REPLACE INTO segments ({_COLUMNS}) VALUES ({', '.join('?' * len(fields(Segment)))})"  # noqa: S608


class Segments:
    """The segments of all live sources of a data folder.

    Args:
        path: the SQLite file; made where missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)

    def add(self, segment: Segment) -> None:
        """Records a segment."""
        with self._open() as connection:
            connection.execute(_INSERT, astuple(segment))

    def ended(self, segment: Segment, state: SegmentState, *, reason: str, now: float, num_output_bytes: int) -> None:
        """Notes that the engine is done with a segment."""
        query = (
            "UPDATE segments SET state = ?, reason = ?, ended_at = ?, num_output_bytes = ? "
            "WHERE source = ? AND file_name = ?"
        )
        with self._open() as connection:
            connection.execute(query, (state, reason, now, num_output_bytes, segment.source, segment.file_name))

    def remove(self, segment: Segment) -> None:
        """Forgets a segment whose file is gone."""
        with self._open() as connection:
            connection.execute(
                "DELETE FROM segments WHERE source = ? AND file_name = ?", (segment.source, segment.file_name)
            )

    def of(self, source: str, *, since: float = float("-inf")) -> list[Segment]:
        """The segments of a source that end after a time, the oldest first."""
        return self._read(f"{_SELECT} AND ends_at > ? ORDER BY begins_at", source, since)

    def last(self, source: str) -> Segment | None:
        """The newest segment of a source."""
        return next(iter(self._read(f"{_SELECT} ORDER BY begins_at DESC LIMIT 1", source)), None)

    def newest_closed(self, source: str) -> Segment | None:
        """The newest segment that the engine has not worked on."""
        query = f"{_SELECT} AND state = 'closed' ORDER BY begins_at DESC LIMIT 1"
        return next(iter(self._read(query, source)), None)

    def num_bytes(self, source: str) -> int:
        """Size of all segments of a source and of what was made of them."""
        with self._open() as connection:
            query = "SELECT coalesce(sum(num_bytes + num_output_bytes), 0) FROM segments WHERE source = ?"
            return int(connection.execute(query, (source,)).fetchone()[0])

    def sources(self) -> list[str]:
        """Names of the sources of which there is a segment, ascending."""
        with self._open() as connection:
            rows = connection.execute("SELECT DISTINCT source FROM segments ORDER BY source").fetchall()
        return [name for (name,) in rows]

    def _read(self, query: str, *values: object) -> list[Segment]:
        with self._open() as connection:
            return [Segment(*row) for row in connection.execute(query, values).fetchall()]

    def _open(self) -> AbstractContextManager[sqlite3.Connection]:
        return open_database(self._path, remedy=_REMEDY, schema=_SCHEMA)
