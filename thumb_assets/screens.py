"""Pictures of screens: how much of one is a single flat colour, and where its edges are.

What belongs here: the two measures of slides and screen recordings, on pictures of fixed sizes. What does not: when a
video is such a recording and how long a state of the screen lasts (candidates), which states are kept (select).
"""

import numpy as np
import numpy.typing as npt

# Lines of the colour picture, and the size (width, height) of the sample of its pixels that is counted.
COLOUR_LINES = 144
_COLOUR_SIZE = (96, 54)
# Levels per channel are 256 >> this: 8 x 8 x 8 colours.
_COLOUR_SHIFT = 5
# Size (width, height) of the picture in which edges are looked for, and the thresholds of Canny's hysteresis.
EDGE_SIZE = (192, 108)
_EDGE_THRESHOLDS = (60, 160)
# Size (width, height) at which two states are compared, and the levels by which a pixel differs that has changed.
_COMPARED_SIZE, _LEAST_CHANGE = (96, 54), 12

UInt8Array = npt.NDArray[np.uint8]


def largest_colour_share(rgb: UInt8Array) -> float:
    """Share of the picture that the commonest of 512 colours covers, 0..1.

    A page, a terminal or an editor has a ground of one colour; a filmed picture hardly ever has.

    Args:
        rgb: (H, W, 3) uint8 RGB, shorter side about COLOUR_LINES.

    >>> picture = np.full((108, 192, 3), 255, np.uint8); picture[:, :48] = (200, 30, 30)
    >>> largest_colour_share(picture)
    0.75
    """
    import cv2

    small = np.asarray(cv2.resize(rgb, _COLOUR_SIZE, interpolation=cv2.INTER_NEAREST), np.int64)
    codes = (small >> _COLOUR_SHIFT) @ np.array([64, 8, 1])
    return float(np.bincount(codes.ravel()).max() / codes.size)


def edge_bits(luma: UInt8Array) -> str:
    """The picture's edges (Canny) at EDGE_SIZE: a bit per pixel, row by row, as hex digits.

    Canny, "A computational approach to edge detection", PAMI 1986.

    Args:
        luma: (H, W) uint8, full range.
    """
    import cv2

    small = np.asarray(cv2.resize(luma, EDGE_SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    return np.packbits(cv2.Canny(small, *_EDGE_THRESHOLDS) > 0).tobytes().hex()


def compared_picture(luma: UInt8Array) -> UInt8Array:
    """The luma reduced for `changed_share`, (54, 96) uint8.

    Args:
        luma: (H, W) uint8, full range.
    """
    import cv2

    return np.asarray(cv2.resize(luma, _COMPARED_SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def changed_share(picture: UInt8Array, before: UInt8Array) -> float:
    """Share of the pixels of two `compared_picture`s that differ, 0..1.

    >>> changed_share(np.full((54, 96), 200, np.uint8), np.full((54, 96), 190, np.uint8))
    0.0
    """
    return float(np.mean(np.abs(picture.astype(np.int16) - before.astype(np.int16)) > _LEAST_CHANGE))
