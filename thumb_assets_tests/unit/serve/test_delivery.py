"""Deliveries and their times, also while the outbox cannot be written."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from thumb_assets.errors import StorageError
from thumb_assets.serve.delivery import Delivery
from thumb_assets.settings.operation import ServeSettings
from thumb_assets.store.outbox import Message, Outbox
from thumb_assets_tests.support.receiver import Receiver, receiver

SECRET = "correct horse battery staple"


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


class TroubledOutbox(Outbox):
    """An outbox on a full disk, or one that reads what another sender changes meanwhile.

    Attributes:
        full: methods that cannot write.
        stale: returned as the pending messages, where any are here.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.full: set[str] = set()
        self.stale: list[Message] = []

    def claim(self, *args: Any, **options: Any) -> Any:
        self._write("claim")
        return super().claim(*args, **options)

    def tried(self, *args: Any, **options: Any) -> Any:
        self._write("tried")
        return super().tried(*args, **options)

    def messages(self, *args: Any, **options: Any) -> list[Message]:
        return self.stale or super().messages(*args, **options)

    def _write(self, name: str) -> None:
        if name in self.full:
            raise StorageError("the disk is full")


@pytest.fixture
def outbox(tmp_path: Path, told: Receiver) -> TroubledOutbox:
    made = TroubledOutbox(tmp_path / "outbox.sqlite")
    for event_id in ("evt_1", "evt_2"):
        made.add_request(event_id, b"{}", now=0)
        made.ended(event_id, "done", reason=None, message=(f"{told.url}/?token=hunter2", b"{}"), now=0)
    return made


@pytest.fixture
def delivery(outbox: Outbox) -> Delivery:
    return Delivery(outbox, ServeSettings(retry_seconds=(60.0, 600.0)), SECRET)


def ids_of(told: Receiver) -> list[str]:
    return [request.headers["idempotency-key"] for request in told.received]


def test_the_operators_own_address_may_be_private(delivery: Delivery, outbox: Outbox, told: Receiver) -> None:
    delivery.run_once(clock=time.time)
    assert sorted(ids_of(told)) == ["evt_1", "evt_2"]
    assert outbox.counts()["messages"] == {"delivered": 2}


def test_nothing_is_sent_while_nothing_can_be_noted(delivery: Delivery, outbox: TroubledOutbox, told: Receiver) -> None:
    outbox.full = {"claim"}
    for _ in range(3):
        with pytest.raises(StorageError):
            delivery.run_once(clock=time.time)
    assert told.received == []


@pytest.mark.parametrize("status", [200, 503])
def test_what_was_sent_and_could_not_be_noted_is_sent_again_after_the_wait(
    status: int, delivery: Delivery, outbox: TroubledOutbox, told: Receiver
) -> None:
    told.statuses = [status]
    now = time.time()
    outbox.full = {"tried"}
    for _ in range(5):
        delivery.run_once(clock=lambda: now)
    assert sorted(ids_of(told)) == ["evt_1", "evt_2"]  # the one does not keep the other
    delivery.run_once(clock=lambda: now + 61)
    delivery.run_once(clock=lambda: now + 62)
    assert len(told.received) == 4
    for number in range(1, 4):
        delivery.run_once(clock=lambda at=now + number * 700: at)  # type: ignore[misc]
    outbox.full = set()
    assert len(told.received) <= 10
    told.statuses = [200]
    delivery.run_once(clock=lambda: now + 10_000)
    assert outbox.counts()["messages"] == {"delivered": 2}


def test_a_message_that_another_one_sends_is_left_to_it(
    delivery: Delivery, outbox: TroubledOutbox, told: Receiver
) -> None:
    stale = outbox.messages("pending")
    delivery.run_once(clock=time.time)
    outbox.stale = stale
    delivery.run_once(clock=time.time)
    assert len(told.received) == 2


def test_after_the_last_wait_it_is_given_up(delivery: Delivery, outbox: Outbox, told: Receiver) -> None:
    told.statuses = [503]
    now = time.time()
    for seconds in (0, 59, 61, 600, 662):
        delivery.run_once(clock=lambda at=now + seconds: at)  # type: ignore[misc]
    assert sorted(ids_of(told)) == ["evt_1"] * 3 + ["evt_2"] * 3
    (message, _) = outbox.messages("given_up")
    assert message.reason is not None
    assert "answered 503" in message.reason
    assert "hunter2" not in message.reason


def test_it_stops_between_messages(delivery: Delivery, told: Receiver) -> None:
    delivery.stop()
    delivery.run_once(clock=time.time)
    assert told.received == []
