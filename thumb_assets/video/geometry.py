"""From decoded pixels to displayed pixels: pixel aspect ratio first, then rotation. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class Geometry:
    """How a decoded frame is shown.

    Attributes:
        width, height: decoded size in pixels.
        sample_aspect_ratio: width of a pixel over its height.
        rotation_degrees: counter-clockwise turn that makes the frame upright, a multiple of 90.
    """

    width: int
    height: int
    sample_aspect_ratio: Fraction = Fraction(1)
    rotation_degrees: int = 0

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Geometry":
        """The geometry a row of the `videos` table describes."""
        ratio = Fraction(row["sample_aspect_ratio_num"], row["sample_aspect_ratio_den"])
        return cls(row["width"], row["height"], ratio, row["rotation_degrees"])

    @property
    def num_quarter_turns(self) -> int:
        """Counter-clockwise quarter turns, 0..3."""
        return round(self.rotation_degrees / 90) % 4

    @property
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
        scale = Fraction(short_side, min(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))
