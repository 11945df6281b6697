"""The HTTP client against a real server on loopback, which it may only reach where that is allowed."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from thumb_assets.addresses import is_public, shown
from thumb_assets.errors import BadInputError, NetworkError
from thumb_assets.http import HttpClient, with_retries
from thumb_assets_tests.support.receiver import Receiver, receiver


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with closing(HttpClient(allowed_hosts=["127.0.0.1"], timeout_seconds=5)) as allowed:
        yield allowed


def download(client: HttpClient, url: str, target: Path, *, max_bytes: int = 1000) -> int:
    return client.download(url, target, max_bytes=max_bytes, max_seconds=30, go_on=lambda: None)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.2.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::"),
        *("fec0::1", "feff::1", "64:ff9b:1::7f00:1", "::127.0.0.1", "::8.8.8.8", "::ffff:0:7f00:1", "::ffff:0:808:808"),
    ],
)
def test_private_addresses_in_every_dress(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0", "2130706433", "0x7f000001", "127.1"])
def test_a_private_host_is_refused_however_it_is_written(host: str, server: Receiver, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    with closing(HttpClient(timeout_seconds=5)) as client, pytest.raises((BadInputError, NetworkError)) as caught:
        download(client, f"http://{host}:{port}/clip.mp4", tmp_path / "clip.mp4")
    assert "private address" in str(caught.value) or "cannot be found" in str(caught.value)
    assert server.received == []


def test_a_name_that_leads_to_a_private_address_is_refused(
    server: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with closing(HttpClient()) as client, pytest.raises(BadInputError, match=r"example\.org: has the private address"):
        download(client, "http://example.org/clip.mp4", tmp_path / "clip.mp4")
    assert server.received == []


@pytest.mark.parametrize(
    "url",
    ["", "clip.mp4", "ftp://example.org/a", "file:///etc/passwd", "http://", "http://a:b@example.org/", "http://x:y/"],
)
def test_what_is_no_address_is_refused(url: str, client: HttpClient) -> None:
    with pytest.raises(BadInputError, match="is no address"):
        client.send("POST", url, b"", {})


def test_a_file_is_fetched(server: Receiver, client: HttpClient, tmp_path: Path) -> None:
    server.files["/clip.mp4"] = b"x" * 700
    assert download(client, f"{server.url}/clip.mp4", tmp_path / "clip.mp4") == 700
    assert (tmp_path / "clip.mp4").read_bytes() == b"x" * 700


def test_a_file_that_is_too_large_or_too_short_is_refused(server: Receiver, client: HttpClient, tmp_path: Path) -> None:
    server.files["/clip.mp4"] = b"x" * 1001
    with pytest.raises(BadInputError, match="larger than"):
        download(client, f"{server.url}/clip.mp4", tmp_path / "a")
    server.files["/clip.mp4"] = b"x" * 10
    server.headers["Content-Length"] = "20"
    with pytest.raises(NetworkError):
        download(client, f"{server.url}/clip.mp4", tmp_path / "b")


def test_a_redirect_is_not_followed(server: Receiver, client: HttpClient, tmp_path: Path) -> None:
    server.statuses, server.headers["Location"] = [302], "http://127.0.0.1:1/"
    with pytest.raises(BadInputError, match="redirects are not followed"):
        download(client, f"{server.url}/clip.mp4", tmp_path / "clip.mp4")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_an_answer_that_may_be_another_one_later(status: int, server: Receiver, client: HttpClient) -> None:
    server.statuses = [status]
    with pytest.raises(NetworkError, match=str(status)):
        client.send("POST", server.url, b"{}", {})


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
def test_an_answer_that_will_stay(status: int, server: Receiver, client: HttpClient) -> None:
    server.statuses = [status]
    with pytest.raises(BadInputError, match=str(status)):
        client.send("POST", server.url, b"{}", {})


def test_nobody_there(client: HttpClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        with pytest.raises(NetworkError):
            client.send("POST", f"http://127.0.0.1:{taken.getsockname()[1]}/", b"{}", {})


def test_a_body_is_sent_as_it_is(server: Receiver, client: HttpClient) -> None:
    status = client.send("PUT", f"{server.url}/x?y=1", b"body", {"Content-Type": "text/plain"})
    (request,) = server.received
    assert status == 200
    assert (request.method, request.path, request.body) == ("PUT", "/x?y=1", b"body")
    assert request.headers["content-type"] == "text/plain"


def test_a_success_is_one_whatever_is_wrong_with_its_body(server: Receiver, client: HttpClient) -> None:
    server.headers["Content-Length"] = "20"  # of which two bytes come
    assert client.send("POST", server.url, b"{}", {}) == 200


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a.mp4?X-Amz-Signature=hunter2", "https://example.org/a.mp4"),
        ("https://user:hunter2@example.org:8443/a.mp4#hunter2", "https://example.org:8443/a.mp4"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("http://user:hunter2#x@example.org/", "(no address)"),
        ("user:hunter2@example.org/a", "(no address)"),
        ("clip.mp4", "clip.mp4"),
    ],
)
def test_an_address_is_told_without_its_secrets(url: str, expected: str) -> None:
    assert shown(url) == expected


@pytest.mark.parametrize("status", [302, 404, 503])
def test_no_error_shows_what_a_link_is_signed_with(
    status: int, server: Receiver, client: HttpClient, tmp_path: Path
) -> None:
    server.statuses = [status]
    with pytest.raises((BadInputError, NetworkError)) as caught:
        download(client, f"{server.url}/a.mp4?signature=hunter2", tmp_path / "a.mp4")
    assert f"{server.url}/a.mp4:" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_too_large_or_an_address_with_a_password_is_refused_without_its_secrets(
    server: Receiver, client: HttpClient, tmp_path: Path
) -> None:
    server.files["/a.mp4?signature=hunter2"] = b"x" * 1001
    for url in (f"{server.url}/a.mp4?signature=hunter2", "https://user:hunter2@example.org/a.mp4"):
        with pytest.raises(BadInputError) as caught:
            download(client, url, tmp_path / "a.mp4")
        assert "hunter2" not in str(caught.value)


def test_a_header_that_cannot_be_sent_is_not_shown(server: Receiver, client: HttpClient) -> None:
    with pytest.raises(BadInputError, match="LocalProtocolError") as caught:
        client.send("POST", server.url, b"{}", {"Authorization": "Bearer hunter2\n"})
    assert "hunter2" not in str(caught.value)
    assert server.received == []


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that begins an answer and never comes to an end, a line every 50 ms."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n")
                    for number in range(200):
                        connection.sendall(b"X-%d: y\r\n" % number)
                        time.sleep(0.05)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def test_headers_that_drip_for_ever_are_not_waited_for(dripping: str, client: HttpClient, tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(NetworkError, match=r"was not complete after 0\.3 s"):
        client.download(dripping, tmp_path / "a", max_bytes=1000, max_seconds=0.3, go_on=lambda: None)
    assert time.monotonic() - begin < 3


def test_an_answer_that_drips_for_ever_is_not_waited_for(dripping: str) -> None:
    impatient = HttpClient(allowed_hosts=["127.0.0.1"], timeout_seconds=0.2)
    with closing(impatient), pytest.raises(NetworkError, match=r"was not complete after 0\.4 s"):
        impatient.send("POST", dripping, b"{}", {})


def test_a_download_that_is_not_wanted_any_more_ends_between_headers(
    dripping: str, client: HttpClient, tmp_path: Path
) -> None:
    end = time.monotonic() + 0.2

    def go_on() -> None:
        if time.monotonic() > end:
            raise NetworkError("not wanted")

    with pytest.raises(NetworkError, match="not wanted"):
        client.download(dripping, tmp_path / "a", max_bytes=1000, max_seconds=30, go_on=go_on)


def test_a_few_of_many_addresses_are_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import httpcore

    tried: list[str] = []

    def connect_tcp(_: Any, host: str, *__: Any, **___: Any) -> Any:
        tried.append(host)
        raise httpcore.ConnectError("nobody")

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"93.184.216.{number}", 80)) for number in range(200)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_tcp)
    with closing(HttpClient()) as client, pytest.raises(NetworkError, match="nobody"):
        download(client, "http://example.org/a", tmp_path / "a")
    assert len(tried) == 4


def test_redirects_are_followed_where_that_is_asked_for(server: Receiver, client: HttpClient) -> None:
    server.statuses, server.headers["Location"] = [302, 307, 200], "/else where"
    with client.request("GET", f"{server.url}/a", max_redirects=2) as response:
        assert (response.status, b"".join(response.chunks)) == (200, b"{}")
    assert [request.path for request in server.received] == ["/a", "/else%20where", "/else%20where"]
    server.statuses = [302]
    with client.request("GET", f"{server.url}/a", max_redirects=2) as response:
        assert response.status == 302


@pytest.mark.parametrize("place", ["http://localhost:1/", "http://[::1]:1/", "file:///etc/passwd"])
def test_a_redirect_leads_to_nothing_that_may_not_be_asked(place: str, server: Receiver, client: HttpClient) -> None:
    server.statuses, server.headers["Location"] = [302], place
    with (
        pytest.raises(BadInputError, match=r"private address|is no address"),
        client.request("GET", server.url, max_redirects=5),
    ):
        raise AssertionError("asked")
    assert len(server.received) == 1


def test_a_proxy_of_the_environment_is_used_only_where_that_is_asked_for(
    server: Receiver, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url.replace("http://", "user:secret@"))
    with closing(HttpClient(allowed_hosts=None, timeout_seconds=5, has_proxies=True)) as proxied:
        with proxied.request("GET", "http://models.example/a.pth") as response:
            assert response.status == 200
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with proxied.request("GET", f"{server.url}/direct") as response:
            assert response.status == 200
    client.send("POST", f"{server.url}/sent", b"{}", {})
    assert [request.path for request in server.received] == ["http://models.example/a.pth", "/direct", "/sent"]
    logins = [request.headers.get("proxy-authorization") for request in server.received]
    assert logins == ["Basic dXNlcjpzZWNyZXQ=", None, None]


def test_an_answer_has_a_bound(server: Receiver, client: HttpClient) -> None:
    server.files["/a"] = b"x" * 100
    assert b"".join(client.ask("GET", f"{server.url}/a", {}, b"", max_bytes=100).chunks) == b"x" * 100
    with pytest.raises(NetworkError, match="larger than 99 bytes"):
        client.ask("GET", f"{server.url}/a", {}, b"", max_bytes=99)


def test_tries_have_waits_that_double_or_are_asked_for() -> None:
    errors = [NetworkError("away"), NetworkError("busy", retry_after_seconds=7), NetworkError("away")]
    waits: list[float] = []

    def call() -> str:
        if errors:
            raise errors.pop(0)
        return "there"

    assert with_retries(call, num_retries=3, sleep=waits.append) == "there"
    assert waits == [0.5, 7, 2]
    errors = [NetworkError("first"), NetworkError("last")]
    with pytest.raises(NetworkError, match="last"):
        with_retries(call, num_retries=1, sleep=waits.append)
