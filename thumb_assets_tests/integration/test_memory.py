"""Memory does not grow with the length of a video: what is kept of a frame is a row, never a picture."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import pytest

MakeVideo = Callable[[str], Path]

# What an hour may take more than a minute: its rows of `frames`, and what the allocator keeps of them.
MAX_GROWTH_BYTES = 100_000_000
_STAGES = "videos,frames,shots,candidate_frames,sharpness,selections,stills,catalog"
_RUN = """
import sys
from pathlib import Path
from thumb_assets.pipeline.engine import run
from thumb_assets.settings.load import load_settings
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore

path, data_dir = Path(sys.argv[1]), Path(sys.argv[2])
(video,), _ = Library(data_dir).register([path])
results = list(run([video.video_id], sys.argv[3].split(","), load_settings(), TableStore(data_dir)))
assert all(result.status == "done" for result in results), results
status = Path("/proc/self/status").read_text()
print(results[1].tables["frames"].num_rows, next(line.split()[1] for line in status.splitlines() if "VmHWM" in line))
"""


def looped(path: Path, source: Path, *, num_times: int) -> Path:
    """The packets of a file again and again, as they are."""
    with av.open(str(source)) as once, av.open(str(path), "w") as container:
        stream = once.streams.video[0]
        copy = container.add_stream_from_template(stream)
        packets = [packet for packet in once.demux(stream) if packet.dts is not None]
        stamps = sorted(packet.pts for packet in packets)
        length = stamps[-1] - stamps[0] + (stamps[1] - stamps[0])
        for number in range(num_times):
            for packet in packets:
                again = av.Packet(bytes(packet))
                again.pts, again.dts = packet.pts + number * length, packet.dts + number * length
                again.time_base, again.is_keyframe, again.stream = packet.time_base, packet.is_keyframe, copy
                container.mux(again)
    return path


def peak_bytes(path: Path, data_dir: Path) -> tuple[int, int]:
    """Frames, and the most memory that a process of its own held while it ran all stages without a model."""
    command = [sys.executable, "-c", _RUN, str(path), str(data_dir), _STAGES]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    num_frames, kibibytes = outcome.stdout.split()
    return int(num_frames), int(kibibytes) * 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process")
def test_an_hour_takes_the_memory_of_a_minute(synthetic_videos: MakeVideo, tmp_path: Path) -> None:
    source = synthetic_videos("cfr")  # 40 frames at 25 per second
    minute = looped(tmp_path / "minute.mp4", source, num_times=60 * 25 // 40)
    hour = looped(tmp_path / "hour.mp4", source, num_times=3600 * 25 // 40)
    num_minute, of_minute = peak_bytes(minute, tmp_path / "first")
    num_hour, of_hour = peak_bytes(hour, tmp_path / "second")
    assert num_hour == 2250 * 40
    assert num_hour > 59 * num_minute
    assert of_hour - of_minute < MAX_GROWTH_BYTES
