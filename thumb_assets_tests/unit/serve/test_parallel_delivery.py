"""Messages go out side by side, and those of one video one after the other."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from thumb_assets.serve.delivery import Delivery
from thumb_assets.settings.operation import ServeSettings
from thumb_assets.store.outbox import Outbox
from thumb_assets_tests.support.receiver import receiver

SECRET = "correct horse battery staple"


def fill(outbox: Outbox, url: str, events: dict[str, str]) -> None:
    """Events with the video of each, made in that order."""
    for number, (event_id, video_id) in enumerate(events.items()):
        outbox.add_request(event_id, b"{}", now=number)
        outbox.launched(event_id, video_id=video_id, backfill_id="b", now=number)
        outbox.ended(event_id, "done", reason=None, message=(url, json.dumps(event_id).encode()), now=number)


@contextmanager
def meeting(num_guests: int) -> Iterator[tuple[str, list[int]]]:
    """A receiver that answers once as many requests are open at a time; its address, and how many were."""
    barrier, most = threading.Barrier(num_guests), [0]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            try:
                barrier.wait(30)
                most[0] = num_guests
                self.send_response(200)
            except threading.BrokenBarrierError:
                self.send_response(503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", most
    finally:
        server.shutdown()
        server.server_close()


def test_several_are_sent_at_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    with meeting(4) as (url, most):
        fill(outbox, url, {f"evt_{number}": f"video-{number}" for number in range(4)})
        Delivery(outbox, ServeSettings(num_deliveries=4), SECRET).run_once(clock=time.time)
    assert most == [4]
    assert outbox.counts()["messages"] == {"delivered": 4}


@pytest.mark.parametrize("first", [200, 503])
def test_those_of_one_video_keep_their_order(tmp_path: Path, first: int) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    now = time.time()
    with receiver() as told:
        told.statuses = [first, 200]
        fill(outbox, told.url, {"evt_b": "clip", "evt_a": "clip"})
        delivery = Delivery(outbox, ServeSettings(retry_seconds=(60.0, 60.0)), SECRET)
        for seconds in (0, 1, 61, 62):
            delivery.run_once(clock=lambda at=now + seconds: at)  # type: ignore[misc]
        sent = [json.loads(request.body) for request in told.received]
    assert sent == (["evt_b", "evt_a"] if first == 200 else ["evt_b", "evt_b", "evt_a"])
