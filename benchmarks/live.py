"""A live source for minutes, cut three times: `python -m benchmarks.live --minutes 10`.

A camera whose frames carry their number sends HLS (or SRT) on loopback, `thumb-assets watch` records it, and the pages
of `thumb-assets serve` are asked for the best picture twice a second. Told at the end: by how much the time of any
recorded frame is wrong, how old each segment's first frame was when its stills were there, how memory and disk grew.
"""

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from thumb_assets.serve.app import build_app
from thumb_assets.serve.live import LivePages
from thumb_assets.settings.load import load_settings
from thumb_assets.settings.operation import ServeSettings
from thumb_assets.store.outbox import Outbox
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.segments import Segments
from thumb_assets_tests.support.drawing import read_frame_index
from thumb_assets_tests.support.live import Camera, hls_output, http_server, record, shown_at, srt_output
from thumb_assets_tests.support.processes import descendants_of
from thumb_assets_tests.support.web import free_port, serving

_NAME = "camera"
_CUT_SECONDS = 15.0
_WANTED_SECONDS = 10.0


@dataclass
class Seen:
    """Measurements of one run.

    Attributes:
        memory_mb, disk_mb: over time.
        pictures: when each served one was shown as its headers say, the number in it, and when it was asked for.
    """

    memory_mb: list[float] = field(default_factory=list)
    disk_mb: list[float] = field(default_factory=list)
    pictures: list[tuple[float, int, float]] = field(default_factory=list)


