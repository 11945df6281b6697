"""Connections that say nothing or never end a header: they go, and others are answered meanwhile."""

import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from thumb_assets.serve.app import build_app
from thumb_assets.serve.connections import max_connections
from thumb_assets.settings.operation import ServeSettings
from thumb_assets.store.outbox import Outbox
from thumb_assets_tests.support.web import ask, serving

SETTINGS = ServeSettings(
    max_head_seconds=1.5,
    keep_alive_seconds=1.0,
    max_connections_per_address=20,
    max_connections=30,
    max_head_bytes=4096,
)
HEALTH = b"GET /health HTTP/1.1\r\nHost: here\r\n"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    outbox = Outbox(tmp_path_factory.mktemp("serve") / "outbox.sqlite")
    app = build_app(outbox, SETTINGS, "correct horse battery staple", problems=list)
    with serving(app, SETTINGS) as running:
        yield running


def connect(address: str, *, source: str = "127.0.0.1") -> socket.socket:
    parts = urlsplit(address)
    connection = socket.create_connection((str(parts.hostname), int(parts.port or 0)), 10, source_address=(source, 0))
    connection.settimeout(30)
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Waits for the other side to close."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def test_idle_connections_of_one_address_keep_nobody_out(address: str) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(address, source="127.0.0.2")) for _ in range(150)]
        assert ask(f"{address}/health") == (200, {"is_working": True})
        assert all(is_closed(connection) for connection in idle)
    assert ask(f"{address}/health")[0] == 200


@pytest.mark.parametrize("sent", [b"", b"GET /health HT", HEALTH, HEALTH + b"X: "])
def test_a_head_that_does_not_end_is_given_up(address: str, sent: bytes) -> None:
    with connect(address) as connection:
        connection.sendall(sent)
        assert is_closed(connection)


def send_until_refused(connection: socket.socket, data: bytes, *, most: int, pause: float = 0.0) -> int:
    """Sends until it is refused; the number of bytes taken."""
    num_sent = 0
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while num_sent < most:
            num_sent += connection.send(data)
            time.sleep(pause)
    return num_sent


def test_a_head_that_comes_a_byte_at_a_time_is_given_up(address: str) -> None:
    with connect(address) as connection:
        connection.sendall(HEALTH)
        assert send_until_refused(connection, b"x", most=600, pause=0.05) < 600


def test_an_endless_head_is_refused_after_its_limit(address: str) -> None:
    with connect(address) as connection:
        connection.sendall(HEALTH + b"X: ")
        assert send_until_refused(connection, b"x" * 10_000, most=50_000_000) < 50_000_000


def test_a_connection_is_kept_for_the_next_request_and_no_longer(address: str) -> None:
    with connect(address) as connection:
        for _ in range(2):
            connection.sendall(HEALTH + b"\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        assert is_closed(connection)


def test_there_are_no_more_connections_than_the_system_has_descriptors_for() -> None:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    asked = ServeSettings(max_connections=10_000_000)
    assert max_connections(ServeSettings()) == min(500, most - 128)
    assert max_connections(asked) < max(most, 10_000_000)
