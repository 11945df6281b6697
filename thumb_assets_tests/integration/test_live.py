"""A live source from camera to page: FFmpeg sends, `thumb-assets watch` records, pages of `serve` show the best."""

import hashlib
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from thumb_assets.live.arrivals import Stop
from thumb_assets.live.best import BestPicture, best_picture
from thumb_assets.live.recorder import Recorder
from thumb_assets.live.ring import Ring
from thumb_assets.serve.app import build_app
from thumb_assets.serve.live import LivePages
from thumb_assets.settings.live import LiveSettings
from thumb_assets.settings.load import load_settings
from thumb_assets.settings.operation import ServeSettings
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.store.decisions import decide
from thumb_assets.store.outbox import Outbox
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.segments import Segment, Segments
from thumb_assets_tests.support.drawing import read_frame_index
from thumb_assets_tests.support.live import (
    RATE,
    Camera,
    hls_output,
    http_server,
    record,
    shown_at,
    srt_output,
    wait_for,
)
from thumb_assets_tests.support.running import run_stages
from thumb_assets_tests.support.web import ask, free_port, serving
from thumb_assets_tests.unit.live.conftest import ScriptedSource, Sent

NUM_FRAMES = 750
# A busy machine sends and takes late; a frame that were placed by the stamps of another connection would be far off.
MOST_LATE_SECONDS = 8.0
TOKEN = "a-word-of-at-least-16"


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("camera") / "camera.mp4", num_frames=NUM_FRAMES, size=(160, 90))


def test_the_best_picture_is_the_still_itself(minute: Path, tmp_path: Path) -> None:
    store, now = TableStore(tmp_path), time.time()
    ring = Ring(store, "door", load_settings())
    ring.open()
    source = ScriptedSource(minute, [Sent(0, 200, begin_at=now - 60, is_lost=False)])
    Recorder(source, ring.folder, LiveSettings(), Stop(), on_segment=ring.take).record()
    segments = ring.segments.of("door")
    run_stages(tmp_path, [segment.video_id for segment in segments])
    for segment in segments:
        ring.segments.ended(segment, "done", reason="", now=now, num_output_bytes=1)
    app = build_app(
        Outbox(store.outbox_path), ServeSettings(), TOKEN, problems=list, live=LivePages(store, load_settings(), TOKEN)
    )
    with serving(app) as address:
        status, told = ask(f"{address}/live/door/best.json?token={TOKEN}")
        assert status == 200
        with urllib.request.urlopen(f"{address}/live/door/best.jpg?token={TOKEN}") as answer:
            content = answer.read()
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert answer.headers["Thumb-Assets-Shown-At"] == told["shown_at"]
        still = store.stills_dir(told["video_id"]) / told["file_name"]
        assert content == still.read_bytes()
        assert told["file_sha256"] == hashlib.sha256(content).hexdigest()
        assert told["age_seconds"] == pytest.approx(time.time() - now + 60 - read_number(still) / RATE, abs=1.0)
        assert ask(f"{address}/live/window/best.json?token={TOKEN}")[0] == 404
        assert ask(f"{address}/live/door/best.json?token=another-word-of-16")[0] == 403
        assert ask(f"{address}/live/door/best.json")[0] == 403
        # What is banned is not shown again, and what is older than the last minutes is not either.
        decide(store, told["video_id"], {told["frame_index"]: "ban"})
        run_stages(tmp_path, [told["video_id"]])
        other = ask(f"{address}/live/door/best.json?token={TOKEN}")[1]
        assert (other["video_id"], other["frame_index"]) != (told["video_id"], told["frame_index"])
    assert best_picture(store, "door", now=now + 3600, minutes=2.0, selection=SelectionSettings()) is None


