"""From decoded pixels to displayed pixels: pixel aspect ratio first, then mirroring, then rotation. Pure."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Bars:
    """Black bars around the picture, in pixels of the displayed frame; 0 where there is none."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Bars":
        """The bars a row of the `videos` table describes."""
        return cls(row["bar_left"], row["bar_top"], row["bar_right"], row["bar_bottom"])

    def __bool__(self) -> bool:
        """True where there is any."""
        return self != NO_BARS

    def part_of(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left and top edge, width and height of the picture between the bars of a frame of that size.

        >>> Bars(top=138, bottom=138).part_of(1920, 1080)
        (0, 138, 1920, 804)
        """
        return self.left, self.top, width - self.left - self.right, height - self.top - self.bottom


NO_BARS = Bars()


@dataclass(frozen=True)
class Crop:
    """Columns and rows that the container has a player leave out, in decoded pixels, before any turn."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def part_of(self, width: int, height: int, *, step: tuple[int, int] = (1, 1)) -> tuple[int, int, int, int]:
        """Left and top edge, width and height of what is shown of a decoded picture of that size.

        Args:
            step: columns and rows that share a chroma sample; edges and sizes are rounded down to them, as in FFmpeg.

        Returns:
            All of the picture where nothing would be left of it.

        >>> Crop(left=3, bottom=8).part_of(640, 360, step=(2, 2))
        (2, 0, 636, 352)
        """
        across, down = step
        x, y = self.left // across * across, self.top // down * down
        shown_width = (width - self.left - self.right) // across * across
        shown_height = (height - self.top - self.bottom) // down * down
        return (x, y, shown_width, shown_height) if min(shown_width, shown_height) > 0 else (0, 0, width, height)


NO_CROP = Crop()

# FFmpeg's display matrix: nine int32, row by row; the first two columns of the first two rows turn the picture.
_DISPLAY_MATRIX = struct.Struct("<9i")


@dataclass(frozen=True)
class Geometry:
    """Turn, mirroring and size with which a decoded frame is shown.

    Attributes:
        width, height: size in pixels of what is shown, decoded and without the container's crop.
        sample_aspect_ratio: width of a pixel over its height.
        rotation_degrees: counter-clockwise turn that makes the frame upright, a multiple of 90.
        is_mirrored: whether left and right are exchanged before that turn.
    """

    width: int
    height: int
    sample_aspect_ratio: Fraction = Fraction(1)
    rotation_degrees: int = 0
    is_mirrored: bool = False

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Geometry":
        """The geometry a row of the `videos` table describes."""
        ratio = Fraction(row["sample_aspect_ratio_num"], row["sample_aspect_ratio_den"])
        return cls(row["width"], row["height"], ratio, row["rotation_degrees"], row["is_mirrored"])

    @property
    def num_quarter_turns(self) -> int:
        """Counter-clockwise quarter turns, 0..3."""
        return round(self.rotation_degrees / 90) % 4

    @cached_property
    def square_size(self) -> tuple[int, int]:
        """(width, height) with square pixels before rotation; the shorter axis is enlarged, so no pixel is lost.

        >>> Geometry(704, 576, Fraction(16, 11)).square_size
        (1024, 576)
        >>> Geometry(640, 360, Fraction(1, 2)).square_size
        (640, 720)
        """
        if self.sample_aspect_ratio >= 1:
            return max(1, round(self.width * self.sample_aspect_ratio)), self.height
        return self.width, max(1, round(self.height / self.sample_aspect_ratio))

    @property
    def display_size(self) -> tuple[int, int]:
        """(width, height) as a person sees it: square pixels, upright."""
        width, height = self.square_size
        return (height, width) if self.num_quarter_turns % 2 else (width, height)

    def scaled_square_size(self, short_side: int | None) -> tuple[int, int]:
        """`square_size` reduced so that its shorter side is `short_side`; never enlarged.

        >>> Geometry(1920, 1080).scaled_square_size(540)
        (960, 540)
        >>> Geometry(320, 180).scaled_square_size(540)
        (320, 180)
        """
        width, height = self.square_size
        if short_side is None or min(width, height) <= short_side:
            return width, height
        return _scaled_size(width, height, short_side)

    def upright(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A picture (H, W) or (H, W, C) of square pixels, mirrored and turned as it is shown; contiguous.

        >>> Geometry(2, 1, rotation_degrees=90, is_mirrored=True).upright(np.array([[1, 2]]))
        array([[1],
               [2]])
        """
        if not self.num_quarter_turns and not self.is_mirrored:
            return np.ascontiguousarray(array)
        mirrored = array[:, ::-1] if self.is_mirrored else array
        return np.ascontiguousarray(np.rot90(mirrored, self.num_quarter_turns))


@lru_cache(maxsize=256)  # asked for every picture of a video; fractions are slow
def _scaled_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    scale = Fraction(short_side, min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def orientation_of(display_matrix: bytes) -> tuple[int, bool]:
    """(rotation_degrees, is_mirrored) of FFmpeg's display matrix; turns are rounded to a multiple of 90.

    The matrix maps a row vector: [x', y'] = [x, y] [[a, b], [c, d]], y pointing down. A negative determinant mirrors;
    what is left when the x axis is mirrored back is the turn (libavutil/display.c for its sign).

    Args:
        display_matrix: 36 bytes, as in the frame's side data.

    >>> orientation_of(_DISPLAY_MATRIX.pack(0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30))
    (-90, False)
    """
    a, b, _, c, d, *_ = _DISPLAY_MATRIX.unpack(display_matrix)
    is_mirrored = a * d - b * c < 0
    sign = -1 if is_mirrored else 1
    if a == 0 and b == 0:  # no turn can be read from a matrix that maps everything to a line
        return 0, False
    degrees = 90 * round(math.degrees(-math.atan2(sign * b, sign * a)) / 90)
    return (180 if degrees == -180 else degrees) + 0, is_mirrored
