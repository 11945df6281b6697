"""What is opened and what is not: limits, cover art, several streams, devices that are not here."""

import pytest

from thumb_assets.errors import BadInputError
from thumb_assets.settings import VideoSettings
from thumb_assets.video import VideoDecoder
from thumb_assets_tests.support.drawing import read_frame_index


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


def test_a_cover_alone_is_no_video(synthetic_videos):
    with pytest.raises(BadInputError, match="only cover art"):
        VideoDecoder(synthetic_videos("cover_only"))


@pytest.mark.parametrize("hwaccel", ["auto", "cuda", "vaapi", "qsv", "videotoolbox"])
def test_without_the_device_the_cpu_decodes(synthetic_videos, hwaccel):
    with VideoDecoder(synthetic_videos("b_frames"), VideoSettings(hwaccel=hwaccel)) as decoder:
        frames = list(decoder)
    assert [read_frame_index(frame.rgb()) for frame in frames] == list(range(40))
    assert {frame.decoded_on for frame in frames} <= {"cpu", "cuda", "vaapi", "qsv", "videotoolbox", "drm"}
