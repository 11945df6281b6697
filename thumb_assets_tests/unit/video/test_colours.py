"""Known colours through a real file: the matrix and range that are tagged, or the rule for untagged video."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Interpolation

from thumb_assets.video.colour import Colours
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.frame import luma_hash_of
from thumb_assets.video.planes import num_picture_bytes, picture_from_planes, plane_rows
from thumb_assets.video.rendition import render

# Red and blue weights of the luma equation; ITU-R BT.601-7 2.5.1, BT.709-6 3.2, BT.2020-2 table 4.
WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
# FFmpeg's AVColorSpace.
TAGS = {"bt709": 1, "untagged": 2, "bt470bg": 5, "smpte170m": 6, "bt2020nc": 9}
LIMITED, FULL = 1, 2
COLOURS = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 30, 40), (40, 180, 60), (30, 50, 210), (220, 200, 40)]
TOLERANCE = 3  # 8-bit chroma alone is off by up to 2


def yuv(rgb, matrix, *, is_full_range=False):
    red_weight, blue_weight = WEIGHTS[matrix]
    red, green, blue = (value / 255 for value in rgb)
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    chroma_blue, chroma_red = (blue - luma) / (2 - 2 * blue_weight), (red - luma) / (2 - 2 * red_weight)
    if is_full_range:
        return round(255 * luma), round(128 + 255 * chroma_blue), round(128 + 255 * chroma_red)
    return round(16 + 219 * luma), round(128 + 224 * chroma_blue), round(128 + 224 * chroma_red)


def write_flat(path, planes, *, tag, color_range=LIMITED, size=(320, 180), pix_fmt="yuv420p"):
    """One frame of one colour, without loss, in Matroska, which keeps the tags."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.codec_context.colorspace, stream.codec_context.color_range = tag, color_range
        picture = av.VideoFrame(*size, pix_fmt)
        is_deep = picture.format.components[0].bits > 8
        for plane, value in zip(picture.planes, planes, strict=True):
            depth = np.uint16 if is_deep else np.uint8
            rows = np.full(plane.buffer_size // np.dtype(depth).itemsize, value << 2 if is_deep else value, depth)
            plane.update(rows.tobytes())
        picture.colorspace, picture.color_range, picture.pts = tag, color_range, 0
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def first_frame(path):
    with VideoDecoder(path) as decoder:
        return decoder.header, next(iter(decoder))


def assert_colour(array, colour):
    assert np.abs(array.reshape(-1, 3).astype(int) - colour).max() <= TOLERANCE


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("tag", "matrix", "size"),
    [
        ("bt709", "bt709", (320, 180)),
        ("bt470bg", "bt601", (320, 180)),
        ("smpte170m", "bt601", (1280, 720)),
        ("bt2020nc", "bt2020", (320, 180)),
        ("untagged", "bt601", (720, 576)),
        ("untagged", "bt709", (1280, 720)),
        ("untagged", "bt709", (1280, 540)),
    ],
)
def test_rgb_is_the_colour_that_was_encoded(tmp_path, colour, tag, matrix, size):
    path = write_flat(tmp_path / "a.mkv", yuv(colour, matrix), tag=TAGS[tag], size=size)
    header, frame = first_frame(path)
    assert header.color_space == ("unspecified" if tag == "untagged" else tag)
    assert_colour(frame.rgb(), colour)
    assert_colour(frame.rgb(64), colour)


@pytest.mark.parametrize("colour", COLOURS)
def test_ten_bits(tmp_path, colour):
    path = write_flat(tmp_path / "a.mkv", yuv(colour, "bt709"), tag=1, pix_fmt="yuv420p10le")
    header, frame = first_frame(path)
    assert header.bit_depth == 10
    assert_colour(frame.rgb(), colour)


@pytest.mark.parametrize("colour", COLOURS)
def test_full_range(tmp_path, colour):
    planes = yuv(colour, "bt709", is_full_range=True)
    header, frame = first_frame(write_flat(tmp_path / "a.mkv", planes, tag=1, color_range=FULL))
    assert header.color_range == "full"
    assert_colour(frame.rgb(), colour)


def test_white_is_white_and_black_is_black_at_every_size(tmp_path):
    for code, level in ((16, 0), (235, 255)):
        _, frame = first_frame(write_flat(tmp_path / f"{code}.mkv", (code, 128, 128), tag=1))
        assert (frame.rgb() == level).all()
        assert (frame.rgb(54) == level).all()


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize(("code", "level"), [(16, 0), (126, 128), (235, 255)])
def test_luma_of_limited_range_is_spread_to_full_range(tmp_path, pix_fmt, code, level):
    _, frame = first_frame(write_flat(tmp_path / "a.mkv", (code, 128, 128), tag=1, pix_fmt=pix_fmt))
    for luma in (frame.luma(), frame.luma(60)):
        assert luma.dtype == np.uint8
        assert np.abs(luma.astype(int) - level).max() <= 1


