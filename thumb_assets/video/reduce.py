"""A picture reduced straight from the decoder's planes by exact area averages: what every frame needs, at little cost.

FFmpeg's scaler takes twice as long for a luma of half the size, and five times as long for a small RGB picture.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from thumb_assets.video.colour import Colours
from thumb_assets.video.planes import plane_rows

UInt8Array = npt.NDArray[np.uint8]
AnyArray = npt.NDArray[Any]

_NUMBER_BYTES = (2, 4, 8)  # of whole numbers that NumPy has
# (Kr, Kb) by swscale's number of the matrix: BT.709 item 3.2, FCC 47 CFR 73.682, BT.601 item 2.5.1, SMPTE 240M,
# BT.2020 table 4.
_LUMA_COEFFICIENTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}


@contextmanager
def one_thread_per_picture() -> Iterator[None]:
    """Inside, OpenCV works on a picture with the thread that calls it.

    A small picture is done before a second thread has woken up, and threads that wait for the next one burn the time of
    the decoder's: a tenth of the whole job was seen.
    """
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


class ReducedPlanes:
    """The planes of one picture at smaller sizes; each halving of the luma is made once, whoever asks.

    Args:
        picture: as decoded.
        colours: of its stream.
    """

    def __init__(self, picture: av.VideoFrame, colours: Colours) -> None:
        self._picture = picture
        self._colours = colours
        self._bits, self._num_components = _bits_and_components(picture.format.name)
        self._is_planar = not colours.needs_map and _is_planar(picture.format.name)
        self._halvings: list[AnyArray] = []

    def luma(self, width: int, height: int) -> UInt8Array | None:
        """The luma, full range, where the size is a whole fraction of the picture's and its first plane is luma alone.

        Returns:
            (height, width) uint8, or None where it cannot be had in this way.
        """
        factor = self._picture.width // width
        is_fraction = (width * factor, height * factor) == (self._picture.width, self._picture.height)
        if factor < 2 or not is_fraction or not self._is_planar:
            return None
        return _stretched(self._luma_samples(width, height), bits=self._bits, is_full_range=self._colours.is_full_range)

    def small_rgb(self, width: int, height: int) -> UInt8Array | None:
        """The picture as decoded (not turned, its pixels not squared), reduced to half its size or less.

        Returns:
            (height, width, 3) uint8 RGB, or None where it cannot be had in this way.
        """
        import cv2

        is_reduced = 2 * width <= self._picture.width and 2 * height <= self._picture.height
        if not is_reduced or not self._is_planar or self._num_components < 3:
            return None
        # Four samples of chroma for each that comes out are enough to compare by, and a quarter of the work.
        thinned = [_thinned(self._samples(index), least_rows=2 * height) for index in (1, 2)]
        chroma = [_area_average(samples, width, height) for samples in thinned]
        merged = cv2.merge([self._luma_samples(width, height), *chroma])
        # In floats: OpenCV transforms 8 bits with so few that a grey gets a tint, and with it a hue to be compared.
        rgb = cv2.transform(merged.astype(np.float32), _to_rgb_matrix(self._colours, bits=self._bits))
        return _to_bytes(np.asarray(rgb))

    def _luma_samples(self, width: int, height: int) -> AnyArray:
        """The luma as coded; every halving on the way is kept."""
        if not self._halvings:
            self._halvings.append(self._samples(0))
        level = 0
        while (size := _half_size(self._halvings[level], width, height)) is not None:
            level += 1
            if level == len(self._halvings):
                self._halvings.append(_resized(self._halvings[-1], *size))
        samples = self._halvings[level]
        return samples if samples.shape == (height, width) else _resized(samples, width, height)

    def _samples(self, plane_index: int) -> AnyArray:
        rows = plane_rows(self._picture, plane_index)
        return rows if self._bits == 8 else rows.view(np.uint16)


def small_size(width: int, height: int, *, least_short_side: int) -> tuple[int, int]:
    """A size divided by the greatest power of two that leaves the shorter side at least so long.

    >>> small_size(1920, 1080, least_short_side=135), small_size(200, 150, least_short_side=135)
    ((240, 135), (200, 150))
    """
    factor = 1
    while min(width, height) // (2 * factor) >= least_short_side:
        factor *= 2
    return width // factor, height // factor


@cache
def _is_planar(name: str) -> bool:
    """True for a pixel format of YUV with one component per plane, in whole bytes of this machine's order."""
    components = av.VideoFormat(name).components
    return (
        name.startswith("yuv")
        and len({component.plane for component in components}) == len(components)
        and not name.endswith(("be", "msble"))  # the bytes or the bits the other way round
        and components[0].bits <= 16
    )


