"""The one HTTP client, and the one policy of trying a request again.

What belongs here: connections that reach public addresses only unless the caller allows more, bounds of size and time,
redirects, proxies, and the errors of all that in our own words. What does not: what is sent and to whom (publish,
serve, judge, weights), and waits that outlive a process (store, serve).

What a stranger asks us to fetch must not reach what only this machine or its network can. The name is resolved once and
the connection goes to the very address that was looked at, so that a second answer of the name server changes nothing.
No message shows an address whole: a link that is signed opens the file to whoever reads it.
"""

import os
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from string import punctuation
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit

from thumb_assets.addresses import Limit, guarded_backend, require_address, shown
from thumb_assets.errors import BadInputError, NetworkError, ThumbAssetsError

# Answers that may be another one later: https://www.rfc-editor.org/rfc/rfc9110#section-15 and RFC 6585, 8470.
_PASSING_STATUSES = {408, 425, 429}
_REDIRECTS = {301, 302, 303, 307, 308}
_NUM_TIMEOUTS_PER_SEND = 2
# Enough to see what a file is.
_NUM_HEAD_BYTES = 4096
_NUM_BYTES_BETWEEN_QUESTIONS = 16 << 20
_FIRST_WAIT_SECONDS = 0.5  # doubled with each try
_MAX_WAIT_SECONDS = 30.0
_T = TypeVar("_T")


def _nothing(*_: object) -> None:
    """Accepts everything, and goes on."""


