"""Requests of others and messages to them, in SQLite: nothing is lost when a process or a receiver is down.

A request and the message that answers it change in one transaction. A message is claimed before it is sent, so that
nothing is sent while nothing can be noted, and is sent until its receiver says that it has it; only where our process
dies, or the disk fails, between that answer and the note of it is it sent once more, under the same id.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from thumb_assets.errors import BadInputError
from thumb_assets.store.database import open_database, transaction

RequestState = Literal["received", "launched", "done", "failed"]
MessageState = Literal["pending", "delivered", "given_up"]
_REMEDY = "delete it: requests that were not done must be sent again"
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS requests (event_id TEXT NOT NULL PRIMARY KEY, body BLOB NOT NULL, state TEXT NOT NULL,
    video_id TEXT, backfill_id TEXT, num_tries INTEGER NOT NULL, next_at REAL NOT NULL, reason TEXT,
    received_at REAL NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS requests_by_state ON requests (state, next_at)",
    "CREATE INDEX IF NOT EXISTS requests_by_video ON requests (video_id)",
    """CREATE TABLE IF NOT EXISTS messages (message_id TEXT NOT NULL PRIMARY KEY, url TEXT NOT NULL, body BLOB NOT NULL,
    state TEXT NOT NULL, num_tries INTEGER NOT NULL, next_at REAL NOT NULL, reason TEXT, made_at REAL NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS messages_by_state ON messages (state, next_at)",
)
_REQUEST = "SELECT event_id, body, state, video_id, backfill_id, num_tries, next_at, reason FROM requests"
_MESSAGE = """SELECT m.message_id, m.url, m.body, m.state, m.num_tries, m.next_at, m.reason, r.video_id
    FROM messages AS m LEFT JOIN requests AS r ON r.event_id = m.message_id"""
# Of one video, and made before: until it is delivered or given up, it is not overtaken.
_IS_FIRST = """NOT EXISTS (SELECT 1 FROM requests AS s JOIN messages AS n ON n.message_id = s.event_id
    WHERE s.video_id = r.video_id AND n.state = 'pending' AND n.next_at > ?
    AND (n.made_at, n.message_id) < (m.made_at, m.message_id))"""
