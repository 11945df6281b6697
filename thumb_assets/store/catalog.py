"""The catalog: an SQLite index over the tables, for people and tools. Parquet stays the truth."""

import json
import logging
import secrets
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from thumb_assets.errors import RUN_FIRST, BadInputError, ContractError, MissingInputError, StorageError
from thumb_assets.files import locked, storage_errors
from thumb_assets.store import catalog_schema as schema
from thumb_assets.store.database import (
    BUSY_SECONDS,
    DamagedDatabaseError,
    open_database,
    open_read_only,
    transaction,
)
from thumb_assets.store.identity import verify_video_id
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import content_buffer
from thumb_assets.tables.contracts import TABLES, stage_of
from thumb_assets.tables.declaration import Embedding

REMEDY = "`thumb-assets run --stages catalog` makes it again from the tables"
_LOGGER = logging.getLogger(__name__)
_ROWS_PER_BATCH = 10_000


class Catalog:
    """Index of all tables in one SQLite file; each call opens and closes its own connection.

    Writers wait for each other, readers never wait. Lists are JSON text, embeddings BLOBs of little-endian float16, and
    booleans 0 and 1.

    Args:
        path: the file; it need not exist.
        busy_seconds: how long to wait for a process that holds it.
    """

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = Path(path)
        self._busy_seconds = busy_seconds

    def is_current(self) -> bool:
        """True when the file exists, can be read and was made from the contracts as they are now.

        Raises:
            StorageError: the disk does not answer or another process holds the file for too long.
        """
        if not self.path.is_file():
            return False
        try:
            with open_read_only(self.path, remedy=REMEDY) as connection:
                return _is_current(connection)
        except DamagedDatabaseError:
            return False

    def index_video(self, store: TableStore, video_id: str, *, table_names: Collection[str] = TABLES) -> str | None:
        """Replaces all rows of a video by what its tables hold now, in one transaction.

        A file that is new or of another schema is filled from all videos first, in the same transaction, so that it is
        never partly filled. One that is no readable database is made again from all tables.

        Args:
            table_names: the tables whose rows are replaced; the others' stay.

        Returns:
            What was wrong with the file that was made again; None where it was right.

        Raises:
            ContractError: a table that a stage of this video makes is corrupt; the rows stay as they were.
            LockedDatabaseError: another process held the file for too long.
            StorageError: the disk is full, read-only or gone.
        """
        verify_video_id(video_id)
        try:
            self._index_video(store, video_id, table_names)
        except DamagedDatabaseError as error:
            for problem in self.rebuild(store):
                _LOGGER.warning("%s", problem)
            self._index_video(store, video_id, table_names)  # raises where a table of this video is corrupt
            return str(error).removesuffix(f"; {REMEDY}")
        return None

    def _index_video(self, store: TableStore, video_id: str, table_names: Collection[str]) -> None:
        with self._opened() as connection, transaction(connection):
            if not _is_current(connection):
                own = {(table_name, video_id) for table_name in table_names}
                for error in _fill(connection, store, without=own):
                    _LOGGER.warning("%s", error)
            _delete_video(connection, video_id, table_names)
            for table_name in table_names:
                try:
                    _insert_table(connection, store, table_name, video_id)
                except (ContractError, StorageError) as error:
                    if stage_of(table_name) is not None:
                        raise
                    _LOGGER.warning("%s: not in the catalog: %s", video_id, error)  # no stage can make it again

    def remove_video(self, video_id: str) -> None:
        """Deletes all rows of a video; nothing happens where there are none.

        Raises:
            DamagedDatabaseError, StorageError: as `index_video`.
        """
        verify_video_id(video_id)
        if not self.is_current():
            return  # whoever fills the file anew reads the tables, and they are the truth
        with self._opened() as connection, transaction(connection):
            _delete_video(connection, video_id)

    def rebuild(self, store: TableStore) -> list[ContractError]:
        """Makes the whole catalog anew from the tables; readers see the old one until it is done.

        It is one transaction instead of a new file under the old name: renaming over a database that other processes
        hold open would lose what they commit, and leave the old file's log beside the new one.

        Returns:
            One error per table that could not be read; everything else is indexed.

        Raises:
            StorageError: the disk is full, read-only or gone, or the lock could not be had; the old catalog is whole.
        """
        try:
            return self._rebuild(store)
        except DamagedDatabaseError:
            self._remove_damaged()
            return self._rebuild(store)

    def _remove_damaged(self) -> None:
        """Makes room for a new file; a folder in its place may hold anything, so it is renamed.

        One process at a time, and only where the file is still damaged: another may have made it again already.
        """
        lock_path = self.path.with_name(f".{self.path.name}.lock")
        with storage_errors(self.path, "cannot be replaced"), locked(lock_path):
            if self._is_readable():
                return
            if self.path.is_dir():
                self.path.rename(self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}.folder"))
                return
            for suffix in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _is_readable(self) -> bool:
        if not self.path.is_file():
            return False
        try:
            with open_read_only(self.path, remedy=REMEDY, busy_seconds=self._busy_seconds) as connection:
                return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        except DamagedDatabaseError:
            return False

    def _opened(self) -> AbstractContextManager[sqlite3.Connection]:
        return open_database(self.path, remedy=REMEDY, busy_seconds=self._busy_seconds)

    def differing_tables(self, store: TableStore, video_id: str) -> list[str]:
        """The tables of a video whose rows here are not those of the stored table; all, where the schema is another.

        Raises:
            ContractError: a table of this video is corrupt. DamagedDatabaseError, StorageError: as `index_video`.
        """
        verify_video_id(video_id)
        with open_read_only(self.path, remedy=REMEDY) as connection:
            if not _is_current(connection):
                return list(TABLES)
            return [name for name in TABLES if _differs(connection, store, name, video_id)]

    def query(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Rows of a SELECT, as dicts by column name; the connection cannot write.

        Args:
            sql: one statement over the tables and the views best_stills, funnel, frame_scores, nothing_kept, failures.
            params: values of its `?` or `:name` marks.

        Raises:
            MissingInputError: there is no catalog yet.
            BadInputError: SQLite refuses the statement.
            DamagedDatabaseError, StorageError: as `index_video`.
        """
        if not self.path.is_file():
            raise MissingInputError(f"{self.path}: there is no catalog yet; {RUN_FIRST}")
        with open_read_only(self.path, remedy=REMEDY) as connection:
            try:
                with closing(connection.execute(sql, params)) as cursor:
                    names = [entry[0] for entry in cursor.description or ()]
                    return [dict(zip(names, row, strict=True)) for row in cursor]
            except (sqlite3.OperationalError, sqlite3.ProgrammingError) as error:
                if "no such" not in str(error) and "syntax" not in str(error) and "binding" not in str(error):
                    raise  # the disk's or the lock's: the connection says it in our words
                raise BadInputError(f"{self.path}: the query was refused: {error}") from error

    def _rebuild(self, store: TableStore) -> list[ContractError]:
        with self._opened() as connection, transaction(connection):
            return _fill(connection, store)


def _is_current(connection: sqlite3.Connection) -> bool:
    made = {text for (text,) in connection.execute("SELECT sql FROM sqlite_master")}
    if not made.issuperset(schema.create_statements()):
        return False
    query = f'SELECT "value" FROM {schema.META_TABLE} WHERE "key" = ?'  # noqa: S608 - a constant
    row = connection.execute(query, (schema.FINGERPRINT_KEY,)).fetchone()
    return row is not None and row[0] == schema.fingerprint()


def _fill(
    connection: sqlite3.Connection, store: TableStore, *, without: Collection[tuple[str, str]] = ()
) -> list[ContractError]:
    """Drops whatever is there, makes the schema and inserts every table of every video.

    Args:
        without: (table, video) of those that are left out.
    """
    # Names that begin with `sqlite_` are SQLite's own and cannot be dropped.
    query = "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'table') AND substr(name, 1, 7) <> 'sqlite_'"
    found = connection.execute(query).fetchall()
    for kind, name in sorted(found, reverse=True):  # views first: SQLite checks them when a table goes
        connection.execute(f'DROP {kind} "{name}"')
    for statement in schema.create_statements():
        connection.execute(statement)
    insert = f"INSERT INTO {schema.META_TABLE} VALUES (?, ?)"  # noqa: S608 - a constant
    connection.execute(insert, (schema.FINGERPRINT_KEY, schema.fingerprint()))
    errors = []
    for table_name in TABLES:
        for video_id in store.video_ids(table_name):
            if (table_name, video_id) in without:
                continue
            try:
                _insert_table(connection, store, table_name, video_id)
            except ContractError as error:
                errors.append(error)
    return errors


def _delete_video(connection: sqlite3.Connection, video_id: str, table_names: Collection[str] = TABLES) -> None:
    for table_name in table_names:
        connection.execute(schema.delete_statement(TABLES[table_name]), (video_id,))


def _insert_table(connection: sqlite3.Connection, store: TableStore, table_name: str, video_id: str) -> None:
    table = store.read_or_none(table_name, video_id)
    if table is None:
        return
    contract = TABLES[table_name]
    try:
        connection.executemany(schema.insert_statement(contract), _sql_rows(table))
    except sqlite3.IntegrityError as error:  # the store writes no such table, so somebody else made it
        connection.execute(schema.delete_statement(contract), (video_id,))
        path = store.table_path(table_name, video_id)
        raise ContractError(f"{path}: breaks its contract ({error}); delete it and run its stage again") from error


def _differs(connection: sqlite3.Connection, store: TableStore, table_name: str, video_id: str) -> bool:
    table = store.read_or_none(table_name, video_id)
    stored = Counter(() if table is None else _sql_rows(table))
    return stored != Counter(connection.execute(schema.select_statement(TABLES[table_name]), (video_id,)))


def _sql_rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Rows in the contract's order of columns, as SQLite takes them; in batches, to bound memory."""
    for batch in table.to_batches(max_chunksize=_ROWS_PER_BATCH):
        yield from zip(*(_sql_values(column) for column in batch.columns), strict=True)


def _sql_values(values: pa.Array) -> list[Any]:
    if Embedding.matches(values.type):
        return _blobs(values)
    if pa.types.is_list(values.type):
        return [None if value is None else json.dumps(value, ensure_ascii=False) for value in values.to_pylist()]
    return values.to_pylist()  # type: ignore[no-any-return]


def _blobs(values: pa.Array) -> list[bytes | None]:
    # flatten() leaves the nulls out, so the rows of `matrix` are those of the embeddings that are there.
    flat = np.frombuffer(content_buffer(values.flatten()), np.float16).astype(np.dtype("<f2"))
    matrix = iter(flat.reshape(-1, max(1, values.type.list_size)))
    return [next(matrix).tobytes() if is_valid else None for is_valid in values.is_valid().to_pylist()]
