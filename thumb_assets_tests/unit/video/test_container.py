"""Files that are opened and those that are refused: limits, cover art, several streams, devices that are not here."""

import av
import numpy as np
import pytest
from av.stream import Disposition

from thumb_assets.errors import BadInputError
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.video.decode import VideoDecoder
from thumb_assets_tests.support.drawing import draw_frame, read_frame_index


@pytest.mark.parametrize(
    ("limit", "word"),
    [
        ({"max_num_frames": 39}, "max_num_frames"),
        ({"max_duration_seconds": 1.55}, "max_duration_seconds"),
        ({"max_file_bytes": 1000}, "max_file_bytes"),
        ({"max_pixels": 320 * 180 - 1}, "max_pixels"),
    ],
)
def test_a_video_over_a_limit_is_refused_in_one_line(synthetic_videos, limit, word):
    with (
        pytest.raises(BadInputError, match=word) as caught,
        VideoDecoder(synthetic_videos("cfr"), VideoSettings(**limit)) as decoder,
    ):
        list(decoder)
    assert "cfr.mp4" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pixel_aspect_ratio_does_not_get_around_the_limit(synthetic_videos):
    with pytest.raises(BadInputError, match="465x180 as displayed is more than video"):
        VideoDecoder(synthetic_videos("anamorphic"), VideoSettings(max_pixels=320 * 180))


@pytest.mark.parametrize("limit", [{"max_num_frames": 40}, {"max_duration_seconds": 1.56}, {"max_pixels": 320 * 180}])
def test_a_video_at_its_limit_is_read(synthetic_videos, limit):
    with VideoDecoder(synthetic_videos("cfr"), VideoSettings(**limit)) as decoder:
        assert len(list(decoder)) == 40


def test_the_stream_is_named(synthetic_videos):
    with VideoDecoder(synthetic_videos("two_streams")) as decoder:
        assert decoder.header.stream_index == 1
    with VideoDecoder(synthetic_videos("with_cover")) as decoder:
        assert decoder.header.codec == "h264"


@pytest.mark.parametrize("name", ["cover_unflagged", "cover_unflagged_mkv", "animated_avif"])
def test_one_picture_beside_a_video_is_not_the_video(synthetic_videos, name):
    with VideoDecoder(synthetic_videos(name)) as decoder:
        frames = list(decoder)
    assert [read_frame_index(frame.rgb()) for frame in frames] == list(range(40))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_of_two_videos_the_default_one_is_taken(tmp_path, suffix):
    sizes = [(320, 180), (640, 360)]
    with av.open(str(tmp_path / f"two{suffix}"), "w") as container:
        streams = [container.add_stream("libx264", rate=25, options={"preset": "ultrafast"}) for _ in sizes]
        for stream, (stream.width, stream.height) in zip(streams, sizes, strict=True):
            stream.pix_fmt = "yuv420p"
        streams[0].disposition, streams[1].disposition = Disposition.default, Disposition(0)
        for number in range(5):
            for stream in streams:
                rgb = draw_frame(number, width=stream.width, height=stream.height)
                picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
                picture.pts = number
                container.mux(stream.encode(picture))
        for stream in streams:
            container.mux(stream.encode(None))
    with VideoDecoder(tmp_path / f"two{suffix}") as decoder:
        # A transport stream has no defaults: there the larger one.
        assert decoder.header.stream_index == (1 if suffix == ".ts" else 0)


def test_a_cover_alone_is_no_video(synthetic_videos):
    with pytest.raises(BadInputError, match="only cover art"):
        VideoDecoder(synthetic_videos("cover_only"))


@pytest.mark.parametrize("hwaccel", ["auto", "cuda", "vaapi", "qsv", "videotoolbox"])
def test_without_the_device_the_cpu_decodes(synthetic_videos, hwaccel):
    with VideoDecoder(synthetic_videos("b_frames"), VideoSettings(hwaccel=hwaccel)) as decoder:
        frames = list(decoder)
    assert [read_frame_index(frame.rgb()) for frame in frames] == list(range(40))
    assert {frame.decoded_on for frame in frames} <= {"cpu", "cuda", "vaapi", "qsv", "videotoolbox", "drm"}


FTYP = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"


def test_the_likely_cause_is_named(synthetic_videos, tmp_path):
    whole = synthetic_videos("cfr").read_bytes()  # its index is at the end
    cases = {
        "cut.mp4": (whole[: len(whole) // 2], "incomplete download"),
        "empty_blocks.mp4": (bytes(300_000), "incomplete download"),
        "locked.mp4": (np.random.default_rng(1).bytes(100_000), "encrypted"),
        "noise.mp4": (b"no video" * 100, "replace it, or remove it"),
        # A box whose size no file can have.
        "endless_box.mp4": (FTYP + b"\0\0\0\1mdat" + b"\xff" * 8 + bytes(64), "incomplete download|replace it"),
    }
    for name, (content, words) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(BadInputError, match=words) as caught:
            VideoDecoder(path)
        assert "\n" not in str(caught.value)
