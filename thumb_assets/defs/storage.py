"""Dagster's records in SQLite, in files that stay open between two events.

What belongs here: the class that `dagster.yaml` names, and how it opens files. What does not: what is recorded, and how
it is asked for, both Dagster's.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

from thumb_assets.defs.internals import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    ConfigurableClassData,
    DagsterSqliteStorage,
    SqliteEventLogStorage,
)

# The file of a run that goes on, that of all assets, and some that are looked at.
_MOST_OPEN_FILES = 8


class OpenFilesStorage(DagsterSqliteStorage):
    """Dagster's own storage in SQLite, the same files, whose event log is an `OpenFilesEventLog`.

    Args:
        base_dir: DAGSTER_HOME.
        inst_data: given by Dagster.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = OpenFilesEventLog(os.path.join(base_dir, "history", "runs", ""))  # noqa: PTH118

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "OpenFilesStorage":
        """Makes the storage that a `dagster.yaml` describes; called by Dagster."""
        return cls.from_local(inst_data=inst_data, **config_value)


class OpenFilesEventLog(SqliteEventLogStorage):
    """Dagster's event log in SQLite, a file for each run, without opening and closing one for each event.

    To close a file SQLite writes all of it to the disk, so forty events of a video took seconds on a slow disk, and
    half a second of CPU anywhere. An event reaches the file at once here too; with the power the last ones may be lost,
    and no more, since what a library holds is not in this log.

    Args:
        base_dir: folder of the files.
        inst_data: given by Dagster.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._open: OrderedDict[str, tuple[int, Engine]] = OrderedDict()  # by shard, with the number of the file
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine_of(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine_of(self, shard: str) -> Engine:
        """The engine whose one connection stays open; another one where the file was removed meanwhile."""
        number, engine = self._open.pop(shard, (0, None))
        if engine is not None and number != self._file_number(shard):
            engine.dispose()
            self._initialized_dbs.discard(shard)
            engine = None
        if engine is None:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=QueuePool,
                pool_size=1,  # stays open; what makes the tables takes a second one
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            event.listen(engine, "connect", _write_without_waiting_for_the_disk)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        self._open[shard] = (self._file_number(shard), engine)
        while len(self._open) > _MOST_OPEN_FILES:
            _, (_, oldest) = self._open.popitem(last=False)
            oldest.dispose()
        return engine

    def _file_number(self, shard: str) -> int:
        try:
            return os.stat(self.path_for_shard(shard)).st_ino  # noqa: PTH116 - forty times a video
        except FileNotFoundError:
            return 0

    def wipe(self) -> None:
        """Removes all events; closes the files first, which Windows asks for."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Closes the files."""
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._open:
                _, (_, engine) = self._open.popitem()
                engine.dispose()


def _write_without_waiting_for_the_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
