"""Requests and messages that outlive a crash."""

from pathlib import Path

import pytest

from thumb_assets.errors import BadInputError
from thumb_assets.store.outbox import Outbox


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox.sqlite")


def test_a_request_is_taken_once(outbox: Outbox) -> None:
    first, is_new = outbox.add_request("evt", b"body", now=1)
    again, is_new_again = outbox.add_request("evt", b"body", now=2)
    assert (is_new, is_new_again) == (True, False)
    assert first == again
    assert first.state == "received"
    with pytest.raises(BadInputError, match="another body"):
        outbox.add_request("evt", b"other", now=3)
    assert len(outbox.requests("received")) == 1


def test_a_request_through_its_states(outbox: Outbox) -> None:
    outbox.add_request("evt", b"body", now=1)
    outbox.postponed("evt", reason="no network", next_at=50)
    assert outbox.requests("received", due_at=49) == []
    (due,) = outbox.requests("received", due_at=50)
    assert (due.num_tries, due.reason) == (1, "no network")
    outbox.launched("evt", video_id="a-00000000", backfill_id="b", now=60)
    (launched,) = outbox.requests("launched")
    assert (launched.video_id, launched.backfill_id, launched.reason) == ("a-00000000", "b", None)
    for _ in range(2):  # a crash between the two notes cannot be: they are one
        outbox.ended("evt", "done", reason=None, message=("http://x", b"told"), now=70)
    outbox.ended("evt", "failed", reason="late", message=("http://x", b"other"), now=71)  # it has ended
    outbox.launched("evt", video_id="a-00000000", backfill_id="c", now=72)
    outbox.postponed("evt", reason="late", next_at=73)
    outbox.look_later({"evt": 74})
    assert outbox.counts() == {"requests": {"done": 1}, "messages": {"pending": 1}}
    (message,) = outbox.messages("pending", due_at=70)
    assert (message.message_id, message.url, message.body) == ("evt", "http://x", b"told")


def test_a_message_is_tried_until_it_is_given_up_and_again_when_asked(outbox: Outbox) -> None:
    outbox.add_request("evt", b"body", now=1)
    outbox.ended("evt", "failed", reason="broken", message=("http://x", b"told"), now=1)
    (message,) = outbox.messages("pending")
    assert outbox.claim(message, next_at=5)
    assert not outbox.claim(message, next_at=5)  # only one who read it sends it
    assert outbox.messages("pending", due_at=4) == []
    outbox.tried("evt", "pending", reason="503", next_at=10)
    assert outbox.messages("pending", due_at=9) == []
    assert outbox.messages("pending", due_at=10)[0].num_tries == 1
    outbox.tried("evt", "given_up", reason="503", next_at=10)
    assert outbox.messages("pending") == []
    assert outbox.send_again(["evt", "other"], now=20) == 1
    (message,) = outbox.messages("pending", due_at=20)
    assert message.num_tries == 0
    outbox.tried("evt", "delivered", reason=None, next_at=20)
    assert outbox.send_again(["evt"], now=30) == 0
    assert not outbox.claim(message, next_at=30)


def test_without_a_message_nobody_is_told(outbox: Outbox) -> None:
    outbox.add_request("evt", b"body", now=1)
    outbox.ended("evt", "done", reason=None, message=None, now=1)
    assert outbox.counts() == {"requests": {"done": 1}, "messages": {}}


def test_a_launched_request_is_not_launched_again_nor_postponed(outbox: Outbox) -> None:
    outbox.add_request("evt", b"body", now=1)
    outbox.launched("evt", video_id="a-00000000", backfill_id="b", now=60)
    outbox.launched("evt", video_id="a-00000000", backfill_id="other", now=61)
    outbox.postponed("evt", reason="late", next_at=100)
    (request,) = outbox.requests("launched", due_at=60)
    assert (request.backfill_id, request.num_tries, request.reason) == ("b", 0, None)


def test_launched_requests_are_looked_at_by_turns(outbox: Outbox) -> None:
    for event_id in ("a", "b"):
        outbox.add_request(event_id, b"body", now=1)
        outbox.launched(event_id, video_id="a-00000000", backfill_id="b", now=1)
    outbox.look_later({"a": 10})
    assert [request.event_id for request in outbox.requests("launched", limit=1)] == ["b"]


def test_requests_that_failed_or_wait_are_shown_with_their_reasons(outbox: Outbox) -> None:
    for event_id in ("good", "waits", "failed"):
        outbox.add_request(event_id, b"body", now=1)
    outbox.ended("good", "done", reason=None, message=None, now=2)
    outbox.postponed("waits", reason="no network", next_at=50)
    outbox.ended("failed", "failed", reason="no video", message=None, now=3)
    assert [(request.event_id, request.reason) for request in outbox.troubled()] == [
        ("waits", "no network"),
        ("failed", "no video"),
    ]


def test_what_is_long_done_and_told_is_forgotten(outbox: Outbox) -> None:
    for event_id in ("told", "untold", "silent", "failed", "new"):
        outbox.add_request(event_id, b"body", now=1)
    for event_id in ("told", "untold"):
        outbox.ended(event_id, "done", reason=None, message=("http://x", b"told"), now=2)
    outbox.tried("told", "delivered", reason=None, next_at=3)
    outbox.tried("untold", "given_up", reason="503", next_at=3)
    outbox.ended("silent", "done", reason=None, message=None, now=2)
    outbox.ended("failed", "failed", reason="no video", message=None, now=2)
    outbox.ended("new", "done", reason=None, message=None, now=100)
    assert outbox.forget(before=50) == 3
    assert outbox.counts() == {"requests": {"done": 2, "failed": 1}, "messages": {"given_up": 1}}
    assert outbox.forget(before=50) == 0
