"""A relay on loopback between FFmpeg and one named host, for RTSP: FFmpeg itself would follow a server's redirects."""

import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

from thumb_assets.errors import NetworkError

_CHUNK_BYTES = 65_536
_POLL_SECONDS = 0.5
_RTSP_PORT = 554
_REDIRECT = re.compile(rb"RTSP/1\.\d 3\d\d")


@contextmanager
def relayed(url: str, *, timeout_seconds: float) -> Iterator[tuple[str, list[str]]]:
    """The address by which a named one is reached, and why the relay ended, if it refused something.

    Raises:
        NetworkError: the host cannot be reached.
    """
    parts = urlsplit(url)
    place = (str(parts.hostname), parts.port or _RTSP_PORT)
    try:
        far = socket.create_connection(place, timeout=timeout_seconds)
    except OSError as error:
        raise NetworkError(f"{place[0]}:{place[1]}: cannot be reached ({error})") from error
    listening = socket.create_server(("127.0.0.1", 0))
    refused: list[str] = []
    ended = threading.Event()
    thread = threading.Thread(target=_serve, args=(listening, far, refused, ended), name="relay", daemon=True)
    thread.start()
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    here = f"{login}127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield urlunsplit(("rtsp", here, parts.path, parts.query, "")), refused
    finally:
        ended.set()
        thread.join(timeout=5)
        for each in (listening, far):
            each.close()


def _serve(listening: socket.socket, far: socket.socket, refused: list[str], ended: threading.Event) -> None:
    """Passes bytes on both ways, for one connection, until a side closes or the far one sends elsewhere."""
    listening.settimeout(_POLL_SECONDS)
    near = None
    while near is None and not ended.is_set():
        with suppress(TimeoutError):
            near, _ = listening.accept()
    if near is None:
        return
    with near, suppress(OSError):
        while not ended.is_set():
            ready, _, _ = select.select([near, far], [], [], _POLL_SECONDS)
            for each in ready:
                content = each.recv(_CHUNK_BYTES)
                if not content:
                    return
                if each is far and _REDIRECT.match(content):
                    refused.append("leads to another address; name that one, redirects are not followed")
                    return
                (near if each is far else far).sendall(content)
