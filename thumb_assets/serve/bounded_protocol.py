"""One connection of the web server: uvicorn's over h11, with a deadline for the head and a bound on their number."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits on the connections, in all and from one address, and on the time that the head of a request may take."""

    most: int
    most_per_address: int
    max_head_seconds: float


class BoundedProtocol(H11Protocol):
    """A timer runs whenever a request is awaited: from the beginning, and from the end of each answer on."""

    limits: ClassVar[ConnectionLimits]
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn's; one too many is closed."""
        super().connection_made(transport)
        if self._is_one_too_many():
            transport.abort()
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn's."""
        self._stop_timer()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """As uvicorn's; a request whose head is there is no longer awaited."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_timer()

    def on_response_complete(self) -> None:
        """As uvicorn's; the next request is awaited."""
        self._await_head()  # before: a request that came meanwhile is begun with inside
        super().on_response_complete()

    def _is_one_too_many(self) -> bool:
        if len(self.connections) > self.limits.most:
            return True
        address = self.client[0] if self.client else None
        peers: list[tuple[str, int] | None] = [getattr(other, "client", None) for other in self.connections]
        same = [peer for peer in peers if peer is not None and peer[0] == address]
        return len(same) > self.limits.most_per_address

    def _await_head(self) -> None:
        self._stop_timer()
        self._head_timer = self.loop.call_later(self.limits.max_head_seconds, self._end)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()
