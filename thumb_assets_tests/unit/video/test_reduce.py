"""Small pictures straight from the decoder's planes agree with FFmpeg's scaler, and greys stay grey."""

import av
import numpy as np
import pytest

from thumb_assets.video.colour import Colours
from thumb_assets.video.frame import Frame, Look
from thumb_assets.video.geometry import Geometry
from thumb_assets.video.planes import picture_from_planes
from thumb_assets.video.reduce import ReducedPlanes, _thinned
from thumb_assets.video.rendition import render

WIDTH, HEIGHT = 480, 272
PLANAR = ["yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuv420p10le", "yuv444p12le", "yuva420p"]


def drawn(pix_fmt: str, *, width: int = WIDTH, height: int = HEIGHT) -> av.VideoFrame:
    """A smooth picture with a few edges, in any format."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], axis=2).astype(np.uint8)
    rgb[height // 4 : height // 2, width // 4 : width // 2] = (200, 40, 90)
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pix_fmt)


def colours_of(pix_fmt: str) -> Colours:
    return Colours(matrix=5, is_full_range=pix_fmt.startswith("yuvj"))


def frame_of(picture: av.VideoFrame, colours: Colours) -> Frame:
    geometry = Geometry(picture.width, picture.height)
    return Frame(picture, frame_index=0, pts=0, pts_seconds=0.0, look=Look(geometry, colours), is_keyframe=True)


@pytest.mark.parametrize("pix_fmt", [*PLANAR, "nv12"])
def test_the_luma_is_that_of_the_scaler(pix_fmt: str) -> None:
    picture, colours = drawn(pix_fmt), colours_of(pix_fmt)
    expected = render(picture, "luma", width=WIDTH // 2, height=HEIGHT // 2, colours=colours).astype(int)
    found = frame_of(picture, colours).luma(HEIGHT // 2)
    assert found.shape == (HEIGHT // 2, WIDTH // 2)
    assert np.abs(found - expected).max() <= 2
    assert np.abs(found - expected).mean() < 0.6


@pytest.mark.parametrize("pix_fmt", PLANAR)
def test_the_small_picture_is_that_of_the_scaler(pix_fmt: str) -> None:
    picture, colours = drawn(pix_fmt), colours_of(pix_fmt)
    small = ReducedPlanes(picture, colours).small_rgb(WIDTH // 4, HEIGHT // 4)
    assert small is not None
    assert small.shape == (HEIGHT // 4, WIDTH // 4, 3)
    expected = render(picture, "rgb8", width=WIDTH // 4, height=HEIGHT // 4, colours=colours).astype(int)
    assert np.abs(small - expected).mean() < 1.5


@pytest.mark.parametrize("is_full_range", [False, True])
@pytest.mark.parametrize("bits", [8, 10])
def test_a_grey_stays_grey_at_every_level(bits: int, *, is_full_range: bool) -> None:
    levels = np.arange(2**bits).reshape(-1, 32).repeat(8, axis=0).repeat(8, axis=1)
    height, width = levels.shape
    dtype = np.uint8 if bits == 8 else np.uint16
    chroma = np.full((2, height // 2, width // 2), 2 ** (bits - 1), dtype)
    data = levels.astype(dtype).tobytes() + chroma.tobytes()
    pix_fmt = "yuv420p" if bits == 8 else "yuv420p10le"
    picture = picture_from_planes(data, width=width, height=height, pix_fmt=pix_fmt)
    for matrix in (1, 4, 5, 7, 9):
        small = ReducedPlanes(picture, Colours(matrix=matrix, is_full_range=is_full_range)).small_rgb(
            width // 8, height // 8
        )
        assert small is not None
        assert (small == small[..., :1]).all()
        assert (small.min(), small.max()) == (0, 255)


@pytest.mark.parametrize("width", [96, 97])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 8])
def test_samples_are_thinned_by_steps(step: int, dtype: type, width: int) -> None:
    padded = np.random.default_rng(step).integers(0, np.iinfo(dtype).max, (48, 128)).astype(dtype)
    samples = padded[:, :width]
    assert np.array_equal(_thinned(samples, least_rows=48 // step), samples[::step, ::step])


def test_a_size_that_is_no_whole_fraction_is_left_to_the_scaler() -> None:
    planes = ReducedPlanes(drawn("yuv420p"), Colours())
    assert planes.luma(WIDTH // 2, HEIGHT // 2) is not None
    assert planes.luma(WIDTH * 2 // 3, HEIGHT * 2 // 3) is None
    assert planes.luma(WIDTH, HEIGHT) is None
    assert planes.small_rgb(WIDTH, HEIGHT) is None


@pytest.mark.parametrize("pix_fmt", ["rgb24", "gray", "pal8", "yuv420p10be"])
def test_other_formats_are_left_to_the_scaler(pix_fmt: str) -> None:
    source = av.VideoFrame(WIDTH, HEIGHT, pix_fmt) if pix_fmt == "pal8" else drawn(pix_fmt)
    planes = ReducedPlanes(source, Colours(is_full_range=True))
    assert planes.luma(WIDTH // 2, HEIGHT // 2) is None
    assert planes.small_rgb(WIDTH // 4, HEIGHT // 4) is None


def test_colours_that_must_be_mapped_are_left_to_the_scaler() -> None:
    planes = ReducedPlanes(drawn("yuv420p10le"), Colours(matrix=9, transfer="pq", primaries="bt2020"))
    assert planes.luma(WIDTH // 2, HEIGHT // 2) is None
    assert planes.small_rgb(WIDTH // 4, HEIGHT // 4) is None


def test_asking_for_one_size_does_not_change_another() -> None:
    picture, colours = drawn("yuv420p"), Colours(matrix=5)
    alone = ReducedPlanes(picture, colours).small_rgb(WIDTH // 4, HEIGHT // 4)
    both = ReducedPlanes(picture, colours)
    both.luma(WIDTH // 2, HEIGHT // 2)
    shared = both.small_rgb(WIDTH // 4, HEIGHT // 4)
    assert alone is not None
    assert shared is not None
    assert np.array_equal(alone, shared)


def test_a_picture_of_another_size_on_the_way_is_compared_at_the_size_of_the_others() -> None:
    look = Look(Geometry(WIDTH, HEIGHT), Colours(matrix=5))
    for width, height in ((WIDTH, HEIGHT), (640, 360), (160, 90)):
        frame = Frame(
            drawn("yuv420p", width=width, height=height),
            frame_index=0,
            pts=0,
            pts_seconds=0.0,
            look=look,
            is_keyframe=True,
        )
        assert frame.small_rgb(60).shape == (HEIGHT // 4, WIDTH // 4, 3)