@dataclass(frozen=True)
class Response:
    """The beginning of an answer, and its body as it comes.

    Attributes:
        headers: by name in lower case; of several with one name the last.
        chunks: within its request's block; raises NetworkError where the body breaks off.
    """

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]

    @property
    def num_bytes(self) -> int | None:
        """Size of the body as announced; None where it is not."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None


def may_pass(status: int) -> bool:
    """Returns True for a status after which the same request may succeed later."""
    return status in _PASSING_STATUSES or status >= 500


def with_retries(
    call: Callable[[], _T],
    *,
    num_retries: int,
    on_wait: Callable[[], object] = _nothing,
    sleep: Callable[[float], object] = time.sleep,
) -> _T:
    """The call's value; a NetworkError is tried again, after waits that double or that the other side asks for.

    Args:
        on_wait: called before each wait; what it raises ends the tries.

    Raises:
        NetworkError: of the last try; everything else at once.
    """
    for number in count():
        try:
            return call()
        except NetworkError as error:
            if number >= num_retries:
                raise
            on_wait()
            asked = error.retry_after_seconds
            sleep(min(_MAX_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**number if asked is None else asked))
    raise AssertionError  # count() does not end


class HttpClient:
    """Requests to public addresses, one at a time.

    Args:
        allowed_hosts: names (or addresses, as they stand in a URL) that may be private; None allows every host, for
            addresses that are the operator's own.
        timeout_seconds: for connecting, and for each wait for the other side; `send` takes twice this at most.
        has_proxies: go through the environment's proxies, which resolve the name themselves: only for addresses of the
            operator's own.
    """

    def __init__(
        self,
        *,
        allowed_hosts: Collection[str] | None = (),
        timeout_seconds: float = 30.0,
        has_proxies: bool = False,
    ) -> None:
        import httpcore

        self._httpcore = httpcore
        self._timeout_seconds = timeout_seconds
        self._has_proxies = has_proxies
        self._limit = Limit()
        hosts = None if allowed_hosts is None else {host.lower().strip("[]") for host in allowed_hosts}
        self._options: dict[str, Any] = {
            "ssl_context": _ssl_context(),
            "network_backend": guarded_backend(hosts, self._limit),
            "max_keepalive_connections": 0,  # an address is looked at for each request
        }
        self._pools: dict[str | None, Any] = {}

    def close(self) -> None:
        """Closes what is open."""
        for pool in self._pools.values():
            pool.close()

    def send(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Sends a body and gives the answer's status, which is below 300.

        Raises:
            BadInputError: the address cannot be used, or the answer says that the request is wrong.
            NetworkError: the other side is not reached, does not answer, or says that it cannot now.
        """
        max_seconds = _NUM_TIMEOUTS_PER_SEND * self._timeout_seconds
        with self.request(method, url, headers, body, max_seconds=max_seconds) as answer:
            _require_success(url, answer.status)
            # Its body is not read: whatever is wrong with that, the other side has what it was sent.
            return answer.status

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, max_bytes: int) -> Response:
        """The whole answer, of any status, its body in one chunk; the body has `timeout_seconds` once it begins.

        Raises:
            BadInputError: the address cannot be used. NetworkError: no whole answer came, or a larger one.
        """
        received = bytearray()
        max_seconds = _NUM_TIMEOUTS_PER_SEND * self._timeout_seconds
        with self.request(method, url, headers, body, max_seconds=max_seconds) as answer:
            self._limit.begin(self._timeout_seconds)
            for chunk in answer.chunks:
                received += chunk
                if len(received) > max_bytes:
                    raise NetworkError(f"{shown(url)}: the answer is larger than {max_bytes:,} bytes")
        return Response(answer.status, answer.headers, iter([bytes(received)]))

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
        num_bytes = 0
        with ExitStack() as open_now:
            answer = open_now.enter_context(self.request("GET", url, max_seconds=max_seconds, go_on=go_on))
            _require_success(url, answer.status)
            file = open_now.enter_context(target.open("wb"))
            expected = answer.num_bytes
            head: bytes | None = b""
            asked_at = 0
            require_room(min(expected or 0, max_bytes))
            for chunk in answer.chunks:
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
    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        max_seconds: float = float("inf"),
        max_redirects: int = 0,
        go_on: Callable[[], object] = _nothing,
    ) -> Iterator[Response]:
        """The answer to a request, whatever its status; closed at the end of the block.

        Args:
            max_seconds: for all of it.
            max_redirects: how many are followed, without a body; the last answer is given where there are more.
            go_on: called before each wait for the other side; what it raises ends the request.

        Raises:
            BadInputError: the address, or one it leads to, cannot be used.
            NetworkError: the other side is not reached, does not answer, or took too long; also inside the block.
        """
        sent = {"User-Agent": "thumb-assets", "Accept-Encoding": "identity", **(headers or {})}
        if body:
            sent["Content-Length"] = str(len(body))
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_seconds)
        self._limit.begin(max_seconds, go_on)
        for num_left in range(max_redirects, -1, -1):
            require_address(url)
            lines = [("Host", urlsplit(url).netloc), *sent.items()]
            with (
                self._own_errors(url, max_seconds),
                self._pool_for(url).stream(
                    method, url, headers=lines, content=body or None, extensions={"timeout": timeouts}
                ) as response,
            ):
                known = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                if num_left and response.status in _REDIRECTS and "location" in known:
                    # Its bytes may be any; those that an address cannot hold are escaped, as browsers do.
                    url = urljoin(url, quote(known["location"], safe=punctuation, encoding="latin-1"))
                    continue
                yield Response(response.status, known, response.iter_stream())
            return

    def _pool_for(self, url: str) -> Any:
        proxy = _proxy_of(url) if self._has_proxies else None
        if proxy not in self._pools:
            if proxy is None:
                self._pools[proxy] = self._httpcore.ConnectionPool(**self._options)
            else:
                self._pools[proxy] = self._httpcore.HTTPProxy(proxy, proxy_auth=_login_of(proxy), **self._options)
        return self._pools[proxy]

    @contextmanager
    def _own_errors(self, url: str, max_seconds: float) -> Iterator[None]:
        core = self._httpcore
        try:
            yield
        except ThumbAssetsError:
            raise
        except core.LocalProtocolError as error:
            # Its text quotes the header that is wrong, which may be the one with the token.
            raise BadInputError(f"{shown(url)}: {type(error).__name__}: a header cannot be sent as it is") from None
        except (
            *(core.NetworkError, core.ProtocolError, core.TimeoutException, core.ProxyError, core.UnsupportedProtocol),
            ssl.SSLError,
        ) as error:
            if self._limit.is_over:
                raise NetworkError(f"{shown(url)}: was not complete after {max_seconds:g} s") from error
            reason = str(error) or type(error).__name__
            raise NetworkError(f"{shown(url)}: {reason}; check the address and the network") from error


def _proxy_of(url: str) -> str | None:
    """The proxy that the environment names for an address, as Python's own client reads it."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _login_of(proxy: str) -> tuple[str, str] | None:
    parts = urlsplit(proxy)
    return None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for all clients: reading the certificates takes longer than a request."""
    return ssl.create_default_context()


def _require_success(url: str, status: int) -> None:
    if 200 <= status < 300:
        return
    if may_pass(status):
        raise NetworkError(f"{shown(url)}: answered {status}; it may answer otherwise later")
    hint = "; give the address it leads to, redirects are not followed" if 300 <= status < 400 else ""
    raise BadInputError(f"{shown(url)}: answered {status}{hint}")
