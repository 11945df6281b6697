"""Requests to the CMS over HTTP, and its token."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from thumb_assets.errors import SettingsError
from thumb_assets.http import HttpClient
from thumb_assets.publish.http_target import publish_to_http
from thumb_assets.settings.environment import PUBLISH_TOKEN_VARIABLE, publish_token
from thumb_assets.settings.operation import PublishSettings
from thumb_assets_tests.support.receiver import Receiver, receiver


@pytest.fixture
def cms() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def test_stills_that_come_back_are_not_taken_for_a_request_sent_again(cms: Receiver) -> None:
    settings = PublishSettings(target="http", http_url=f"{cms.url}/films/{{key}}")
    with closing(HttpClient(allowed_hosts=["127.0.0.1"])) as client:
        for sha256 in ("aa", "bb", "aa"):
            stills = [{"rank": 1, "file_sha256": sha256}]
            publish_to_http(client, settings, key="a b", video_id="a-00000000", stills=stills, token="hunter2")
    assert [request.path for request in cms.received] == ["/films/a%20b"] * 3
    assert all("idempotency-key" not in request.headers for request in cms.received)
    assert cms.received[0].headers["authorization"] == "Bearer hunter2"


@pytest.mark.parametrize("value", ["hunter2\n", " hunter2 ", "hunter2"])
def test_a_token_from_a_file_may_end_with_a_line_break(value: str) -> None:
    assert publish_token({PUBLISH_TOKEN_VARIABLE: value}) == "hunter2"


@pytest.mark.parametrize("value", ["hun\nter2", "huntér2", "hunter2\x7f"])
def test_a_token_that_cannot_stand_in_a_header_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(SettingsError, match=PUBLISH_TOKEN_VARIABLE) as caught:
        publish_token({PUBLISH_TOKEN_VARIABLE: value})
    assert value not in str(caught.value)


def test_without_a_token() -> None:
    assert publish_token({}) is None
