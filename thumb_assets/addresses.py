"""Addresses: which of them are public and may be connected to, and how they are shown without their secrets.

What belongs here: reading addresses, and the connections of the HTTP client, held to public addresses and to a time.
What does not: requests (http).
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import urlsplit

from thumb_assets.errors import BadInputError, NetworkError

# Whoever names a host can give it hundreds of dead addresses, each of which is waited for.
_MAX_NUM_TRIED = 4
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Python counts these as global: site-local ones, NAT64 of a network's own, and IPv4 in forms of which none is routed.
_NEVER_PUBLIC = [
    ipaddress.ip_network(network) for network in ("fec0::/10", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")
]


def shown(url: str) -> str:
    """An address as it may be told and logged: scheme, host, port and path; a name, a password, a query may be secret.

    >>> shown("https://user:password@cdn.example:8443/a.mp4?signature=1234#part")
    'https://cdn.example:8443/a.mp4'
    >>> shown("user:password@cdn.example/a.mp4")
    '(no address)'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # as of a password that stands where the port is looked for
        return "(no address)"
    if not host:
        return "(no address)" if "@" in parts.path else parts.path
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}{'' if port is None else f':{port}'}{parts.path}"


def require_address(url: str) -> None:
    """Returns where a request can be made of an address as it is written.

    Raises:
        BadInputError: it cannot, at any time.
    """
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
        _ = parts.port
    except ValueError:
        is_right = False
    if not is_right or not url.isascii() or any(character <= " " for character in url):
        raise BadInputError(f"{shown(url)!r}: is no address of the form https://host/path")


def is_public(address: str) -> bool:
    """Returns True for an IP address of the public Internet; one that wraps another is judged by the inner one.

    >>> is_public("93.184.216.34"), is_public("127.0.0.1"), is_public("::ffff:10.0.0.1"), is_public("64:ff9b::a00:1")
    (True, False, False, False)
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in network for network in _NEVER_PUBLIC):
            return False
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def public_addresses(host: str, port: int) -> list[str]:
    """The addresses of a host that are worth trying, at least one.

    Raises:
        NetworkError: it has none.
        BadInputError: one of them is private.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NetworkError(f"{host}: its address cannot be found ({error}); check the name and the network") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    private = [address for address in addresses if not is_public(address)]
    if private:
        raise BadInputError(
            f"{host}: has the private address {private[0]}; name the host in the setting allowed_hosts to allow it"
        )
    return addresses[:_MAX_NUM_TRIED]


def _nothing() -> None:
    """Goes on."""


class Limit:
    """Until when a request may take, and whether it is still wanted."""

    def __init__(self) -> None:
        self._end = 0.0
        self._go_on: Callable[[], object] = _nothing

    def begin(self, seconds: float, go_on: Callable[[], object] = _nothing) -> None:
        """From now on, for so long; what `go_on` raises ends it, too."""
        self._end = time.monotonic() + seconds
        self._go_on = go_on

    @property
    def is_over(self) -> bool:
        """True once the time has passed."""
        return time.monotonic() >= self._end

    def seconds(self, timeout: float | None) -> float:
        """Returns the longest time that the next wait may take.

        Raises:
            httpcore.ReadTimeout: the time has passed.
        """
        import httpcore

        self._go_on()
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("took too long")
        return left if timeout is None else min(timeout, left)


def guarded_backend(allowed_hosts: Collection[str] | None, limit: Limit) -> Any:
    """httpcore's own backend, but for the addresses it may connect to and for the time that all of it may take.

    Each wait alone has a limit in httpcore. A sender that drips its headers, or says "100 Continue" for ever, keeps to
    that one.
    """
    import httpcore

    plain = httpcore.SyncBackend()
    guarded_stream = _guarded_stream(limit)

    class GuardedBackend(httpcore.NetworkBackend):
        def connect_tcp(  # type: ignore[override]
            self, host: str, port: int, timeout: float | None = None, **more: Any
        ) -> Any:
            def connected(place: str) -> Any:
                return guarded_stream(plain.connect_tcp(place, port, timeout=limit.seconds(timeout), **more))

            if allowed_hosts is None or host.lower().strip("[]") in allowed_hosts:
                return connected(host)
            *others, last = public_addresses(host.strip("[]"), port)
            for address in others:
                try:
                    return connected(address)
                except (httpcore.NetworkError, httpcore.TimeoutException):
                    continue
            return connected(last)

        def connect_unix_socket(self, path: str, **_: Any) -> Any:  # type: ignore[override]
            raise BadInputError(f"{path}: sockets of this machine are not for requests")

    return GuardedBackend()


def _guarded_stream(limit: Limit) -> Any:
    import httpcore

    class GuardedStream(httpcore.NetworkStream):
        def __init__(self, stream: httpcore.NetworkStream) -> None:
            self._stream = stream

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            return self._stream.read(max_bytes, timeout=limit.seconds(timeout))

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self._stream.write(buffer, timeout=limit.seconds(timeout))

        def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
            return GuardedStream(self._stream.start_tls(ssl_context, server_hostname, timeout=limit.seconds(timeout)))

        def close(self) -> None:
            self._stream.close()

        def get_extra_info(self, info: str) -> Any:
            return self._stream.get_extra_info(info)

    return GuardedStream
