"""Sends the messages of an outbox, each until its receiver has it."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

from thumb_assets.addresses import shown
from thumb_assets.errors import ThumbAssetsError, as_thumb_assets_error
from thumb_assets.http import HttpClient
from thumb_assets.publish.signature import sign
from thumb_assets.settings.operation import ServeSettings
from thumb_assets.store.outbox import Message, MessageState, Outbox

SIGNATURE_HEADER = "Thumb-Assets-Signature"
_LOGGER = logging.getLogger(__name__)


class Delivery:
    """Sends what is due.

    Args:
        secret: signs each message, for the receiver to know it by.
    """

    def __init__(self, outbox: Outbox, settings: ServeSettings, secret: str) -> None:
        self._outbox = outbox
        self._settings = settings
        self._secret = secret
        self._is_stopped = False

    def run_once(self, *, clock: Callable[[], float]) -> None:
        """Tries each message that is due once.

        Every failure is tried again, a refusal too: it may be a mistake at the other side that is put right.

        Args:
            clock: gives the seconds since the epoch.

        Raises:
            StorageError: it cannot be noted that a message is sent; so it is not, nor any other.
        """
        due = self._outbox.messages("pending", due_at=clock())
        if not due:
            return
        # Those of one video follow each other; the outbox gives none while an earlier one of its video waits.
        by_video: dict[str, list[Message]] = {}
        for message in due:
            by_video.setdefault(message.video_id or message.message_id, []).append(message)
        num_threads = min(self._settings.num_deliveries, len(by_video))
        with ThreadPoolExecutor(num_threads, thread_name_prefix="deliver") as pool:
            sent = [pool.submit(self._send_in_turn, messages, clock) for messages in by_video.values()]
        for each in sent:
            each.result()

    def _send_in_turn(self, messages: Sequence[Message], clock: Callable[[], float]) -> None:
        """Sends messages until one is not delivered: what comes after it waits for it."""
        # The addresses are the operator's own (serve.notify_url), so they may be private ones.
        hosts = {urlsplit(message.url).hostname or "" for message in messages}
        with closing(HttpClient(allowed_hosts=hosts, timeout_seconds=self._settings.timeout_seconds)) as client:
            for message in messages:
                if self._is_stopped:
                    return
                if not self._outbox.claim(message, next_at=clock() + self._wait_seconds(message)):
                    return
                if not self._send(client, message, clock):
                    return

    def stop(self) -> None:
        """Leaves what is not being sent now to the next start."""
        self._is_stopped = True

    def _send(self, client: HttpClient, message: Message, clock: Callable[[], float]) -> bool:
        """Sends a message; True if the receiver has it."""
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message.message_id,
            SIGNATURE_HEADER: sign(message.body, self._secret, now=clock()),
        }
        failure: ThumbAssetsError | None = None
        try:
            client.send("POST", message.url, message.body, headers)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are sent and this one again
            failure = as_thumb_assets_error(error, shown(message.url))
        try:
            self._note(message, failure, clock())
        except ThumbAssetsError as error:
            _LOGGER.error("%s: sent, but not noted: %s", message.message_id, error)  # noqa: TRY400 - one line
            return False
        return failure is None

    def _note(self, message: Message, failure: ThumbAssetsError | None, now: float) -> None:
        if failure is None:
            self._outbox.tried(message.message_id, "delivered", reason=None, next_at=now)
            _LOGGER.info("%s: told %s", message.message_id, shown(message.url))
            return
        is_last = message.num_tries >= len(self._settings.retry_seconds)
        wait_seconds = 0.0 if is_last else self._wait_seconds(message)
        what = "given up" if is_last else f"tried again in {wait_seconds:g} s"
        _LOGGER.warning("%s: %s: %s", message.message_id, what, failure)
        state: MessageState = "given_up" if is_last else "pending"
        self._outbox.tried(message.message_id, state, reason=str(failure), next_at=now + wait_seconds)

    def _wait_seconds(self, message: Message) -> float:
        """Until the try after this one; the last wait also where this one is the last, and its end is not noted."""
        waits = self._settings.retry_seconds or (self._settings.timeout_seconds,)
        return waits[min(message.num_tries, len(waits) - 1)]
