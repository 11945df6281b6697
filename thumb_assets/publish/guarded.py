"""The connections of the HTTP client: to public addresses only, and none longer than its request may take."""

import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from thumb_assets.errors import BadInputError
from thumb_assets.publish.addresses import public_addresses


class Limit:
    """Until when a request may take, and whether it is still wanted."""

    def __init__(self) -> None:
        self._end = 0.0
        self._go_on: Callable[[], object] = _nothing

    def begin(self, seconds: float, go_on: Callable[[], object] | None = None) -> None:
        """From now on, for so long; what `go_on` raises ends it, too."""
        self._end = time.monotonic() + seconds
        self._go_on = go_on or _nothing

    @property
    def is_over(self) -> bool:
        """Whether the time has passed."""
        return time.monotonic() >= self._end

    def of_wait(self, timeout: float | None) -> float:
        """How long the next wait may take, in seconds; 0 or less where the time has passed."""
        self._go_on()
        left = self._end - time.monotonic()
        return left if timeout is None else min(timeout, left)


def guarded_backend(httpcore: Any, allowed_hosts: Collection[str], limit: Limit) -> Any:
    """httpcore's own backend, but for the addresses it may connect to and for the time that all of it may take.

    Each wait alone has a limit in httpcore. A sender that drips its headers, or says "100 Continue" for ever, keeps to
    that one.
    """
    plain = httpcore.SyncBackend()
    seconds = partial(_seconds, httpcore, limit)
    guarded_stream = _guarded_stream(httpcore, seconds)

    class GuardedBackend(httpcore.NetworkBackend):  # type: ignore[misc]
        def connect_tcp(self, host: str, port: int, timeout: float | None = None, **more: Any) -> Any:
            def connected(place: str) -> Any:
                return guarded_stream(plain.connect_tcp(place, port, timeout=seconds(timeout), **more))

            if host.lower().strip("[]") in allowed_hosts:
                return connected(host)
            *others, last = public_addresses(host.strip("[]"), port)
            for address in others:
                try:
                    return connected(address)
                except (httpcore.NetworkError, httpcore.TimeoutException):
                    continue
            return connected(last)

        def connect_unix_socket(self, path: str, **_: Any) -> Any:
            raise BadInputError(f"{path}: sockets of this machine are not for requests")

    return GuardedBackend()


def _guarded_stream(httpcore: Any, seconds: Callable[[float | None], float]) -> Any:
    class GuardedStream(httpcore.NetworkStream):  # type: ignore[misc]
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            return bytes(self._stream.read(max_bytes, timeout=seconds(timeout)))

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self._stream.write(buffer, timeout=seconds(timeout))

        def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
            return GuardedStream(self._stream.start_tls(ssl_context, server_hostname, timeout=seconds(timeout)))

        def close(self) -> None:
            self._stream.close()

        def get_extra_info(self, info: str) -> Any:
            return self._stream.get_extra_info(info)

    return GuardedStream


def _seconds(httpcore: Any, limit: Limit, timeout: float | None) -> float:
    seconds = limit.of_wait(timeout)
    if seconds <= 0:
        raise httpcore.ReadTimeout("took too long")
    return seconds


def _nothing() -> None:
    """Goes on."""