@pytest.mark.parametrize("code", [0, 16, 126, 235, 255])
def test_luma_of_full_range_is_kept(tmp_path, code):
    _, frame = first_frame(write_flat(tmp_path / "a.mkv", (code, 128, 128), tag=1, color_range=FULL))
    assert np.abs(frame.luma().astype(int) - code).max() <= 1


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("tag", "size"), [("bt709", (320, 180)), ("bt2020nc", (320, 180)), ("untagged", (1280, 720))])
def test_luma_of_a_colour_is_its_first_plane(tmp_path, colour, tag, size):
    # No matrix may touch luma: a gray target of another matrix would mix chroma into it.
    matrix = {"bt709": "bt709", "bt2020nc": "bt2020", "untagged": "bt709"}[tag]
    luma_code = yuv(colour, matrix)[0]
    _, frame = first_frame(write_flat(tmp_path / "c.mkv", yuv(colour, matrix), tag=TAGS[tag], size=size))
    for short_side in (None, 90):
        assert np.abs(frame.luma(short_side) - (luma_code - 16) * 255 / 219).max() <= 1


def ramp(pix_fmt, *, depth):
    """A grey ramp over all levels of a limited-range format of 10 or 12 bits, and what each level is in 0..1."""
    width, shift = 1024, depth - 10
    picture = av.VideoFrame(width, 16, pix_fmt)
    levels = (np.arange(width) << shift).astype(np.uint16)
    for position, plane in enumerate(picture.planes):
        rows = np.full((plane.height, plane.line_size // 2), 512 << shift, np.uint16)
        if position == 0:
            rows[:, :width] = levels
        plane.update(rows.tobytes())
    scale = 1 << (depth - 8)
    return picture, np.clip((levels / scale - 16) / 219, 0, 1)


@pytest.mark.parametrize(("pix_fmt", "depth"), [("yuv420p10le", 10), ("yuv444p10le", 10), ("yuv420p12le", 12)])
def test_deep_pictures_are_rounded_to_the_nearest(pix_fmt, depth):
    picture, exact = ramp(pix_fmt, depth=depth)
    rgb = render(picture, "rgb8", width=1024, height=16, colours=Colours())
    assert np.abs(rgb - 255 * exact[None, :, None]).max() <= 0.51
    deep = render(picture, "rgb16", width=1024, height=16, colours=Colours())
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - 255 * exact[None, :, None]).max() <= 0.02


@pytest.mark.parametrize(("color_range", "is_full"), [(LIMITED, False), (FULL, True), (0, True)])
def test_grey_video_is_not_washed_out(tmp_path, color_range, is_full):
    path = write_flat(tmp_path / "grey.mkv", [126], tag=2, color_range=color_range, pix_fmt="gray")
    header, frame = first_frame(path)
    assert header.look.colours.is_full_range is is_full
    expected = 126 if is_full else 128
    assert np.abs(frame.rgb().astype(int) - expected).max() <= 1
    assert np.abs(frame.luma(90).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "nv12", "p010le", "gbrp", "rgb24", "gray", "yuyv422"])
def test_a_picture_survives_its_bytes(pix_fmt):
    rng = np.random.default_rng(1)
    picture = av.VideoFrame.from_ndarray(rng.integers(0, 256, (46, 70, 3), np.uint8), format="rgb24")
    picture = picture.reformat(format=pix_fmt)
    data = b"".join(plane_rows(picture, index).tobytes() for index in range(len(picture.planes)))
    assert len(data) == num_picture_bytes(70, 46, pix_fmt)
    again = picture_from_planes(data, width=70, height=46, pix_fmt=pix_fmt)
    assert luma_hash_of(again) == luma_hash_of(picture)
    assert (again.to_ndarray(format="rgb24") == picture.to_ndarray(format="rgb24")).all()
    with pytest.raises(ValueError, match="are not a 70x46 picture"):
        picture_from_planes(data[:-1], width=70, height=46, pix_fmt=pix_fmt)


@pytest.mark.parametrize("size", [(320, 180), (160, 90), (300, 90), (121, 68), (213, 120), (53, 30), (400, 180)])
@pytest.mark.parametrize(
    "pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv410p", "yuv420p10le", "yuv422p10le", "yuva420p", "nv12", "p010le"]
)
def test_rgb_is_that_of_swscale_by_pixels(pix_fmt, size):
    num_bytes = num_picture_bytes(320, 180, pix_fmt)
    levels = np.random.default_rng(1).integers(0, 256, num_bytes, np.uint8)
    if pix_fmt.endswith("10le"):
        levels[1::2] &= 3
    picture = picture_from_planes(levels.tobytes(), width=320, height=180, pix_fmt=pix_fmt)
    exact = 0x2000 | 0x40000  # SWS_FULL_CHR_H_INT, SWS_ACCURATE_RND
    is_reduced = size[0] < 320 or size[1] < 180
    by_pixels = picture.reformat(
        *size,
        format="rgb24",
        src_colorspace=1,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=int(Interpolation.AREA if is_reduced else Interpolation.BICUBIC) | exact,
        threads=1,
    )
    rgb = render(picture, "rgb8", width=size[0], height=size[1], colours=Colours(matrix=1))
    assert np.array_equal(rgb, by_pixels.to_ndarray())
