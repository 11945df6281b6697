"""The web service over real HTTP: who is let in, what is taken, what is answered."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from thumb_assets.publish.signature import sign
from thumb_assets.serve.app import build_app
from thumb_assets.serve.delivery import SIGNATURE_HEADER
from thumb_assets.settings.operation import ServeSettings
from thumb_assets.store.outbox import Outbox
from thumb_assets_tests.support.web import ask, serving

SECRET = "correct horse battery staple"
EVENT = {"id": "evt_1", "type": "asset.ready", "data": {"path": "a.mp4"}, "more": "is not read"}


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox.sqlite")


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def address(outbox: Outbox, problems: list[str]) -> Iterator[str]:
    settings = ServeSettings(max_body_bytes=1000, max_requests_per_minute=20)
    with serving(build_app(outbox, settings, SECRET, problems=lambda: problems)) as running:
        yield running


def post(address: str, event: Any, *, secret: str = SECRET, at: float | None = None, header: str = SIGNATURE_HEADER):
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    signature = sign(body, secret, now=at or time.time())
    return ask(f"{address}/webhooks/asset-ready", body, {header: signature, "Content-Type": "application/json"})


def signed(secret: str = SECRET) -> dict[str, str]:
    return {SIGNATURE_HEADER: sign(b"", secret, now=time.time())}


@pytest.mark.parametrize("header", [SIGNATURE_HEADER, "Mux-Signature"])
def test_an_event_is_taken_once(header: str, address: str, outbox: Outbox) -> None:
    status, answer = post(address, EVENT, header=header)
    assert (status, answer["id"], answer["state"]) == (202, "evt_1", "received")
    assert post(address, EVENT)[0] == 200
    assert len(outbox.requests("received")) == 1
    assert post(address, EVENT | {"more": "another body"})[0] == 409


def test_who_does_not_know_the_secret_is_not_let_in(address: str, outbox: Outbox) -> None:
    assert post(address, EVENT, secret="a wrong guess of it")[0] == 401
    assert post(address, EVENT, at=time.time() - 3600)[0] == 401
    assert ask(f"{address}/webhooks/asset-ready", json.dumps(EVENT).encode())[0] == 401
    assert outbox.counts()["requests"] == {}


@pytest.mark.parametrize(
    ("event", "where"),
    [
        (b"no JSON", "Invalid JSON"),
        ({"id": "e", "data": {}}, "either url or path"),
        ({"id": "e", "data": {"url": "http://a/b", "path": "c"}}, "either url or path"),
        *(
            ({"id": "e", "data": {"url": url}}, "is no address")
            for url in ("http://[x", "ftp://a/b", "http://a b", "a")
        ),
        ({"id": "", "data": {"path": "a"}}, "id"),
        ({"data": {"path": "a"}}, "id"),
        *(({"id": event_id, "data": {"path": "a"}}, "id") for event_id in ("\u00e9vt 1", "a\nb", "a ", "a\n", "a\0")),
        ({"id": "e", "type": "asset.gone", "data": {"path": "a"}}, "type"),
    ],
)
def test_what_is_no_event_is_refused_with_the_place(event: Any, where: str, address: str, outbox: Outbox) -> None:
    status, answer = post(address, event)
    assert status == 422
    assert where in answer["detail"]
    assert outbox.counts()["requests"] == {}


def test_a_large_body_is_refused_before_it_is_read(address: str) -> None:
    assert post(address, EVENT | {"more": "x" * 2000})[0] == 413


def test_too_many_requests_are_refused(address: str) -> None:
    statuses = [post(address, EVENT, secret="a wrong guess of it")[0] for _ in range(22)]
    assert statuses == [401] * 20 + [429] * 2


def test_health_says_details_to_signed_requests_only(address: str, problems: list[str], outbox: Outbox) -> None:
    outbox.add_request("evt", b"{}", now=0)
    details = {"problems": [], "requests": {"received": 1}, "messages": {}}
    assert ask(f"{address}/health") == (200, {"is_working": True})
    assert ask(f"{address}/health", headers=signed()) == (200, {"is_working": True, **details})
    assert ask(f"{address}/health", headers=signed("a wrong guess of it")) == (200, {"is_working": True})
    problems.append("/srv/secret/place is full")
    assert ask(f"{address}/health") == (503, {"is_working": False})
    assert ask(f"{address}/health", headers=signed())[1]["problems"] == problems


def test_health_answers_where_dagster_cannot_be_asked(outbox: Outbox) -> None:
    def ask_dagster() -> list[str]:
        raise OperationalError("SELECT 1", None, OSError("no connection to hunter2"))

    with serving(build_app(outbox, ServeSettings(), SECRET, problems=ask_dagster)) as address:
        status, answer = ask(f"{address}/health", headers=signed())
    assert status == 503
    assert "OperationalError" in answer["problems"][0]
    assert "hunter2" not in str(answer)


def test_the_service_describes_itself(address: str) -> None:
    status, described = ask(f"{address}/openapi.json")
    operation = described["paths"]["/webhooks/asset-ready"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert status == 200
    assert set(schema["properties"]) == {"id", "type", "data"}
    assert "url" in schema["properties"]["data"]["properties"]
    assert [each["required"] for each in schema["properties"]["data"]["oneOf"]] == [["url"], ["path"]]
    assert set(operation["responses"]) == {"200", "202", "400", "401", "408", "409", "413", "422", "429", "503"}
    assert set(described["paths"]["/health"]["get"]["responses"]) == {"200", "429", "503"}
    assert operation["parameters"][0]["name"] == SIGNATURE_HEADER
