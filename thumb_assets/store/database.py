"""SQLite connections: waiting for other writers, one transaction at a time, errors in our own words."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from thumb_assets.errors import ContractError, StorageError, ThumbAssetsError
from thumb_assets.files import storage_errors

# A rebuild of the catalog holds the writers' lock for its whole length, so the others wait long.
BUSY_SECONDS = 120.0
_DAMAGED = ("not a database", "malformed", "file is encrypted", "unsupported file format")
_LOCKED = ("locked", "busy")
_STORAGE = ("full", "readonly", "read-only", "disk i/o", "unable to open")


class DamagedDatabaseError(ContractError):
    """The file is no SQLite database, or its pages are damaged."""


class LockedDatabaseError(StorageError):
    """Another process held the file for too long."""


@contextmanager
def open_database(
    path: Path, *, remedy: str, busy_seconds: float = BUSY_SECONDS, schema: Sequence[str] = ()
) -> Iterator[sqlite3.Connection]:
    """A connection for reading and writing, closed at the end; every statement commits unless in `transaction`.

    Args:
        path: the file; it and its folder are made where missing.
        remedy: what the user can do when the file is damaged, for the message.
        busy_seconds: how long to wait for other writers.
        schema: statements that make what is missing.

    Raises:
        DamagedDatabaseError: the file is no readable database.
        LockedDatabaseError: another process held the lock for too long.
        StorageError: the disk is full, read-only or gone.
    """
    with _own_errors(path, remedy=remedy):
        _require_no_folder(path, remedy=remedy)
        with storage_errors(path.parent, "cannot be made"):
            path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
        try:
            _use_write_ahead_log(connection)
            # With a write-ahead log NORMAL cannot damage the file; a power cut may cost the last transaction only.
            connection.execute("PRAGMA synchronous = NORMAL")
            for statement in schema:
                connection.execute(statement)
            yield connection
        finally:
            connection.close()


@contextmanager
def open_read_only(path: Path, *, remedy: str, busy_seconds: float = BUSY_SECONDS) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write; the file must exist. Raises as `open_database`, and sqlite3.Error for bad SQL."""
    # In a folder that cannot be written the log's index cannot be made either; nobody can be writing there.
    mode = "mode=ro" if os.access(path.parent, os.W_OK) else "immutable=1"
    with _own_errors(path, remedy=remedy):
        _require_no_folder(path, remedy=remedy)
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=busy_seconds)
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction that takes the writers' lock at once; an exception inside undoes all of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite itself may have rolled back, as on a full disk
            connection.execute("ROLLBACK")
        raise


def _require_no_folder(path: Path, *, remedy: str) -> None:
    if path.is_dir():
        raise DamagedDatabaseError(f"{path}: is a folder and no SQLite database; {remedy}")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # Two processes on a new file: the other one is switching. This connection follows at its next statement.
        if "locked" not in str(error):
            raise


@contextmanager
def _own_errors(path: Path, *, remedy: str) -> Iterator[None]:
    try:
        yield
    except ThumbAssetsError:
        raise
    except sqlite3.Error as error:
        text = str(error).lower()
        if any(word in text for word in _DAMAGED):
            raise DamagedDatabaseError(f"{path}: is not a readable SQLite database ({error}); {remedy}") from error
        if any(word in text for word in _LOCKED):
            raise LockedDatabaseError(f"{path}: another process holds it; end that one, and run again") from error
        if any(word in text for word in _STORAGE):
            raise StorageError(f"{path}: {error}; check the disk and run again") from error
        raise
