"""Answers of the judge, by the question: one that was answered is never paid for again."""

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from thumb_assets.store.database import open_database

_REMEDY = "delete it: the frames are judged again"
_SCHEMA = "CREATE TABLE IF NOT EXISTS answers (key TEXT NOT NULL PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID"


class JudgeCache:
    """The answers, in SQLite; each call opens and closes its own connection, so that processes can share the file.

    Args:
        path: the file; made where missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> str | None:
        """The answer kept under a key; None where there is none.

        Raises:
            ContractError: the file is no readable database.
            StorageError: the disk is full, read-only or gone.
        """
        with self._open() as connection:
            row = connection.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
            return None if row is None else str(row[0])

    def put(self, key: str, answer: str) -> None:
        """Keeps an answer, in the place of an older one. Raises as `get`."""
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, answer))

    def _open(self) -> AbstractContextManager[sqlite3.Connection]:
        return open_database(self._path, remedy=_REMEDY, schema=(_SCHEMA,))
