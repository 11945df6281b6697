"""The one HTTP client: it connects to public addresses only, unless a host is named, and follows no redirect.

What a stranger asks us to fetch must not reach what only this machine or its network can. The name is resolved once and
the connection goes to the very address that was looked at, so that a second answer of the name server changes nothing.
No message shows an address whole: a link that is signed opens the file to whoever reads it.
"""

import os
import ssl
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from thumb_assets.errors import BadInputError, ModelUnavailableError, NetworkError, ThumbAssetsError
from thumb_assets.publish.addresses import shown
from thumb_assets.publish.guarded import Limit, guarded_backend

if TYPE_CHECKING:
    import httpcore

# Answers that may be another one later: https://www.rfc-editor.org/rfc/rfc9110#section-15 and RFC 6585, 8470.
_PASSING_STATUSES = {408, 425, 429}
_NUM_TIMEOUTS_PER_SEND = 2
# Enough to see what a file is.
_NUM_HEAD_BYTES = 4096
_NUM_BYTES_BETWEEN_QUESTIONS = 16 << 20


def _nothing(_: object) -> None:
    """Accepts everything."""


class HttpClient:
    """Requests to public addresses, one at a time.

    Args:
        allowed_hosts: names (or addresses, as they stand in a URL) that may be private.
        timeout_seconds: for connecting, and for each wait for the other side; `send` takes twice this at most.
    """

    def __init__(self, *, allowed_hosts: Collection[str] = (), timeout_seconds: float = 30.0) -> None:
        self._httpcore = _import_httpcore()
        self._timeout_seconds = timeout_seconds
        self._limit = Limit()
        hosts = {host.lower().strip("[]") for host in allowed_hosts}
        self._pool = self._httpcore.ConnectionPool(
            ssl_context=_ssl_context(),
            network_backend=guarded_backend(self._httpcore, hosts, self._limit),
            max_keepalive_connections=0,  # an address is looked at for each request
        )

    def close(self) -> None:
        """Closes what is open."""
        self._pool.close()

    def send(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Sends a body and gives the answer's status, which is below 300.

        Raises:
            BadInputError: the address cannot be used, or the answer says that the request is wrong.
            NetworkError: the other side is not reached, does not answer, or says that it cannot now.
        """
        max_seconds = _NUM_TIMEOUTS_PER_SEND * self._timeout_seconds
        with self._stream(method, url, headers, body, max_seconds=max_seconds) as response:
            # Its body is not read: whatever is wrong with that, the other side has what it was sent.
            return int(response.status)

    def download(
        self,
        url: str,
        target: Path,
        *,
        max_bytes: int,
        max_seconds: float,
        go_on: Callable[[], object],
        accept: Callable[[bytes], object] = _nothing,
        require_room: Callable[[int], object] = _nothing,
    ) -> int:
        """Writes what lies at an address into a file, which is complete only when this returns; gives its size.

        Args:
            target: replaced where it exists.
            max_bytes: a larger file is refused.
            max_seconds: for all of it: a sender may drip a byte now and then for ever.
            go_on: called before each wait for the other side; what it raises ends the download.
            accept: called once with the first bytes; what it raises ends the download.
            require_room: called with the number of bytes that are still to be written, as far as that is known, before
                the first and now and then; likewise.

        Raises:
            BadInputError, NetworkError: as `send`; or it is too large, or took too long.
            StorageError: by the caller, of an OSError.
        """
        num_bytes, expected, headers = 0, None, {"Accept-Encoding": "identity"}
        with (
            self._stream("GET", url, headers, b"", max_seconds=max_seconds, go_on=go_on) as response,
            target.open("wb") as file,
        ):
            lengths = [value for name, value in response.headers if name.lower() == b"content-length"]
            expected = int(lengths[0]) if lengths and lengths[0].isdigit() else None
            head: bytes | None = b""
            asked_at = 0
            require_room(min(expected or 0, max_bytes))
            for chunk in response.iter_stream():
                num_bytes += len(chunk)
                if max(num_bytes, expected or 0) > max_bytes:
                    raise BadInputError(f"{shown(url)}: is larger than {max_bytes:,} bytes (video.max_file_bytes)")
                if head is not None:
                    head += chunk[:_NUM_HEAD_BYTES]
                    if len(head) >= _NUM_HEAD_BYTES:
                        accept(head)
                        head = None
                if num_bytes - asked_at >= _NUM_BYTES_BETWEEN_QUESTIONS:
                    asked_at = num_bytes
                    require_room(max(len(chunk), (expected or 0) - num_bytes))
                file.write(chunk)
            if head:
                accept(head)
            file.flush()
            os.fsync(file.fileno())
        if expected is not None and num_bytes != expected:
            raise NetworkError(f"{shown(url)}: {num_bytes} of {expected} bytes came")
        return num_bytes

    @contextmanager
    def _stream(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        max_seconds: float,
        go_on: Callable[[], object] | None = None,
    ) -> Iterator["httpcore.Response"]:
        require_address(url)
        sent = {"Host": urlsplit(url).netloc, "User-Agent": "thumb-assets", **headers}
        if body:
            sent["Content-Length"] = str(len(body))
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_seconds)
        self._limit.begin(max_seconds, go_on)
        try:
            with self._pool.stream(
                method, url, headers=list(sent.items()), content=body or None, extensions={"timeout": timeouts}
            ) as response:
                _require_success(url, response.status)
                yield response
        except ThumbAssetsError:
            raise
        except self._httpcore.LocalProtocolError as error:
            # Its text quotes the header that is wrong, which may be the one with the token.
            raise BadInputError(f"{shown(url)}: {type(error).__name__}: a header cannot be sent as it is") from None
        except (
            self._httpcore.NetworkError,
            self._httpcore.ProtocolError,
            self._httpcore.TimeoutException,
            ssl.SSLError,
        ) as error:
            if self._limit.is_over:
                raise NetworkError(f"{shown(url)}: was not complete after {max_seconds:g} s") from error
            reason = str(error) or type(error).__name__
            raise NetworkError(f"{shown(url)}: {reason}; check the address and the network") from error


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for all clients: reading the certificates takes longer than a request."""
    return ssl.create_default_context()


def _require_success(url: str, status: int) -> None:
    if 200 <= status < 300:
        return
    if status in _PASSING_STATUSES or status >= 500:
        raise NetworkError(f"{shown(url)}: answered {status}; it may answer otherwise later")
    hint = "; give the address it leads to, redirects are not followed" if 300 <= status < 400 else ""
    raise BadInputError(f"{shown(url)}: answered {status}{hint}")


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


def _import_httpcore() -> Any:
    try:
        import httpcore
    except ImportError as error:
        raise ModelUnavailableError(
            "requests to other systems need the package httpcore; install thumb-assets[serve]"
        ) from error
    return httpcore