def test_news_of_a_picture_takes_the_place_of_news_that_nobody_has(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    for number in (1, 2, 2):
        outbox.announce(f"live_door_{number}", "http://127.0.0.1/", b"{}", now=float(number), instead_of="live_door_")
    outbox.announce("live_window_1", "http://127.0.0.1/", b"{}", now=3.0, instead_of="live_window_")
    assert [message.message_id for message in outbox.messages("pending")] == ["live_door_2", "live_window_1"]


def read_number(picture: Path) -> int:
    with av.open(str(picture)) as container:
        return read_frame_index(next(container.decode(video=0)).to_ndarray(format="rgb24"))


@contextmanager
def watching(address: str, data_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "thumb_assets", "watch", address, "--name", "door", "--data-dir", str(data_dir)]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def check_times(data_dir: Path, camera: Camera) -> list[Segment]:
    """Every recorded frame is placed when it was shown, or as late as it came; never sooner, and never out of order.

    Where none was shown or recorded for longer than frames may be late there is a gap.
    """
    segments = recorded(data_dir)
    last, last_shown = 0.0, float("inf")
    for segment in segments:
        assert last <= segment.begins_at <= segment.ends_at
        last = segment.ends_at
        shown: list[float] = []
        with av.open(str(data_dir / "videos" / "live" / "door" / segment.file_name)) as container:
            for frame in container.decode(video=0):
                number = read_frame_index(frame.to_ndarray(format="rgb24"))
                said = segment.wall_time(frame.time)
                possible = [
                    each
                    for began, end in zip(camera.began, [*camera.began[1:], float("inf")], strict=True)
                    if began <= (each := shown_at(number, began, near=said, num_numbers=NUM_FRAMES)) < end
                ]
                right = [each for each in possible if -0.1 < said - each < MOST_LATE_SECONDS]
                assert right, (segment.file_name, number, said, possible)
                shown.append(max(right))
        assert len(shown) == segment.num_frames
        if shown[0] - last_shown > MOST_LATE_SECONDS + 1:
            assert segment.gap_seconds > 0, (segment.file_name, shown[0] - last_shown)
        last_shown = shown[-1]
    return segments


def recorded(data_dir: Path) -> list[Segment]:
    return Segments(TableStore(data_dir).segments_path).of("door")


def are_recorded(data_dir: Path, *, more: int) -> Callable[[], bool]:
    """So many more than now."""
    wanted = len(recorded(data_dir)) + more
    return lambda: len(recorded(data_dir)) >= wanted


@pytest.mark.slow
def test_hls_that_is_cut_three_times(minute: Path, tmp_path: Path) -> None:
    """The server goes, the camera begins anew, and the watch itself is killed."""
    pieces, data_dir, port = tmp_path / "pieces", tmp_path / "data", free_port()
    pieces.mkdir()
    (data_dir / "videos").mkdir(parents=True)
    camera = Camera(minute, tmp_path, hls_output(pieces))
    camera.start()
    address, short = f"http://127.0.0.1:{port}/live.m3u8", ("--set", "live.segment_seconds=2")
    try:
        with watching(address, data_dir, *short) as process:
            with http_server(pieces, port):
                wait_for(are_recorded(data_dir, more=2), "two segments", seconds=240)
            time.sleep(3)  # the first cut: nobody answers
            with http_server(pieces, port):
                wait_for(are_recorded(data_dir, more=3), "two more, and one that a cut ended", seconds=240)
                camera.cut()
                time.sleep(MOST_LATE_SECONDS + 2)  # so that frames which come late do not fill it
                camera.start()
                wait_for(are_recorded(data_dir, more=3), "two more, and one that a cut ended", seconds=240)
                process.kill()
                process.wait()
        time.sleep(MOST_LATE_SECONDS + 2)
        with http_server(pieces, port), watching(address, data_dir, *short) as process:
            wait_for(are_recorded(data_dir, more=2), "two more", seconds=240)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
            assert process.returncode == 0
    finally:
        camera.cut()
    segments = check_times(data_dir, camera)
    assert sum(segment.num_frames for segment in segments) >= 8 * 45
    assert sum(segment.gap_seconds > 0 for segment in segments) >= 2
    assert not list((data_dir / "videos" / "live" / "door").glob(".*"))


@pytest.mark.slow
def test_srt_whose_sender_begins_anew(minute: Path, tmp_path: Path) -> None:
    data_dir, port = tmp_path / "data", free_port()
    (data_dir / "videos").mkdir(parents=True)
    camera = Camera(minute, tmp_path, srt_output(port))
    camera.start()
    try:
        with watching(f"srt://127.0.0.1:{port}", data_dir, "--set", "live.segment_seconds=2") as process:
            wait_for(are_recorded(data_dir, more=2), "two segments", seconds=240)
            camera.cut()
            camera.start()
            wait_for(are_recorded(data_dir, more=3), "two more, and one that a cut ended", seconds=240)
            wait_for(lambda: best_of(data_dir) is not None, "a best picture", seconds=240)
            process.send_signal(signal.SIGINT)
            told, _ = process.communicate(timeout=60)
    finally:
        camera.cut()
    assert process.returncode == 0, told
    assert "the source was lost" in told
    segments = check_times(data_dir, camera)
    assert sum(segment.num_frames for segment in segments) >= 4 * 45


def best_of(data_dir: Path) -> BestPicture | None:
    return best_picture(TableStore(data_dir), "door", now=time.time(), minutes=60, selection=SelectionSettings())
