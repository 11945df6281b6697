"""Requests that the desk's door lets in and those that it refuses, asked over HTTP."""

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from thumb_assets.desk.door import Door, hosts_of
from thumb_assets_tests.support.web import serving

TOKEN = "correct-horse-battery"
JSON = {"Content-Type": "application/json"}


async def _answer(request: Request) -> JSONResponse:
    return JSONResponse({"method": request.method, "body": (await request.body()).decode()})


def door(*, address: str = "127.0.0.1", token: str | None = None) -> Door:
    app = Starlette(routes=[Route("/{rest:path}", _answer, methods=["GET", "POST", "DELETE"])])
    return Door(app, hosts=hosts_of(address), token=token, uploads=["/upload"])


@pytest.fixture(scope="module")
def local() -> Iterator[str]:
    with serving(door()) as address:
        yield address.removeprefix("http://")


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    with serving(door(address="0.0.0.0", token=TOKEN)) as address:
        yield address.removeprefix("http://")


def ask(
    host: str,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
) -> tuple[int, Any, Mapping[str, str]]:
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request(method, path, body, dict(headers or {}))
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if content else None, dict(answer.getheaders())


def test_a_foreign_name_for_this_machine_is_refused(local: str) -> None:
    assert ask(local)[0] == 200
    for name in ("localhost:1", "LOCALHOST", "[::1]:8330"):
        assert ask(local, headers={"Host": name})[0] == 200
    for name in ("evil.example", "evil.example:8330", "127.0.0.1.evil.example", "localhost.", "", "["):
        status, answer, _ = ask(local, headers={"Host": name})
        assert status in {400, 421}, name
        assert status == 400 or "not the desk's own" in answer["error"]


def test_a_change_comes_from_the_desks_own_page_alone(local: str) -> None:
    own = {"Origin": f"http://{local}", **JSON}
    assert ask(local, method="POST", headers=own, body="{}")[:2] == (200, {"method": "POST", "body": "{}"})
    for origin in ("http://evil.example", "null", "http://localhost:1", f"http://{local}.evil.example", ""):
        for method in ("POST", "DELETE"):
            assert ask(local, method=method, headers={**own, "Origin": origin}, body="{}")[0] == 403, origin
    assert ask(local, method="POST", headers=JSON, body="{}")[0] == 403


def test_a_change_is_json_and_small(local: str) -> None:
    own = {"Origin": f"http://{local}"}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert ask(local, method="POST", headers={**own, "Content-Type": kind}, body="{}")[0] == 415
    assert ask(local, method="POST", headers={**own, **JSON}, body="x" * 70_000)[0] == 413
    chunked = {**own, **JSON, "Transfer-Encoding": "chunked"}
    assert ask(local, method="POST", headers=chunked, body="2\r\n{}\r\n0\r\n\r\n")[0] == 413


def test_an_upload_may_be_large_and_says_what_and_how_long_it_is(local: str) -> None:
    own = {"Origin": f"http://{local}", "Content-Type": "application/octet-stream"}

    def upload(headers: Mapping[str, str], body: str, path: str = "/upload") -> int:
        return ask(local, path, method="POST", headers=headers, body=body)[0]

    assert upload(own, "x" * 70_000) == 200
    assert upload(own, "x", path="/upload/more") == 415
    assert upload({**own, "Origin": "http://evil.example"}, "x") == 403
    for kind in ("application/json", "text/plain", "multipart/form-data"):
        assert upload({**own, "Content-Type": kind}, "x") == 415
    assert upload({**own, "Transfer-Encoding": "chunked"}, "1\r\nx\r\n0\r\n\r\n") == 411


def test_every_answer_keeps_the_browser_from_running_what_is_foreign(local: str) -> None:
    for path, headers in (("/", {}), ("/", {"Host": "evil.example"})):
        given = {name.lower(): value for name, value in ask(local, path, headers=headers)[2].items()}
        policy = given["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert given["x-content-type-options"] == "nosniff"


def test_beyond_this_machine_a_token_is_asked(guarded: str) -> None:
    assert ask(guarded)[0] == 401
    assert ask(guarded, "/?token=wrong")[0] == 401
    assert ask(guarded, headers={"Cookie": "thumb_assets_desk=wrong"})[0] == 401
    assert ask(guarded, headers={"Cookie": 'thumb_assets_desk="'})[0] == 401
    assert ask(guarded, headers={"Authorization": f"Bearer {TOKEN}", "Host": "any.example"})[0] == 200


def test_the_token_leaves_the_address_for_a_cookie(guarded: str) -> None:
    status, _, headers = ask(guarded, f"//evil.example/video/a-1?token={TOKEN}")
    assert status == 303
    assert headers["location"] == "/evil.example/video/a-1"
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert ask(guarded, headers={"Cookie": cookie.partition(";")[0]})[0] == 200


def test_a_token_does_not_replace_the_origin_of_a_change(guarded: str) -> None:
    known = {"Cookie": f"thumb_assets_desk={TOKEN}", **JSON}
    assert ask(guarded, method="POST", headers={**known, "Origin": "http://evil.example"}, body="{}")[0] == 403
    assert ask(guarded, method="POST", headers={**known, "Origin": f"http://{guarded}"}, body="{}")[0] == 200
