"""Content of each video file: SHA-256 by path, size and time, kept in SQLite so that a file is hashed once."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from thumb_assets.errors import BadInputError
from thumb_assets.store.database import open_database, transaction
from thumb_assets.store.identity import distinct_video_id, video_id_for
from thumb_assets.store.patience import PatientReader, ReadLimits
from thumb_assets.store.set_aside import NoVideoError, SetAside, sniff

REMEDY = "delete it: the files are hashed again, and those outside the library folder must be named again"
# Paths are BLOBs: a file name may hold bytes that are no UTF-8. Those below the data folder are relative to it, so that
# a folder that was copied or moved knows its own files and no others. Rows of former contents stay, so that an old id
# can be told from one that never was.
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS contents (path BLOB NOT NULL, num_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL, video_id TEXT NOT NULL, PRIMARY KEY (path, sha256)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS contents_by_video_id ON contents (video_id)",
    "CREATE TABLE IF NOT EXISTS registered (path BLOB NOT NULL PRIMARY KEY) WITHOUT ROWID",
    # Files that may still be written: their size and time, and since when (by our clock) they have them.
    """CREATE TABLE IF NOT EXISTS arrivals (path BLOB NOT NULL PRIMARY KEY, num_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, since REAL NOT NULL) WITHOUT ROWID""",
    # Files that are no videos, with the size and time they had when that was seen.
    """CREATE TABLE IF NOT EXISTS set_aside (path BLOB NOT NULL PRIMARY KEY, num_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID""",
)
_TABLES = ("contents", "registered", "arrivals")
# Since version 1 paths below the data folder are relative.
_VERSION = 1


@dataclass(frozen=True)
class LibraryVideo:
    """A video file: its id, absolute path, SHA-256 of the content (hex) and size in bytes."""

    video_id: str
    path: Path
    sha256: str
    num_bytes: int

    @property
    def source_path(self) -> str:
        """The path as text for tables and messages; bytes that are no UTF-8 stand as escapes, so never open this."""
        return str(self.path).encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass(frozen=True)
class Content:
    """The content of a file when it was hashed: size and mtime_ns, SHA-256 (hex), and the id it has with that."""

    stamp: tuple[int, int]
    sha256: str
    video_id: str


class FileCache:
    """The cache and the list of registered files; each call opens and closes its own connection, but for `kept_open`.

    Args:
        path: the SQLite file; it need not exist. Its folder is the data folder.
        limits: when a file is given up.
    """

    def __init__(self, path: Path, *, limits: ReadLimits) -> None:
        self._path = path
        self._limits = limits
        self._folder = os.fsencode(os.path.join(path.parent, ""))  # noqa: PTH118 - with the slash at its end
        self._kept: sqlite3.Connection | None = None

    @contextmanager
    def kept_open(self) -> Iterator["FileCache"]:
        """One of the same file for many calls from this thread, which share a connection."""
        with self._open() as connection:
            cache = FileCache(self._path, limits=self._limits)
            cache._kept = connection
            yield cache

    def describe(
        self, paths: Iterable[Path], *, on_error: Callable[[BadInputError], None], is_hashed_anew: bool = False
    ) -> list[LibraryVideo]:
        """The videos in these files, in order, hashed where the cache does not know them.

        Args:
            paths: absolute paths.
            on_error: called for each file that cannot be used; it is left out. NoVideoError where it is no video.
            is_hashed_anew: read every file, known or not.

        Raises:
            StorageError: the cache cannot be written.
        """
        paths = list(paths)
        videos: list[LibraryVideo] = []
        if not paths:
            return videos
        with self._open() as connection, closing(PatientReader(self._limits)) as reader:
            for path in paths:
                try:
                    stored = self._stored(os.fsencode(path))
                    videos.append(_describe(connection, reader, path, stored, is_hashed_anew=is_hashed_anew))
                except BadInputError as error:
                    on_error(error)
        return videos

    def is_empty(self) -> bool:
        """True if no file was ever described or registered."""
        with self._open_to_read() as connection:
            query = "SELECT EXISTS (SELECT 1 FROM contents) OR EXISTS (SELECT 1 FROM registered)"
            return not connection.execute(query).fetchone()[0]

    def contents(self) -> dict[bytes, list[Content]]:
        """All that is known, former contents too, by path."""
        known: dict[bytes, list[Content]] = {}
        with self._open_to_read() as connection:
            for row in connection.execute("SELECT * FROM contents"):
                known.setdefault(self._absolute(row[0]), []).append(Content((row[1], row[2]), row[3], row[4]))
        return known

    def contents_of(self, path: Path) -> list[Content]:
        """As `contents`, of one path."""
        with self._open_to_read() as connection:
            rows = connection.execute("SELECT * FROM contents WHERE path = ?", (self._stored(os.fsencode(path)),))
            return [
                Content((num_bytes, mtime_ns), sha256, video_id) for _, num_bytes, mtime_ns, sha256, video_id in rows
            ]

    def arrivals(self) -> dict[bytes, tuple[int, int, float]]:
        """Files that were left because they may still be written: size, mtime_ns, and since when they have them."""
        with self._open_to_read() as connection:
            return {self._absolute(row[0]): row[1:] for row in connection.execute("SELECT * FROM arrivals")}

    def note_arrivals(self, arrivals: Mapping[bytes, tuple[int, int, float]], *, forget: Iterable[bytes]) -> None:
        """Remembers such files, and forgets those that were taken."""
        with self._open() as connection, transaction(connection):
            connection.executemany("DELETE FROM arrivals WHERE path = ?", [(self._stored(path),) for path in forget])
            rows = [(self._stored(path), *arrival) for path, arrival in arrivals.items()]
            connection.executemany("INSERT OR REPLACE INTO arrivals VALUES (?, ?, ?, ?)", rows)

    def set_aside(self) -> list[SetAside]:
        """The files that were found to be no videos and are still here as they were, ordered by path."""
        with self._open_to_read() as connection:
            rows = connection.execute("SELECT * FROM set_aside ORDER BY path").fetchall()
        found = [(Path(os.fsdecode(self._absolute(row[0]))), row[1:3], row[3]) for row in rows]
        return [SetAside(path, reason) for path, stamp, reason in found if _stamp_of(path) == stamp]

    def forget(self, video_id: str) -> None:
        """Drops a content for good, so that it is no longer missed."""
        with self._open() as connection:
            connection.execute("DELETE FROM contents WHERE video_id = ?", (video_id,))

    def paths_of(self, video_id: str) -> list[Path]:
        """Every path that had that video when it was hashed last."""
        with self._open_to_read() as connection:
            rows = connection.execute("SELECT path FROM contents WHERE video_id = ? ORDER BY path", (video_id,))
            return [Path(os.fsdecode(self._absolute(path))) for (path,) in rows]

    def register(self, paths: Iterable[Path]) -> None:
        """Remembers files for good; those that are known stay."""
        rows = [(self._stored(os.fsencode(path)),) for path in paths]
        if not rows:
            return
        with self._open() as connection, transaction(connection):
            connection.executemany("INSERT OR IGNORE INTO registered VALUES (?)", rows)

    def registered_paths(self) -> list[Path]:
        """The registered files, ordered by path, whether they exist or not."""
        with self._open_to_read() as connection:
            rows = connection.execute("SELECT path FROM registered")
            return sorted((Path(os.fsdecode(self._absolute(path))) for (path,) in rows), key=os.fsencode)

    def _stored(self, path: bytes) -> bytes:
        return path.removeprefix(self._folder)

    def _absolute(self, stored: bytes) -> bytes:
        return os.path.join(self._folder, stored)  # noqa: PTH118 - an absolute path stays as it is

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if self._kept is not None:
            yield self._kept
            return
        with open_database(self._path, remedy=REMEDY, schema=_SCHEMA) as connection:
            self._make_relative(connection)
            yield connection

    @contextmanager
    def _open_to_read(self) -> Iterator[sqlite3.Connection]:
        """As `_open`; where there is no file none is made: a command that only looks leaves no data folder behind."""
        if self._kept is not None or os.path.lexists(self._path):
            with self._open() as connection:
                yield connection
            return
        with closing(sqlite3.connect(":memory:")) as connection:
            for statement in _SCHEMA:
                connection.execute(statement)
            yield connection

    def _make_relative(self, connection: sqlite3.Connection) -> None:
        """Takes the data folder off the paths that an earlier version of this project stored."""
        if connection.execute("PRAGMA user_version").fetchone()[0] >= _VERSION:
            return
        length = len(self._folder)
        with transaction(connection):
            for table in _TABLES:
                update = f"UPDATE OR REPLACE {table} SET path = substr(path, ?) WHERE substr(path, 1, ?) = ?"  # noqa: S608 - a constant
                connection.execute(update, (length + 1, length, self._folder))
            connection.execute(f"PRAGMA user_version = {_VERSION}")


def _describe(
    connection: sqlite3.Connection, reader: PatientReader, path: Path, stored: bytes, *, is_hashed_anew: bool
) -> LibraryVideo:
    status = reader.status(path)
    key = (stored, status.st_size, status.st_mtime_ns)
    query = "SELECT sha256, video_id FROM contents WHERE path = ? AND num_bytes = ? AND mtime_ns = ?"
    row = None if is_hashed_anew else connection.execute(query, key).fetchone()
    if row is None:
        _refuse_other_files(connection, reader, path, key)
        sha256 = reader.sha256(path)
        after = reader.status(path)
        if (after.st_size, after.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
            raise BadInputError(f"{str(path)!r}: the file changed while it was read; try again when it is complete")
        # A program may change a file and keep its size and time: the content they stood for is a former one then.
        former = "UPDATE contents SET mtime_ns = -1 WHERE path = ? AND num_bytes = ? AND mtime_ns = ? AND sha256 <> ?"
        connection.execute(former, (*key, sha256))
        video_id = _id_of(connection, path, stored, sha256)
        connection.execute("INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?)", (*key, sha256, video_id))
    else:
        sha256, video_id = row
    return LibraryVideo(video_id, path, sha256, status.st_size)


def _id_of(connection: sqlite3.Connection, path: Path, stored: bytes, sha256: str) -> str:
    """The id that the file had with this content before, else a new one, which no other name of the content has."""
    query = "SELECT video_id FROM contents WHERE path = ? AND sha256 = ?"
    row = connection.execute(query, (stored, sha256)).fetchone()
    if row is not None:
        return str(row[0])
    video_id = video_id_for(path, sha256)
    others = connection.execute("SELECT path FROM contents WHERE video_id = ? AND path <> ?", (video_id, stored))
    folder = connection.execute("PRAGMA database_list").fetchone()[2]
    for (other,) in others.fetchall():
        where = Path(folder).parent / os.fsdecode(other)
        if where.stem != path.stem and os.path.lexists(where):
            return distinct_video_id(path, sha256)
    return video_id


def _refuse_other_files(
    connection: sqlite3.Connection, reader: PatientReader, path: Path, key: tuple[bytes, int, int]
) -> None:
    """Raises NoVideoError for what is no video, and keeps the reason, so that the file is not opened again."""
    query = "SELECT reason FROM set_aside WHERE path = ? AND num_bytes = ? AND mtime_ns = ?"
    row = connection.execute(query, key).fetchone()
    reason = reader.ask(path, lambda _: sniff(path)) if row is None else row[0]
    if row is None and reason is not None:
        connection.execute("INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?, ?)", (*key, reason))
    elif reason is None:
        connection.execute("DELETE FROM set_aside WHERE path = ?", key[:1])
    if reason is not None:
        raise NoVideoError(path, reason)


def _stamp_of(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