_COUNTS = {
    "requests": "SELECT state, count(*) FROM requests GROUP BY state ORDER BY state",
    "messages": "SELECT state, count(*) FROM messages GROUP BY state ORDER BY state",
}


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        event_id: the sender's; the same one is taken once.
        body: as it was sent and signed.
        state: `received`; `launched` once its video is in the library and its work handed to Dagster; `done` or
            `failed` once that has ended.
        num_tries: how often it was tried to get from `received` to `launched`.
        next_at: when it is looked at next, in seconds since the epoch; once it has ended, when that was.
        reason: of the last failure.
    """

    event_id: str
    body: bytes
    state: RequestState
    video_id: str | None
    backfill_id: str | None
    num_tries: int
    next_at: float
    reason: str | None


@dataclass(frozen=True)
class Message:
    """A message to be sent; fields as those of `Request`."""

    message_id: str
    url: str
    body: bytes
    state: MessageState
    num_tries: int
    next_at: float
    reason: str | None
    video_id: str | None


class Outbox:
    """Requests and messages of one data folder; each call opens and closes its own connection.

    Args:
        path: the SQLite file; made where missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)

    def add_request(self, event_id: str, body: bytes, *, now: float) -> tuple[Request, bool]:
        """The request, and whether it is new; one that was there stays as it is.

        Raises:
            BadInputError: the id was there with another body.
        """
        with self._open() as connection, transaction(connection):
            values = (event_id, body, "received", 0, now, now)
            cursor = connection.execute(
                "INSERT OR IGNORE INTO requests (event_id, body, state, num_tries, next_at, received_at) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
            row = connection.execute(_REQUEST + " WHERE event_id = ?", (event_id,)).fetchone()
        request = Request(*row)
        if request.body != body:
            raise BadInputError(f"event {event_id!r} was sent before with another body; give a new event a new id")
        return request, cursor.rowcount == 1

    def requests(self, state: RequestState, *, due_at: float | None = None, limit: int = 100) -> list[Request]:
        """Requests of a state, the first one due first.

        Args:
            due_at: only those to be looked at by then; None gives all.
        """
        query = _REQUEST + " WHERE state = ? AND next_at <= ? ORDER BY next_at, event_id LIMIT ?"
        with self._open() as connection:
            rows = connection.execute(query, (state, _or_ever(due_at), limit)).fetchall()
        return [Request(*row) for row in rows]

    def launched(self, event_id: str, *, video_id: str, backfill_id: str, now: float) -> None:
        """Notes that a request's video is in the library and its work handed over."""
        query = (
            "UPDATE requests SET state = 'launched', video_id = ?, backfill_id = ?, reason = NULL, next_at = ? "
            "WHERE event_id = ? AND state = 'received'"
        )
        with self._open() as connection:
            connection.execute(query, (video_id, backfill_id, now, event_id))

    def postponed(self, event_id: str, *, reason: str, next_at: float) -> None:
        """Notes that a request could not be launched and is tried again."""
        query = (
            "UPDATE requests SET num_tries = num_tries + 1, reason = ?, next_at = ? "
            "WHERE event_id = ? AND state = 'received'"
        )
        with self._open() as connection:
            connection.execute(query, (reason, next_at, event_id))

    def look_later(self, next_at: Mapping[str, float]) -> None:
        """Notes when launched requests, by their ids, are looked at again; those that ended meanwhile stay."""
        query = "UPDATE requests SET next_at = ? WHERE event_id = ? AND state = 'launched'"
        with self._open() as connection, transaction(connection):
            connection.executemany(query, [(at, event_id) for event_id, at in next_at.items()])

    def ended(
        self,
        event_id: str,
        state: Literal["done", "failed"],
        *,
        reason: str | None,
        message: tuple[str, bytes] | None,
        now: float,
    ) -> None:
        """Notes what became of a request, and with it the message (address, body) that says so, under the same id.

        One that has ended before stays as it is, and nothing more is told of it.
        """
        query = (
            "UPDATE requests SET state = ?, reason = ?, next_at = ? "
            "WHERE event_id = ? AND state IN ('received', 'launched')"
        )
        with self._open() as connection, transaction(connection):
            is_new = connection.execute(query, (state, reason, now, event_id)).rowcount == 1
            if is_new and message is not None:
                values = (event_id, *message, "pending", 0, now, now)
                connection.execute(
                    "INSERT OR IGNORE INTO messages (message_id, url, body, state, num_tries, next_at, made_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    values,
                )

    def announce(self, message_id: str, url: str, body: bytes, *, now: float, instead_of: str) -> None:
        """Has a message sent that answers no request; one that was sent before is not sent again.

        Args:
            instead_of: messages whose ids begin so and that no receiver has yet are dropped: news of a former state.
        """
        with self._open() as connection, transaction(connection):
            connection.execute(
                "DELETE FROM messages WHERE state != 'delivered' AND substr(message_id, 1, ?) = ? AND message_id != ?",
                (len(instead_of), instead_of, message_id),
            )
            connection.execute(
                "INSERT OR IGNORE INTO messages (message_id, url, body, state, num_tries, next_at, made_at) "
                "VALUES (?, ?, ?, 'pending', 0, ?, ?)",
                (message_id, url, body, now, now),
            )

    def messages(self, state: MessageState, *, due_at: float | None = None, limit: int = 100) -> list[Message]:
        """Messages of a state, the first one made first; `due_at` as in `requests`.

        One that is due is left out while an earlier one of the same video is pending and not due.
        """
        query = (
            f"{_MESSAGE} WHERE m.state = ? AND m.next_at <= ? AND {_IS_FIRST} ORDER BY m.made_at, m.message_id LIMIT ?"
        )
        latest = _or_ever(due_at)
        with self._open() as connection:
            rows = connection.execute(query, (state, latest, latest, limit)).fetchall()
        return [Message(*row) for row in rows]

    def claim(self, message: Message, *, next_at: float) -> bool:
        """Counts a try of a message that is about to be sent; whether it is still as it was read, and so ours to send.

        Args:
            next_at: when it is tried again where nothing is noted after this.
        """
        query = (
            "UPDATE messages SET num_tries = num_tries + 1, next_at = ? "
            "WHERE message_id = ? AND state = 'pending' AND num_tries = ?"
        )
        with self._open() as connection:
            return connection.execute(query, (next_at, message.message_id, message.num_tries)).rowcount == 1

    def tried(self, message_id: str, state: MessageState, *, reason: str | None, next_at: float) -> None:
        """Notes what came of sending a claimed message."""
        query = "UPDATE messages SET state = ?, reason = ?, next_at = ? WHERE message_id = ? AND state = 'pending'"
        with self._open() as connection:
            connection.execute(query, (state, reason, next_at, message_id))

    def send_again(self, message_ids: Sequence[str], *, now: float) -> int:
        """Has messages that were given up tried anew, from the beginning; gives how many those are."""
        query = (
            "UPDATE messages SET state = 'pending', num_tries = 0, next_at = ? "
            "WHERE message_id = ? AND state = 'given_up'"
        )
        with self._open() as connection, transaction(connection):
            return sum(connection.execute(query, (now, message_id)).rowcount for message_id in message_ids)

    def troubled(self, *, limit: int = 20) -> list[Request]:
        """Requests that failed or are tried again, each with its reason; the last ones first."""
        query = _REQUEST + " WHERE reason IS NOT NULL ORDER BY next_at DESC, event_id LIMIT ?"
        with self._open() as connection:
            return [Request(*row) for row in connection.execute(query, (limit,)).fetchall()]

    def forget(self, *, before: float) -> int:
        """Removes messages that were delivered, and requests that were done, before a time; gives how many those are.

        What failed or was given up stays for whoever looks after it. A request is kept as long as its message is: its
        id would be taken anew, and the message under the same id would be in the way of the new one.
        """
        messages = "DELETE FROM messages WHERE state = 'delivered' AND next_at < ?"
        requests = (
            "DELETE FROM requests WHERE state = 'done' AND next_at < ? "
            "AND NOT EXISTS (SELECT 1 FROM messages WHERE message_id = event_id)"
        )
        with self._open() as connection, transaction(connection):
            return sum(connection.execute(query, (before,)).rowcount for query in (messages, requests))

    def counts(self) -> dict[str, dict[str, int]]:
        """Numbers of requests and messages by state."""
        with self._open() as connection:
            return {name: dict(connection.execute(query)) for name, query in _COUNTS.items()}

    def _open(self) -> AbstractContextManager[sqlite3.Connection]:
        return open_database(self._path, remedy=_REMEDY, schema=_SCHEMA)


def _or_ever(due_at: float | None) -> float:
    return float("inf") if due_at is None else due_at
