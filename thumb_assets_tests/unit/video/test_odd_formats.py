"""Formats that few think of: palettes, grey in every colour space, a few pixels."""

from fractions import Fraction

import av
import numpy as np
import pytest

from thumb_assets.errors import BadInputError
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher
from thumb_assets.video.frame import Frame, chroma_hash_of
from thumb_assets.video.planes import plane_rows
from thumb_assets_tests.support.decoded import identities_of
from thumb_assets_tests.support.drawing import draw_frame, read_frame_index
from thumb_assets_tests.support.encoding import Encoding, Tags, encode

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
STAMPS = [0, 40, 40, 80, 120, 120]


def palette_video(path):
    """The same indices under another palette each, two pictures under one stamp."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "pal8"
        for number, pts in enumerate(STAMPS):
            picture = av.VideoFrame(64, 48, "pal8")
            picture.planes[0].update(bytes(picture.planes[0].buffer_size))
            red, green, blue = COLOURS[number % 3]
            palette = np.zeros((256, 4), np.uint8)
            palette[:] = (blue, green, red, 255)
            picture.planes[1].update(palette.tobytes())
            picture.pts = number
            for packet in stream.encode(picture):
                # The picture's stamp is changed here: an encoder refuses two that are alike.
                packet.time_base, packet.dts, packet.pts = Fraction(1, 1000), number, pts + 10
                container.mux(packet)
    return path


def test_a_palette_is_part_of_the_picture(tmp_path):
    path = palette_video(tmp_path / "palette.mov")
    identities = identities_of(path)
    assert len(set(identities.luma_hash)) == 1
    assert len(set(identities.chroma_hash)) == 3
    with FrameFetcher(path, identities) as fetcher:
        for frame_index in (2, 4, 1, 5, 0, 3):
            frame, _ = fetcher.fetch(frame_index)
            assert tuple(frame.rgb()[20, 20]) == COLOURS[frame_index % 3]


def test_the_palette_is_hashed_and_its_bytes_are_read():
    picture = av.VideoFrame(10, 6, "pal8")
    picture.planes[1].update(bytes(range(256)) * 4)
    assert plane_rows(picture, 1).shape == (1, 1024)
    before = chroma_hash_of(picture)
    picture.planes[1].update(bytes(1024))
    assert chroma_hash_of(picture) != before


@pytest.mark.parametrize("field_order", [None, "tff"])
@pytest.mark.parametrize("tags", [Tags(2, 2, 2), Tags(2, 14, 9), Tags(2, 18, 9)], ids=["sdr", "bt2020", "hlg"])
@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le"])
def test_grey_black_is_black_and_white_is_white(tmp_path, pix_fmt, tags, field_order):
    levels = {"gray": (16, 235, np.uint8), "gray10le": (64, 940, np.uint16)}[pix_fmt]
    with av.open(str(tmp_path / "grey.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        context = stream.codec_context
        context.color_range, context.color_trc, context.color_primaries = 1, tags.transfer, tags.primaries
        if field_order and hasattr(context, "field_order"):
            context.field_order = 2
        for number in range(3):
            picture = av.VideoFrame(64, 48, pix_fmt)
            row = np.full(picture.planes[0].line_size // levels[2]().itemsize, levels[1], levels[2])
            row[:32] = levels[0]
            picture.planes[0].update(np.tile(row, 48).tobytes())
            picture.pts, picture.color_range = number, 1
            picture.color_trc, picture.color_primaries = tags.transfer, tags.primaries
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with VideoDecoder(tmp_path / "grey.mkv") as decoder:
        frame: Frame = list(decoder)[1]
    for array in (frame.rgb(), frame.luma(), frame.rgb16() / 257):
        assert array[10, 8].max() <= 1
        assert array[10, 56].min() >= 253.5


@pytest.mark.parametrize("size", [(64, 2), (2, 64), (4, 4)])
def test_an_interlaced_video_of_a_few_pixels_is_read(tmp_path, size):
    frames = [np.full((size[1], size[0], 3), 60 * i, np.uint8) for i in range(3)]
    encoding = Encoding(codec="ffv1", pix_fmt="yuv444p", options={}, field_order="tff")
    path = encode(tmp_path / "tiny.mkv", frames, encoding)
    with VideoDecoder(path) as decoder:
        assert [frame.rgb().shape for frame in decoder] == [(size[1], size[0], 3)] * 3


@pytest.mark.parametrize("pix_fmt", ["rgb555be", "rgb565be", "rgb48be", "rgb24"])
def test_uncompressed_quicktime_is_the_picture(tmp_path, pix_fmt):
    frames = [draw_frame(i) for i in range(3)]
    frames[1][100:120, :100], frames[1][100:120, 100:200] = 255, 0
    path = encode(tmp_path / "raw.mov", frames, Encoding(codec="rawvideo", pix_fmt=pix_fmt, options={}))
    with VideoDecoder(path) as decoder:
        frame: Frame = list(decoder)[1]
    assert decoder.header.pix_fmt == pix_fmt
    for array in (frame.rgb(), frame.rgb16() / 257):
        assert read_frame_index(array) == 1
        assert np.abs(array - frames[1].astype(float)).max() <= (16 if pix_fmt[3] == "5" else 1)  # dithered to 5 bits
        assert array[110, 50].min() >= 254
        assert array[110, 150].max() <= 0.5


@pytest.mark.parametrize("pix_fmt", ["rgb48le", "rgba64be"])
def test_raw_pictures_of_an_unknown_format_are_refused_in_one_line(tmp_path, pix_fmt):
    path = tmp_path / "deep.mov"  # FFmpeg writes what it cannot read again
    encode(path, [draw_frame(0)], Encoding(codec="rawvideo", pix_fmt=pix_fmt, options={}))
    with pytest.raises(BadInputError, match=r"deep\.mov: .*pixel format.* convert the file$"):
        VideoDecoder(path)


@pytest.mark.parametrize(
    ("codec", "suffix", "pix_fmt"),
    [
        *(("rawvideo", ".nut", "gray"), ("rawvideo", ".avi", "gray"), ("rawvideo", ".nut", "gray16le")),
        *(
            ("ffv1", ".nut", "gray"),
            ("ffv1", ".avi", "gray16le"),
            ("jpeg2000", ".mov", "gray"),
            ("png", ".mov", "gray"),
        ),
    ],
)
def test_untagged_grey_of_a_lossless_codec_has_the_full_range(tmp_path, codec, suffix, pix_fmt):
    ramp = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (64, 1))[..., None], 3, axis=2)
    path = encode(tmp_path / f"ramp{suffix}", [ramp] * 3, Encoding(codec=codec, pix_fmt=pix_fmt, options={}))
    with VideoDecoder(path) as decoder:
        frame = list(decoder)[1]
    for array in (frame.rgb()[..., 1], frame.luma(), frame.rgb16()[..., 1] / 257):
        assert np.abs(array[32] - ramp[32, :, 0].astype(float)).max() <= 1


def test_untagged_grey_of_a_lossy_codec_stays_limited(tmp_path):
    options = {"preset": "ultrafast", "x265-params": "log-level=none"}
    encoding = Encoding(codec="libx265", pix_fmt="gray", options=options)
    with VideoDecoder(encode(tmp_path / "grey.mp4", [draw_frame(i) for i in range(3)], encoding)) as decoder:
        assert decoder.header.pix_fmt == "gray"
        assert not decoder.header.look.colours.is_full_range


def test_a_picture_with_exif_is_read(tmp_path):
    path = encode(
        tmp_path / "exif.mov", [draw_frame(i) for i in range(3)], Encoding(codec="tiff", pix_fmt="rgb24", options={})
    )
    with VideoDecoder(path) as decoder:
        assert [read_frame_index(frame.rgb()) for frame in decoder] == [0, 1, 2]
