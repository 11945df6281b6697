"""The picture in another size: by planes as swscale makes it packed."""

from dataclasses import replace

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Interpolation

from thumb_assets.video.colour import resolve_colours
from thumb_assets.video.rendition import render

_FORMATS = (
    "gray",
    "gray10le",
    "nv12",
    "p010le",
    "uyvy422",
    "ya8",
    "yuv410p",
    "yuv411p",
    "yuv420p",
    "yuv420p10le",
    "yuv420p16be",
    "yuv422p",
    "yuv422p12le",
    "yuv440p",
    "yuv444p",
    "yuv444p14le",
    "yuva420p",
    "yuva444p16le",
    "yuvj420p",
)
_SIZES = ((95, 61), (47, 30), (40, 23), (48, 31), (200, 130), (70, 50), (94, 60), (120, 61), (95, 70))


def pictures() -> list[av.VideoFrame]:
    """Noise, and something smooth, 95x61."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (61, 95, 3), dtype=np.uint8)
    smooth = cv2.resize(random.integers(0, 256, (6, 9, 3), dtype=np.uint8), (95, 61), interpolation=cv2.INTER_CUBIC)
    return [av.VideoFrame.from_ndarray(each, format="rgb24") for each in (noise, np.asarray(smooth, np.uint8))]


@pytest.mark.parametrize("name", _FORMATS)
def test_rgb_of_planes_is_swscales_packed_rgb_to_the_last_bit(name: str) -> None:
    exact = 0x2000 | 0x40000  # SWS_FULL_CHR_H_INT, SWS_ACCURATE_RND
    for picture in (each.reformat(format=name) for each in pictures()):
        colours = replace(resolve_colours(picture), is_grey=False)  # what greys get beyond swscale is no matter here
        for width, height in _SIZES:
            is_reduced = width < picture.width or height < picture.height
            packed = picture.reformat(
                width=width,
                height=height,
                format="rgb24",
                interpolation=int(Interpolation.AREA if is_reduced else Interpolation.BICUBIC) | exact,
                threads=1,
                src_color_range=ColorRange.JPEG if colours.is_full_range else ColorRange.MPEG,
                dst_color_range=ColorRange.JPEG,
                src_colorspace=colours.matrix,
            ).to_ndarray()
            assert np.array_equal(render(picture, "rgb8", width=width, height=height, colours=colours), packed)