@cache
def _bits_and_components(name: str) -> tuple[int, int]:
    """Bits of a sample of a pixel format, which in YUV all planes share, and its number of components."""
    components = av.VideoFormat(name).components
    return components[0].bits, len(components)


def _thinned(samples: AnyArray, *, least_rows: int) -> AnyArray:
    """Every so many-th sample of every so many-th row."""
    step = max(1, len(samples) // least_rows)
    num_bytes = step * samples.itemsize
    if step > 1 and num_bytes in _NUMBER_BYTES and samples.shape[1] % step == 0:
        # The first of so many neighbours is the low end of the number that they make, and cut off faster than picked.
        return samples[::step].view(f"<u{num_bytes}").astype(samples.dtype)
    return np.ascontiguousarray(samples[::step, ::step])


def halved(samples: AnyArray, width: int, height: int) -> AnyArray:
    """The area average by halves, while they come out even and no side becomes less than is wanted.

    Three times as fast as one step of a larger factor.

    Args:
        samples: (H, W), uint8 or uint16.
    """
    while (size := _half_size(samples, width, height)) is not None:
        samples = _resized(samples, *size)
    return samples


def _area_average(samples: AnyArray, width: int, height: int) -> AnyArray:
    samples = halved(samples, width, height)
    return samples if samples.shape == (height, width) else _resized(samples, width, height)


def _half_size(samples: AnyArray, width: int, height: int) -> tuple[int, int] | None:
    """(width, height) of half the size, where it comes out even and is not less than what is wanted."""
    rows, columns = samples.shape
    is_even = rows % 2 == columns % 2 == 0
    return (columns // 2, rows // 2) if is_even and columns // 2 >= width and rows // 2 >= height else None


def _resized(samples: AnyArray, width: int, height: int) -> AnyArray:
    """By area; where no more than about four samples make one, the linear way takes the same ones and is quicker."""
    import cv2

    rows, columns = samples.shape
    is_reduced_much = rows > 2.1 * height or columns > 2.1 * width
    how = cv2.INTER_AREA if is_reduced_much else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(samples, (width, height), interpolation=how))


def _stretched(coded: AnyArray, *, bits: int, is_full_range: bool) -> UInt8Array:
    """Full range 0..255 out of coded values, rounded once more."""
    if bits == 8 and is_full_range:
        return np.asarray(coded, dtype=np.uint8)
    scale, black = _scale_and_black(bits, is_full_range=is_full_range)
    return _to_bytes(coded, scale=scale, offset=-scale * black)


def _to_bytes(values: AnyArray, *, scale: float = 1.0, offset: float = 0.0) -> UInt8Array:
    """`scale` x values + `offset`, rounded and cut to 0..255, by the quickest of OpenCV's ways that cuts below 0."""
    import cv2

    return np.asarray(cv2.addWeighted(values, scale, values, 0.0, offset, dtype=cv2.CV_8U), dtype=np.uint8)


def _scale_and_black(bits: int, *, is_full_range: bool) -> tuple[float, int]:
    """Factor to 0..255, and the code value of black (BT.709 item 4.6 for the limited range)."""
    if is_full_range:
        return 255 / (2**bits - 1), 0
    return 255 / (219 << (bits - 8)), 16 << (bits - 8)


@cache
def _to_rgb_matrix(colours: Colours, *, bits: int) -> npt.NDArray[np.float32]:
    """(3, 4) float32: R, G, B of 0..255 out of coded Y, Cb, Cr and 1."""
    red, blue = _LUMA_COEFFICIENTS[colours.matrix]
    green = 1 - red - blue
    luma_scale, black = _scale_and_black(bits, is_full_range=colours.is_full_range)
    chroma_scale = luma_scale if colours.is_full_range else 255 / (224 << (bits - 8))
    to_red, to_blue = 2 * (1 - red) * chroma_scale, 2 * (1 - blue) * chroma_scale
    linear = np.array(
        [
            [luma_scale, 0, to_red],
            [luma_scale, -to_blue * blue / green, -to_red * red / green],
            [luma_scale, to_blue, 0],
        ]
    )
    middle = 1 << (bits - 1)
    # A hair off, since a grey half way between two levels would be rounded up in one channel and down in another.
    offset = -linear @ np.array([black, middle, middle]) - 1e-3
    return np.column_stack([linear, offset]).astype(np.float32)
