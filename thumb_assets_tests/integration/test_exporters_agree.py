"""FFmpeg the program and PyAV give the same pixels of the same frames, on every hazard there is a file of."""

import random
import subprocess
from pathlib import Path

import av
import pytest

from thumb_assets.export.backend import open_fetcher
from thumb_assets.export.ffmpeg_program import find_program
from thumb_assets.settings.stages import ExportSettings, VideoSettings
from thumb_assets_tests.integration.test_shared_clips import LONG, UNREADABLE, manifest
from thumb_assets_tests.support.decoded import identities_of
from thumb_assets_tests.support.drawing import draw_frame
from thumb_assets_tests.support.encoding import Encoding, encode
from thumb_assets_tests.support.synthetic import RECIPES

READABLE = [name for name, recipe in RECIPES.items() if recipe.is_readable]
# From where a stream changes its size or format, its frames are PyAV's.
CHANGING = {"size_change", "aspect_change", "growing_call", "turned_call"}


def picked(num_frames: int, seed: str) -> list[int]:
    """Five frames, the first and the last among them."""
    return sorted({0, num_frames - 1, *random.Random(seed).sample(range(num_frames), min(3, num_frames))})


def exported(path: Path, identities, frame_indices, folder: Path, video=None, **settings):
    """Everything people can see of the frames, by frame_index, and how each was exported."""
    arguments = {"export_settings": ExportSettings(**settings), "video_settings": video, "temporary_dir": folder}
    seen, methods = {}, {}
    with open_fetcher(path, identities, **arguments) as fetcher:
        for frame, method in fetcher.fetch_many(frame_indices):
            rgb = frame.rgb()
            seen[frame.frame_index] = (
                rgb.shape,
                rgb.tobytes(),
                frame.luma(96).tobytes(),
                *(frame.pts, frame.pts_seconds, frame.luma_hash, frame.is_keyframe, frame.field_order),
            )
            methods[frame.frame_index] = (method, frame.decoded_on)
    assert list(seen) == sorted(frame_indices)
    assert list(folder.iterdir()) == []
    return seen, methods


def by_ffmpeg(methods) -> float:
    return sum(method == "ffmpeg" for method, _ in methods.values()) / len(methods)


def counts_streams_alike(path: Path) -> bool:
    """True if the program finds as many streams as PyAV: before 6.1 it passes over the still picture of an AVIF."""
    listed = subprocess.run(
        [find_program().path, "-hide_banner", "-i", path], capture_output=True, text=True, errors="replace", check=False
    )
    with av.open(str(path)) as container:
        return listed.stderr.count("Stream #0:") == len(container.streams)


@pytest.mark.parametrize("batch_size", [3, *(pytest.param(each, marks=pytest.mark.slow) for each in (1, 50))])
@pytest.mark.parametrize("name", READABLE)
def test_exporters_agree_on_synthetic_videos(synthetic_videos, tmp_path, name, batch_size):
    path = synthetic_videos(name)
    identities = identities_of(path)
    frame_indices = picked(len(identities), name)
    expected, _ = exported(path, identities, frame_indices, tmp_path)
    found, methods = exported(path, identities, frame_indices, tmp_path, backend="ffmpeg", batch_size=batch_size)
    assert found == expected
    if name == "animated_avif" and not counts_streams_alike(path):
        assert by_ffmpeg(methods) == 0  # the stream has another number there, so all frames are PyAV's
        return
    assert by_ffmpeg(methods) == 1 or name in CHANGING
    # The program does not say which pixels each picture has: where they change, all frames are PyAV's.
    assert methods[0] == ("seek" if name == "aspect_change" else "ffmpeg", "cpu")


def test_a_stream_that_changes_its_format_is_never_converted(tmp_path):
    parts = [
        encode(tmp_path / f"{begin}.ts", [draw_frame(begin + i) for i in range(25)], Encoding(pix_fmt=pix_fmt))
        for begin, pix_fmt in ((0, "yuv420p"), (25, "yuv422p"))
    ]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    identities = identities_of(path)
    assert len(identities) > 40
    folder = tmp_path / "folder"
    folder.mkdir()
    frame_indices = [0, 10, 20, 30, 40]
    expected, _ = exported(path, identities, frame_indices, folder)
    found, methods = exported(path, identities, frame_indices, folder, backend="ffmpeg")
    assert found == expected
    assert [method for method, _ in methods.values()][:3] == ["ffmpeg"] * 3


@pytest.mark.parametrize("name", ["b_frames", "open_gop", "mpeg2_interlaced", "vfr"])
def test_every_frame_of_a_video_in_one_batch(synthetic_videos, tmp_path, name):
    path = synthetic_videos(name)
    identities = identities_of(path)
    everything = range(len(identities))
    expected, _ = exported(path, identities, everything, tmp_path)
    found, methods = exported(path, identities, everything, tmp_path, backend="ffmpeg", batch_size=200)
    assert found == expected
    assert by_ffmpeg(methods) == 1


@pytest.mark.slow
def test_exporters_agree_on_the_shared_clips(shared_dir, tmp_path):
    wrong, all_methods = [], {}
    for name in sorted(manifest(shared_dir).keys() - UNREADABLE - {LONG}):
        path = shared_dir / "video" / name
        identities = identities_of(path)
        frame_indices = picked(len(identities), name)
        expected, _ = exported(path, identities, frame_indices, tmp_path)
        found, methods = exported(path, identities, frame_indices, tmp_path, backend="ffmpeg")
        all_methods |= {(name, index): method for index, method in methods.items()}
        wrong += [(name, index) for index in frame_indices if found[index] != expected[index]]
    assert wrong == []
    assert by_ffmpeg(all_methods) == 1


@pytest.mark.slow
def test_exporters_agree_on_the_long_clip(shared_dir, tmp_path):
    path = shared_dir / "video" / LONG
    identities = identities_of(path)
    frame_indices = picked(len(identities), LONG)
    expected, _ = exported(path, identities, frame_indices, tmp_path)
    found, methods = exported(path, identities, frame_indices, tmp_path, backend="ffmpeg")
    assert found == expected
    assert by_ffmpeg(methods) == 1


@pytest.mark.parametrize("hwaccel", ["cuda", "auto"])
@pytest.mark.parametrize("name", ["b_frames", "hevc_10_bit", "mpeg2_interlaced"])
def test_with_a_device_or_without_the_frames_are_the_same(synthetic_videos, tmp_path, name, hwaccel):
    path = synthetic_videos(name)
    identities = identities_of(path)
    frame_indices = picked(len(identities), name)
    expected, _ = exported(path, identities, frame_indices, tmp_path)
    video = VideoSettings(hwaccel=hwaccel)
    found, methods = exported(path, identities, frame_indices, tmp_path, video=video, backend="ffmpeg")
    assert found == expected
    assert by_ffmpeg(methods) == 1
    if not list(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dri").exists():
        assert {device for _, device in methods.values()} == {"cpu"}
