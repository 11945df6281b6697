"""The desk's door: which requests come in, and the headers that keep a browser from running anything foreign.

A server on the own machine is reached by every page that the same browser has open. Three things keep those out: the
name in `Host` must be ours (else a foreign name that was pointed at this machine would count as ours), what changes
something must come from our own page (`Origin`), and beyond this machine a token is asked for.
"""

import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_EVERY_ADDRESS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - a name to compare with
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_COOKIE = "thumb_assets_desk"
_MAX_BODY_BYTES = 65_536
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def hosts_of(address: str) -> frozenset[str] | None:
    """The names that requests may be addressed to; None for any, where the server listens on every address.

    >>> sorted(hosts_of("127.0.0.1"))
    ['127.0.0.1', '::1', 'localhost']
    >>> hosts_of("0.0.0.0") is None
    True
    """
    return None if address in _EVERY_ADDRESS else LOOPBACK | {address.lower()}


class Door:
    """Lets in what comes from the desk's own pages, and adds the headers that they need.

    Args:
        app: the application behind it.
        hosts: as `hosts_of`.
        token: asked of every request; None where only this machine can reach the server.
        uploads: paths that take a file as their body, of any size; they look at it themselves.
    """

    def __init__(
        self, app: App, *, hosts: Iterable[str] | None, token: str | None, uploads: Iterable[str] = ()
    ) -> None:
        self._app = app
        self._hosts = None if hosts is None else frozenset(hosts)
        self._token = token
        self._uploads = frozenset(uploads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, as ASGI asks."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that does not come in; None for one that does."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts is not None and _name_of(host) not in self._hosts:
            return _refused(421, "this address is not the desk's own; open the one that the command printed")
        if self._token is not None:
            given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token")
            if given and scope["method"] == "GET" and self._is_token(given[0]):
                return _with_cookie(scope["path"], given[0])
            if not self._is_token(_token_of(headers)):
                return _refused(401, "open the desk by the address with ?token=... that its owner was given")
        if scope["method"] not in _SAFE_METHODS:
            return _refused_write(headers, host, is_upload=scope["path"] in self._uploads)
        return None

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), str(self._token).encode())


def _refused_write(headers: Headers, host: str, *, is_upload: bool) -> Response | None:
    if urlsplit(headers.get("origin", "")).netloc != host:
        return _refused(403, "a change must come from the desk's own page")
    kind = headers.get("content-type", "").partition(";")[0].strip()
    length = headers.get("content-length", "")
    is_length = length.isascii() and length.isdigit()
    if is_upload:
        if kind != "application/octet-stream":  # which no form of a foreign page can send
            return _refused(415, "an upload must be application/octet-stream")
        return None if is_length else _refused(411, "an upload must say how long it is")
    if kind != "application/json":
        return _refused(415, "a change must be JSON")
    if not is_length or int(length) > _MAX_BODY_BYTES:
        return _refused(413, f"a change has at most {_MAX_BODY_BYTES} bytes")
    return None


def _refused(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status)


def _with_cookie(path: str, token: str) -> Response:
    """Moves the token from the address, where it would stay in the history, into a cookie."""
    answer = RedirectResponse(f"/{path.lstrip('/')}", 303)
    answer.set_cookie(_COOKIE, token, httponly=True, samesite="lax")
    return answer


def _token_of(headers: Headers) -> str:
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
    except CookieError:
        return ""
    return "" if cookie is None else cookie.value


def _name_of(host: str) -> str:
    """The name in a `Host` header, without the port; empty where it is none.

    >>> _name_of("LOCALHOST:8330"), _name_of("[::1]:8330"), _name_of("[")
    ('localhost', '::1', '')
    """
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
