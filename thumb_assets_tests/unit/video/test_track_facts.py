"""The container's own crop and Dolby Vision's configuration, read from headers, damaged ones among them."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from thumb_assets.export.ffmpeg_program import find_program
from thumb_assets.video.decode import VideoDecoder, read_header
from thumb_assets.video.geometry import NO_CROP, Crop
from thumb_assets.video.track_facts import NO_FACTS, DolbyVision, TrackFacts, track_facts
from thumb_assets_tests.support.drawing import draw_frame, read_frame_index
from thumb_assets_tests.support.encoding import Encoding, encode
from thumb_assets_tests.support.track_headers import add_block_addition, add_box, add_pixel_crop, clap, dolby_vision

SIDES = {"left": 3, "top": 5, "right": 2, "bottom": 1}
RECIPES = ("clean_aperture", "clean_aperture_turned", "pixel_crop", "pixel_crop_interlaced")


def written(path: Path, num_frames: int = 3) -> Path:
    return encode(path, [draw_frame(number) for number in range(num_frames)])


def with_crop(path: Path) -> Path:
    written(path)
    return add_pixel_crop(path, **SIDES) if path.suffix == ".mkv" else add_box(path, clap(320, 180, **SIDES))


@pytest.mark.parametrize("name", RECIPES)
def test_frames_are_shown_as_a_player_crops_them(synthetic_videos, name):
    with VideoDecoder(synthetic_videos(name)) as decoder:
        frames = list(decoder)
    assert decoder.header.look.crop == Crop(10, 8, 6, 12)
    assert decoder.header.geometry.display_size == (320, 180)
    assert [read_frame_index(frame.rgb()) for frame in frames] == list(range(40))
    for frame in frames[::13]:
        # The margins are white: nothing of them is in any picture.
        assert np.abs(frame.rgb().astype(int) - draw_frame(frame.frame_index)).mean() < 8
        assert frame.luma().shape == (180, 320)
        assert frame.luma(90).shape == frame.rgb(90).shape[:2] == (90, 160)
        assert frame.rgb16().shape == (180, 320, 3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_crop_within_chroma_samples_is_rounded_as_by_ffmpeg(tmp_path, suffix):
    path = with_crop(tmp_path / f"odd{suffix}")
    with VideoDecoder(path) as decoder:
        shown = [frame.luma() for frame in decoder]
    assert (decoder.header.look.crop, shown[0].shape) == (Crop(3, 5, 2, 1), (174, 314))
    program = find_program()
    if "apply_cropping" not in program.options:
        pytest.skip("this FFmpeg knows no crop of a container")
    command = [program.path, "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "gray", "-vf", "extractplanes=y"]
    raw = subprocess.run([*command, "-"], capture_output=True, check=True).stdout
    with VideoDecoder(path) as decoder:
        whole = next(iter(decoder))
    theirs = np.frombuffer(raw, np.uint8).reshape(3, 174, 314)
    assert np.array_equal(theirs[0], whole_luma(path)[4:178, 2:316])
    assert whole.geometry.display_size == (314, 174)


def whole_luma(path: Path) -> np.ndarray:
    import av

    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="yuv420p")[:180, :320]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("profile", [5, 8])
def test_dolby_vision_is_told_and_only_profile_5_is_shown_wrong(tmp_path, suffix, profile):
    record = dolby_vision(profile, 0 if profile == 5 else 1)
    path = written(tmp_path / f"film{suffix}")
    if suffix == ".mkv":
        add_block_addition(path, record)
    else:
        add_box(path, (8 + len(record)).to_bytes(4, "big") + b"dvcC" + record)
    told = read_header(path).dolby_vision
    assert told == DolbyVision(profile, 0 if profile == 5 else 1)
    assert told.is_shown_wrong == (profile == 5)


def test_without_a_crop_there_is_none(synthetic_videos):
    for name in ("cfr", "vp9", "mpeg_ts", "two_streams"):
        header = read_header(synthetic_videos(name))
        assert (header.look.crop, header.dolby_vision) == (NO_CROP, None)


def test_an_aperture_out_of_the_picture_is_none(tmp_path):
    path = add_box(written(tmp_path / "a.mp4"), clap(400, 300, **SIDES))
    assert read_header(path).geometry.display_size == (320, 180)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_damaged_header_raises_nothing(tmp_path, suffix):
    path = with_crop(tmp_path / f"a{suffix}")
    container = "mov,mp4" if suffix == ".mp4" else "matroska,webm"
    data, random = path.read_bytes(), np.random.default_rng(5)
    found = []
    for number in range(300):
        damaged = bytearray(data[: random.integers(20, len(data))] if number % 3 == 0 else data)
        for place in random.integers(0, len(damaged), 30):
            damaged[place] = random.integers(0, 256)
        other = tmp_path / f"{number}{suffix}"
        other.write_bytes(damaged)
        found.append(track_facts(other, container, track_id=1, video_place=0))
        other.unlink()
    assert all(isinstance(each, TrackFacts) for each in found)
    assert NO_FACTS in found
    assert track_facts(path, container, track_id=1, video_place=0).crop == Crop(**SIDES)


def test_another_track_of_the_file_has_no_say(tmp_path):
    path = with_crop(tmp_path / "a.mp4")
    assert track_facts(path, "mov,mp4", track_id=2, video_place=0) == NO_FACTS
    assert track_facts(path, "avi", track_id=1, video_place=0) == NO_FACTS
    plain = encode(tmp_path / "b.mkv", [draw_frame(0)], Encoding())
    assert track_facts(plain, "matroska,webm", track_id=1, video_place=3) == NO_FACTS
