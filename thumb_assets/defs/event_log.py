"""Makes Dagster's own records quick enough for the forty events of a video: SQLite files above all.

For every event Dagster makes an SQLAlchemy engine anew, which compiles its statements anew and opens and closes a
connection. The last one to close moves the write-ahead log into the file and waits for the disk, and so does every
commit. Without all that an event costs a tenth.
"""

import threading
from collections import OrderedDict
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.sqlite import sqlite_event_log  # its engines cannot be had otherwise
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import QueuePool

# The index over all runs, and the files of a few runs.
_MAX_KEPT = 8
_MAX_STATEMENT_MILLISECONDS = 60_000
_MAX_CONNECTION_SECONDS = 300
_engines: "OrderedDict[str, Engine]" = OrderedDict()
_lock = threading.Lock()


def speed_up_event_log() -> None:
    """From now on in this process an SQLite file of events stays open, and no commit waits for the disk.

    With a write-ahead log that cannot damage a file; a power cut may cost the last events. Other databases are left
    alone. Calling it twice does nothing more.
    """
    setattr(sqlite_event_log, "create_engine", _kept_engine)  # noqa: B010 - the module does not export it


def keep_connection(instance: dg.DagsterInstance) -> None:
    """Keeps one connection to a database server open for the events of a run, as Dagster does in its web server.

    Otherwise each event opens one, which takes more than half of the time of a run on PostgreSQL. Nothing changes for
    SQLite.
    """
    instance.event_log_storage.optimize_for_webserver(
        statement_timeout=_MAX_STATEMENT_MILLISECONDS, pool_recycle=_MAX_CONNECTION_SECONDS, max_overflow=-1
    )


class _KeptConnections(QueuePool):
    """Keeps its connection when the engine is disposed of, which Dagster does after every use."""

    def dispose(self) -> None:
        """Does nothing; see `close`."""

    def recreate(self) -> "_KeptConnections":
        """Itself."""
        return self

    def close(self) -> None:
        """Closes what it keeps."""
        super().dispose()


def _kept_engine(address: str, *, connect_args: dict[str, Any], **_options: Any) -> Engine:
    with _lock:
        if address not in _engines:
            # Dagster holds a lock of its own around every use, from whichever thread.
            arguments = {**connect_args, "check_same_thread": False}
            _engines[address] = create_engine(address, poolclass=_KeptConnections, connect_args=arguments)
            event.listen(_engines[address], "connect", _on_connect)
        _engines.move_to_end(address)
        if len(_engines) > _MAX_KEPT:
            _, oldest = _engines.popitem(last=False)
            pool = oldest.pool
            if isinstance(pool, _KeptConnections):
                pool.close()
        return _engines[address]


def _on_connect(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