def main() -> None:
    """Runs it and prints what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--source", choices=("hls", "srt"), default="hls")
    parser.add_argument("--recording", type=Path, help="what the camera shows; drawn where missing")
    parser.add_argument("--num-frames", type=int, default=2000)
    parser.add_argument("--max-mb", type=float, default=60, help="live.max_bytes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), asked)


def run(folder: Path, asked: argparse.Namespace) -> None:
    """One run."""
    recording = asked.recording or folder / "recording.mp4"
    if not recording.exists():
        record(recording, num_frames=asked.num_frames, size=(640, 360))
    data_dir, pieces, port = folder / "data", folder / "pieces", free_port()
    (data_dir / "videos").mkdir(parents=True)
    pieces.mkdir()
    is_hls = asked.source == "hls"
    url = f"http://127.0.0.1:{port}/live.m3u8" if is_hls else f"srt://127.0.0.1:{port}"
    camera = Camera(recording, folder, hls_output(pieces) if is_hls else srt_output(port))
    command = [sys.executable, "-m", "thumb_assets", "watch", url, "--name", _NAME]
    command += ["--data-dir", str(data_dir), "--set", f"live.max_bytes={round(asked.max_mb * 1e6)}"]
    store, seen = TableStore(data_dir), Seen()
    app = build_app(
        Outbox(store.outbox_path),
        ServeSettings(),
        "not used here at all",
        problems=list,
        live=LivePages(store, load_settings(), None),
    )
    with http_server(pieces, port if is_hls else 0), serving(app) as address:
        camera.start()
        watch = subprocess.Popen(command, stdout=(folder / "watch.txt").open("w"), stderr=subprocess.STDOUT)
        try:
            _follow(watch, camera, asked, look=partial(_look, watch, address, store, seen))
            watch.send_signal(signal.SIGINT)
            watch.wait()
        finally:
            watch.kill()
            camera.cut()
    tell(folder, store, camera, recording, seen)


def _follow(
    watch: "subprocess.Popen[bytes]", camera: Camera, asked: argparse.Namespace, *, look: Callable[[], None]
) -> None:
    """Looks until the time is over, and cuts the camera three times."""
    began, cuts = time.monotonic(), [asked.minutes * 60 * share for share in (0.25, 0.5, 0.75)]
    while watch.poll() is None and (passed := time.monotonic() - began) < asked.minutes * 60:
        if cuts and passed > cuts[0]:
            cuts.pop(0)
            camera.cut()
            end = time.monotonic() + _CUT_SECONDS
            while time.monotonic() < end:
                look()
            camera.start()
        if asked.source == "srt" and not camera.is_sending:
            camera.start()
        look()


def _look(watch: "subprocess.Popen[bytes]", address: str, store: TableStore, seen: Seen) -> None:
    """Asks for the picture, reads its number, and notes memory and disk."""
    time.sleep(0.5)
    seen.memory_mb.append(sum(_resident_mb(pid) for pid in [watch.pid, *descendants_of(watch.pid)]))
    seen.disk_mb.append(_folder_mb(store.data_dir))
    try:
        with urllib.request.urlopen(f"{address}/live/{_NAME}/best.jpg", timeout=30) as answer:  # noqa: S310 - ours
            content, said = answer.read(), datetime.fromisoformat(answer.headers["Thumb-Assets-Shown-At"])
    except urllib.error.HTTPError:
        return
    with av.open(io.BytesIO(content)) as picture:
        number = read_frame_index(next(picture.decode(video=0)).to_ndarray(format="rgb24"))
    seen.pictures.append((said.timestamp(), number, time.time()))


def tell(folder: Path, store: TableStore, camera: Camera, recording: Path, seen: Seen) -> None:
    """Prints the figures, as JSON."""
    segments = Segments(store.segments_path).of(_NAME)
    errors, unread = [], 0
    for segment in segments:
        with av.open(str(store.data_dir / "videos" / "live" / _NAME / segment.file_name)) as container:
            for frame in container.decode(video=0):
                try:
                    number = read_frame_index(frame.to_ndarray(format="rgb24"))
                except ValueError:
                    unread += 1
                    continue
                errors.append(_error(segment.wall_time(frame.time), number, camera, recording))
    lines = (folder / "watch.txt").read_text().splitlines()
    ready = [float(line.split("ready ")[1].split(" s")[0]) for line in lines if "ready " in line]
    of_pictures = [_error(said, number, camera, recording) for said, number, _ in seen.pictures]
    half = len(seen.memory_mb) // 2
    told = {
        "segments_ready": len(ready),
        "first_frame_age_seconds": {"median": _at(ready, 50), "p95": _at(ready, 95), "max": max(ready, default=None)},
        "later_than_10_seconds": [[place, age] for place, age in enumerate(ready) if age > _WANTED_SECONDS],
        "frames_on_disk": len(errors),
        "frames_unread": unread,
        "frame_time_error_seconds": {"min": min(errors), "median": _at(errors, 50), "max": max(errors)},
        "pictures_asked_for": len(of_pictures),
        "picture_time_error_seconds": {"min": min(of_pictures), "max": max(of_pictures)},
        "memory_mb": {"first_half_max": max(seen.memory_mb[:half]), "second_half_max": max(seen.memory_mb[half:])},
        "disk_mb": {"first_half_max": max(seen.disk_mb[:half]), "second_half_max": max(seen.disk_mb[half:])},
        "load_average": Path("/proc/loadavg").read_text().split()[:3],
        "gaps": [[round(each.gap_seconds, 2), each.gap_reason] for each in segments if each.gap_seconds],
        "is_monotone": all(one.ends_at <= other.begins_at for one, other in pairwise(segments)),
        "failed": [each.reason for each in segments if each.state == "failed"],
    }
    sys.stdout.write(json.dumps(told, indent=1) + "\n" + "\n".join(lines[-3:]) + "\n")


def _error(said: float, number: int, camera: Camera, recording: Path) -> float:
    """By how much a said time is later than the moment at which the camera showed the frame."""
    num_numbers = _num_frames(recording)
    possible = [
        said - shown_at(number, began, near=said, num_numbers=num_numbers)
        for began, end in zip(camera.began, [*camera.began[1:], float("inf")], strict=True)
        if began - 1 <= said < end
    ]
    return min(possible, key=abs, default=float("nan"))


def _num_frames(recording: Path) -> int:
    if recording not in _frames_of:
        with av.open(str(recording)) as container:
            _frames_of[recording] = container.streams.video[0].frames
    return _frames_of[recording]


_frames_of: dict[Path, int] = {}


def _at(values: list[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 3) if values else None


def _resident_mb(process_id: int) -> float:
    try:
        return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * 4096 / 1e6
    except (OSError, IndexError):
        return 0.0


def _folder_mb(folder: Path) -> float:
    """Size of what is there, while files come and go."""
    num_bytes = 0
    for at, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                num_bytes += (Path(at) / name).lstat().st_size
    return num_bytes / 1e6


if __name__ == "__main__":
    main()
