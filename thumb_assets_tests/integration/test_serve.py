"""From a webhook to the stills and back: a real file over HTTP, the real engine, a receiver that is down at first."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from sqlalchemy.exc import OperationalError

from thumb_assets.errors import StorageError
from thumb_assets.library.arriving import file_name_for
from thumb_assets.pipeline.engine import run
from thumb_assets.publish.signature import verify_signature
from thumb_assets.serve import intake as intake_module
from thumb_assets.serve.delivery import SIGNATURE_HEADER, Delivery
from thumb_assets.serve.intake import Intake
from thumb_assets.settings.environment import PUBLISH_SQL_URL_VARIABLE
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.library import Library
from thumb_assets.store.outbox import Outbox, Request, RequestState
from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.encoding import encode
from thumb_assets_tests.support.receiver import Receiver, receiver
from thumb_assets_tests.support.running import WITHOUT_MODELS

SECRET = "correct horse battery staple"


class HereLauncher:
    """Works on a video at once, in this process."""

    def __init__(self, data_dir: Path, settings: Settings) -> None:
        self.launched: list[str] = []
        self.stages = WITHOUT_MODELS
        self.errors: list[Exception] = []
        self.broken: set[str] = set()
        self.may_launch = threading.Event()
        self.may_launch.set()
        self._store, self._settings = TableStore(data_dir), settings

    def launch(self, video_id: str) -> str:
        self.may_launch.wait(10)
        if self.errors:
            raise self.errors.pop(0)
        self.launched.append(video_id)
        list(run([video_id], self.stages, self._settings, self._store))
        return f"backfill-{len(self.launched)}"

    def is_ended(self, backfill_id: str) -> bool:
        if backfill_id in self.broken:
            raise RuntimeError(f"{backfill_id}: cannot be read")
        return backfill_id.startswith("backfill-")

    def problem(self) -> str | None:
        return None


class TroubledOutbox(Outbox):
    """An outbox whose disk may be full, and which may let something happen after it was asked for requests."""

    is_full = False
    on_requests: Callable[[], None] | None = None

    def postponed(self, event_id: str, **more: Any) -> None:
        if self.is_full:
            raise StorageError("the disk is full")
        super().postponed(event_id, **more)

    def requests(self, state: RequestState, **more: Any) -> list[Request]:
        found = super().requests(state, **more)
        if self.on_requests is not None:
            self.on_requests()
        return found


class Place:
    """Everything between a webhook that came and one that goes out."""

    def __init__(self, data_dir: Path, told: Receiver, *overrides: str) -> None:
        self.settings = load_settings(
            overrides=[
                f'serve.notify_url="{told.url}/stills"',
                'serve.allowed_hosts=["127.0.0.1"]',
                "serve.retry_seconds=[0,0,0]",
                *overrides,
            ]
        )
        self.data_dir = data_dir
        (data_dir / "videos").mkdir()
        self.outbox = TroubledOutbox(TableStore(data_dir).outbox_path)
        self.launcher = HereLauncher(data_dir, self.settings)
        self.intake = Intake(self.outbox, data_dir, self.settings, self.launcher)
        self.delivery = Delivery(self.outbox, self.settings.serve, SECRET)

    def take(self, event_id: str, **data: str) -> None:
        body = json.dumps({"id": event_id, "data": data}).encode()
        self.outbox.add_request(event_id, body, now=time.time())

    def work(self, *, until: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, self.outbox.counts()
            self.intake.run_once(clock=time.time)
            self.delivery.run_once(clock=time.time)
            time.sleep(0.02)

    def count(self, what: str, state: str) -> int:
        return self.outbox.counts()[what].get(state, 0)

    def close(self) -> None:
        self.intake.stop()


@pytest.fixture
def sender() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def place(data_dir: Path, told: Receiver) -> Iterator[Place]:
    with closing(Place(data_dir, told)) as made:
        yield made


@pytest.fixture
def clip_inside(place: Place, synthetic_videos: Callable[[str], Path]) -> str:
    """The name of a clip in the library folder."""
    (place.data_dir / "videos" / "a.mp4").write_bytes(synthetic_videos("cfr").read_bytes())
    return "a.mp4"


def in_a_while() -> float:
    """When whatever waits is due."""
    return time.time() + 60


def test_an_address_becomes_stills_and_the_receiver_is_told_once(
    place: Place, sender: Receiver, told: Receiver, synthetic_videos: Callable[[str], Path]
) -> None:
    sender.files["/uploads/My%20clip.mp4"] = synthetic_videos("cfr").read_bytes()
    told.statuses = [503, 500, 200]  # down at first
    place.take("evt_1", url=f"{sender.url}/uploads/My%20clip.mp4", passthrough="row 17")
    place.work(until=lambda: place.count("messages", "delivered") == 1)
    assert [request.path for request in told.received] == ["/stills"] * 3
    assert len({request.headers["idempotency-key"] for request in told.received}) == 1
    last = told.received[-1]
    verify_signature(last.body, last.headers[SIGNATURE_HEADER.lower()], SECRET, now=time.time(), tolerance_seconds=60)
    message = json.loads(last.body)
    assert (message["id"], message["type"], message["data"]["passthrough"]) == ("evt_1", "stills.ready", "row 17")
    stills = message["data"]["stills"]
    assert [still["rank"] for still in stills] == list(range(1, len(stills) + 1)) != []
    assert all(Path(still["path"]).stat().st_size == still["num_bytes"] for still in stills)
    (video,) = Library(place.data_dir).scan()
    assert (video.path.name, video.video_id) == ("My-clip.mp4", message["data"]["video_id"])
    place.work(until=lambda: True)
    assert len(told.received) == 3  # and never again


def test_of_a_black_video_there_are_no_stills_and_the_reason_is_told(place: Place, told: Receiver) -> None:
    encode(place.data_dir / "videos" / "black.mp4", [np.zeros((54, 96, 3), np.uint8)] * 20)
    place.take("evt_1", path="black.mp4")
    place.work(until=lambda: place.count("messages", "delivered") == 1)
    message = json.loads(told.received[0].body)
    assert (message["type"], message["data"]["stills"]) == ("stills.ready", [])
    assert "nothing in this video is worth keeping" in message["data"]["reason"]


def test_a_path_of_the_library_and_nothing_outside_it(
    place: Place, told: Receiver, synthetic_videos: Callable[[str], Path], tmp_path: Path
) -> None:
    clip = synthetic_videos("cfr").read_bytes()
    inside = place.data_dir / "videos" / "show" / "a.mp4"
    inside.parent.mkdir()
    inside.write_bytes(clip)
    outside = tmp_path / "secret.mp4"
    outside.write_bytes(clip)
    (inside.parent / "link.mp4").symlink_to(outside)
    bad = ["../../secret.mp4", str(outside), "show/link.mp4", "show", "gone.mp4", "a\0b", "x" * 1000]
    place.take("good", path="show/a.mp4")
    for number, path in enumerate(bad):
        place.take(f"bad-{number}", path=path)
    place.work(until=lambda: place.count("messages", "delivered") == 1 + len(bad))
    messages = {message["id"]: message for message in map(json.loads, (request.body for request in told.received))}
    assert messages["good"]["type"] == "stills.ready"
    for number in range(len(bad)):
        assert messages[f"bad-{number}"]["type"] == "stills.failed"
        assert "no file of the library folder" in messages[f"bad-{number}"]["data"]["reason"]
    assert len(place.launcher.launched) == 1


def test_a_file_that_is_no_video_is_told_with_its_reason(place: Place, sender: Receiver, told: Receiver) -> None:
    sender.files["/broken.mp4"] = b"this is no video at all" * 100
    place.take("evt_1", url=f"{sender.url}/broken.mp4")
    place.work(until=lambda: place.count("messages", "delivered") == 1)
    message = json.loads(told.received[0].body)
    assert message["type"] == "stills.failed"
    assert "broken.mp4" in message["data"]["reason"]


@pytest.mark.parametrize(
    "body",
    [b"<!DOCTYPE html>\n<title>Sign in</title>" + b" " * 10_000, b'{"error": "gone"}\n' * 500, b"PK\x03\x04" * 5000],
)
def test_what_is_no_video_is_refused_by_its_first_bytes(
    place: Place, sender: Receiver, told: Receiver, body: bytes
) -> None:
    sender.files["/a.mp4"] = body
    sender.headers["Content-Length"] = "1000000000"  # the rest never comes
    place.take("evt_1", url=f"{sender.url}/a.mp4")
    place.work(until=lambda: place.count("messages", "delivered") == 1)
    assert len(sender.received) == 1
    assert "not" in json.loads(told.received[0].body)["data"]["reason"]
    assert list((place.data_dir / "videos").rglob("*")) == [place.data_dir / "videos" / "received"]


def test_a_download_leaves_room_on_the_disk(data_dir: Path, sender: Receiver, told: Receiver) -> None:
    free = shutil.disk_usage(data_dir).free
    sender.headers["Content-Length"] = str(free // 2)
    sender.files["/a.mp4"] = b"\0" * 100_000
    with closing(Place(data_dir, told, f"export.min_free_bytes={free * 3 // 4}", "serve.retry_seconds=[]")) as place:
        place.take("evt_1", url=f"{sender.url}/a.mp4")
        place.work(until=lambda: place.count("messages", "delivered") == 1)
    reason = json.loads(told.received[0].body)["data"]["reason"]
    assert "export.min_free_bytes" in reason
    assert len(sender.received) == 1


def test_an_address_that_can_never_be_asked_is_not_tried_again(place: Place, told: Receiver) -> None:
    place.take("evt_1", url="http://[x")
    place.intake.run_once(clock=time.time)
    place.work(until=lambda: place.count("messages", "delivered") == 1)
    assert place.outbox.requests("failed")[0].num_tries == 0


def test_a_sender_that_is_down_is_asked_again_and_given_up_at_last(
    place: Place, sender: Receiver, told: Receiver
) -> None:
    sender.statuses = [503]
    place.take("evt_1", url=f"{sender.url}/a.mp4")
    place.work(until=lambda: place.count("messages", "delivered") == 1)
    assert len(sender.received) == 4  # once, and three retries
    assert "answered 503" in json.loads(told.received[0].body)["data"]["reason"]
    assert list((place.data_dir / "videos").rglob("*")) == [
        place.data_dir / "videos" / "received"
    ]  # nothing half is left


def test_a_private_address_is_not_asked(data_dir: Path, sender: Receiver, told: Receiver) -> None:
    with closing(Place(data_dir, told, "serve.allowed_hosts=[]")) as place:
        place.take("evt_1", url=f"{sender.url}/a.mp4?signature=hunter2")
        place.work(until=lambda: place.count("messages", "delivered") == 1)
    assert sender.received == []
    (request,) = told.received  # the operator's own address may be private
    assert "private address" in request.body.decode()
    assert "hunter2" not in request.body.decode()


def test_what_was_taken_when_the_process_died_is_worked_on_by_the_next(
    place: Place, data_dir: Path, synthetic_videos: Callable[[str], Path]
) -> None:
    (data_dir / "videos" / "a.mp4").write_bytes(synthetic_videos("cfr").read_bytes())
    place.take("evt_1", path="a.mp4")
    place.intake.stop()
    place.intake = Intake(place.outbox, data_dir, place.settings, place.launcher)
    place.work(until=lambda: place.count("messages", "delivered") == 1)


def test_an_error_of_dagsters_own_is_tried_again(place: Place, clip_inside: str) -> None:
    place.launcher.errors = [OperationalError("SELECT 1", None, OSError("no connection")), OSError("again")]
    place.take("evt_1", path=clip_inside)
    place.work(until=lambda: place.count("requests", "done") == 1)
    assert len(place.launcher.launched) == 1


def test_tables_that_cannot_be_read_now_are_read_later(
    place: Place, clip_inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_disk(*_: object) -> NoReturn:
        raise StorageError("the disk is gone")

    place.take("evt_1", path=clip_inside)
    with monkeypatch.context() as patched:
        patched.setattr(intake_module, "read_outcomes", no_disk)
        place.work(until=lambda: place.count("requests", "launched") == 1)
        place.intake.run_once(clock=time.time)
        assert place.count("requests", "launched") == 1
    place.intake.run_once(clock=in_a_while)
    assert place.count("requests", "done") == 1


def test_one_that_cannot_be_looked_at_keeps_no_other_waiting(place: Place, clip_inside: str) -> None:
    place.launcher.broken = {"backfill-1"}
    place.take("evt_1", path=clip_inside)
    place.work(until=lambda: place.count("requests", "launched") == 1)
    place.take("evt_2", path=clip_inside)
    place.work(until=lambda: place.count("requests", "done") == 1)
    assert [request.event_id for request in place.outbox.requests("launched")] == ["evt_1"]
    place.launcher.broken = set()
    place.intake.run_once(clock=in_a_while)
    assert place.count("requests", "done") == 2


def test_stills_are_told_of_though_the_cms_is_down(
    data_dir: Path, told: Receiver, synthetic_videos: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PUBLISH_SQL_URL_VARIABLE, raising=False)
    with closing(Place(data_dir, told, "publish.target=sql")) as place:
        place.launcher.stages = [*WITHOUT_MODELS, "published"]
        (data_dir / "videos" / "a.mp4").write_bytes(synthetic_videos("cfr").read_bytes())
        place.take("evt_1", path="a.mp4")
        place.work(until=lambda: place.count("messages", "delivered") == 1)
        (video,) = Library(data_dir).scan()
        outcomes = {outcome.stage: outcome.status for outcome in read_outcomes(TableStore(data_dir), video.video_id)}
    assert outcomes["published"] == "failed"
    assert json.loads(told.received[0].body)["type"] == "stills.ready"


def test_stills_that_another_machine_made_are_brought(
    data_dir: Path, tmp_path: Path, told: Receiver, synthetic_videos: Callable[[str], Path]
) -> None:
    worker = tmp_path / "worker"
    with closing(Place(data_dir, told, f"library.outputs_url={tmp_path}/outputs")) as place:
        for folder in (data_dir, worker):
            (folder / "videos").mkdir(parents=True, exist_ok=True)
            (folder / "videos" / "a.mp4").write_bytes(synthetic_videos("cfr").read_bytes())
        Library(worker).scan()
        place.launcher = HereLauncher(worker, place.settings)
        place.intake = Intake(place.outbox, data_dir, place.settings, place.launcher)
        place.take("evt_1", path="a.mp4")
        place.work(until=lambda: place.count("messages", "delivered") == 1)
    message = json.loads(told.received[0].body)
    assert message["type"] == "stills.ready", message
    assert all(Path(still["path"]).is_relative_to(data_dir) for still in message["data"]["stills"])
    assert all(Path(still["path"]).is_file() for still in message["data"]["stills"])


def test_a_file_that_came_from_elsewhere_is_announced_to_the_workers(
    data_dir: Path, tmp_path: Path, told: Receiver, synthetic_videos: Callable[[str], Path]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    overrides = (f"library.url={tmp_path}/elsewhere", f"library.outputs_url={tmp_path}/outputs")
    with closing(Place(data_dir, told, *overrides)) as place:
        (data_dir / "videos" / "remote").mkdir()
        (data_dir / "videos" / "remote" / "a.mp4").write_bytes(synthetic_videos("cfr").read_bytes())
        place.take("evt_1", path="remote/a.mp4")
        place.work(until=lambda: place.count("messages", "delivered") == 1)
    (announced,) = (tmp_path / "outputs" / "sources").iterdir()
    assert json.loads(announced.read_text()) == {"name": "a.mp4"}


def test_a_request_that_leaves_the_hand_meanwhile_is_not_begun_again(place: Place, clip_inside: str) -> None:
    def launch_now() -> None:
        place.launcher.may_launch.set()
        end = time.monotonic() + 10
        while place.intake._in_hand and time.monotonic() < end:
            time.sleep(0.01)

    place.launcher.may_launch.clear()
    place.take("evt_1", path=clip_inside)
    place.intake.run_once(clock=time.time)
    place.outbox.on_requests = launch_now
    place.intake.run_once(clock=time.time)
    place.outbox.on_requests = None
    place.work(until=lambda: place.count("messages", "delivered") == 1)
    assert len(place.launcher.launched) == 1


def test_a_full_disk_does_not_fetch_again_at_once(place: Place, sender: Receiver) -> None:
    sender.statuses = [503]
    place.outbox.is_full = True
    place.take("evt_1", url=f"{sender.url}/a.mp4")
    end = time.monotonic() + 0.5
    place.work(until=lambda: time.monotonic() > end)
    assert len(sender.received) == 1


def test_a_stopped_intake_takes_nothing_more(place: Place, clip_inside: str) -> None:
    place.take("evt_1", path=clip_inside)
    place.intake.stop()
    place.intake.run_once(clock=time.time)
    assert place.count("requests", "received") == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clip.mp4", "clip.mp4"),
        ("", "video.mp4"),
        ("..", "video.mp4"),
        (".hidden.mkv", "hidden.mkv"),
        ("a/../../b.webm", "a-..-..-b.webm"),
        ("download", "download.mp4"),
        ("clip.mp4.exe", "clip.mp4.exe.mp4"),
        ("x" * 300 + ".mp4", "x" * 120 + ".mp4"),
    ],
)
def test_names_of_files(name: str, expected: str) -> None:
    assert file_name_for(name) == expected
