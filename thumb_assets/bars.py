"""Steady black bars around a video's picture: letterbox, pillarbox, both, or a single one.

What belongs here: the bars of one picture, and what all pictures of a video agree on. What does not: cutting them off
(`video.geometry`, export), and frames with more bars than the rest of the video (`appearance.bar_share`, select).
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.video.geometry import NO_BARS, Bars

# For so many seconds a picture is looked at twice a second, afterwards once: a look costs as much as decoding a frame.
_FIRST_SECONDS = 10
# A line (row or column) is black up to this level, which is studio black shown as full range and a little noise; by so
# much it may be brighter than the outermost one on average, which an encoder's ringing is and a half-lit line is not;
# and so many of its pixels may be bright: fewer than a line of subtitles or a logo has.
_MAX_LEVEL, _MAX_RISE, _BRIGHT, _MAX_BRIGHT_SHARE = 20.0, 12.0, 64, 0.01
# So many lines at the end of a bar may have a colour.
_TINTED_LINES = 2
# A bar ends in a straight edge: of the next so many lines, within the other bars, this share is brighter than the bar
# by so much. The edges of letters, of a stage or of a horizon are not.
_EDGE_LINES, _LEAST_EDGE, _STRAIGHT_SHARE = 5, 10.0, 0.7
# The bar of a video is the least of its pictures, give or take the lines that an encoder smears, where that edge is
# seen in this share of those that show something (the others may be dark there) and in so many (or in all). A bar of
# one line is noise.
_TOLERANCE, _STEADY_SHARE, _LEAST_STRAIGHT, _LEAST_LINES = 2, 0.2, 3, 2
# Less than this share of a side is no video with bars: a small thing on a black ground.
_LEAST_LEFT = 0.25

UInt8Array = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class BarsOfPicture:
    """The black lines of one picture at its left, top, right and bottom, and which of them end in a straight edge."""

    lines: tuple[int, int, int, int]
    is_straight: tuple[bool, bool, bool, bool]


_WITHOUT = BarsOfPicture((0, 0, 0, 0), (False, False, False, False))


def bars_of_picture(rgb: UInt8Array, luma: UInt8Array) -> BarsOfPicture | None:
    """The black lines around one picture; None where it is dark throughout and so says nothing.

    Args:
        rgb: (H, W, 3) uint8 RGB, full resolution: a reduced picture mixes the last line of a bar with the first behind.
        luma: (H, W) uint8, full range, of the same picture.

    >>> luma = np.full((90, 160), 120, np.uint8); luma[:12] = luma[-10:] = 0
    >>> bars_of_picture(luma[..., None].repeat(3, axis=2), luma)
    BarsOfPicture(lines=(0, 12, 0, 10), is_straight=(False, True, False, True))
    """
    import cv2

    # The greatest channel: a pure blue is dark in its luma alone.
    red, green, blue = cv2.split(rgb)
    value = np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)
    (left, right), (top, bottom) = _ends(value, luma, is_across=False), _ends(value, luma, is_across=True)
    inside = value[top : max(top, len(value) - bottom), left : max(left, value.shape[1] - right)]
    if not inside.size:
        return None
    turned = (inside.T, inside, inside.T[::-1], inside[::-1])
    outermost = (value[:, 0], value[0], value[:, -1], value[-1])
    lines = (left, top, right, bottom)
    straight = [
        num > 0 and bool((part[:_EDGE_LINES].max(axis=0) > np.median(line) + _LEAST_EDGE).mean() >= _STRAIGHT_SHARE)
        for num, part, line in zip(lines, turned, outermost, strict=True)
    ]
    return BarsOfPicture(lines, (straight[0], straight[1], straight[2], straight[3]))


def look_number(seconds: float) -> int:
    """The number of the look that a picture falls to, of those that are worth one.

    Args:
        seconds: since the video's first frame.

    >>> [look_number(seconds) for seconds in (0, 0.4, 0.5, 9.9, 10, 10.9, 11)]
    [0, 0, 1, 19, 20, 20, 21]
    """
    return math.floor(2 * min(seconds, _FIRST_SECONDS) + max(0.0, seconds - _FIRST_SECONDS))


class BarWatch:
    """Looks at pictures of one video and says which bars all of them had so far: hardly ever more than before.

    An edge that varies, as with subtitles in a bar or a scene in another shape, is none.
    """

    def __init__(self) -> None:
        self._size = (0, 0)
        self._num_known = 0
        self._least: list[int] = []
        self._straight: tuple[Counter[int], ...] = (Counter(), Counter(), Counter(), Counter())

    def observe(self, small: UInt8Array, full: Callable[[], tuple[UInt8Array, UInt8Array]]) -> None:
        """Takes one picture.

        Args:
            small: (h, w) uint8, its luma reduced: where the border is not dark the picture has no bar.
            full: gives the arguments of `bars_of_picture`, of the same size for all pictures.
        """
        borders = (small[0], small[-1], small[:, 0], small[:, -1])
        has_any = any(float(border.mean()) <= _MAX_LEVEL + _MAX_RISE for border in borders)
        found: BarsOfPicture | None = _WITHOUT
        if has_any:
            rgb, luma = full()
            self._size = (luma.shape[1], luma.shape[0])
            found = bars_of_picture(rgb, luma)
        if found is None:
            return
        self._num_known += 1
        self._least = [min(pair) for pair in zip(self._least or found.lines, found.lines, strict=True)]
        for counts, num, is_straight in zip(self._straight, found.lines, found.is_straight, strict=True):
            counts[num] += is_straight

    @property
    def bars(self) -> Bars:
        """The bars of all pictures so far."""
        if not self._num_known or not any(self._least):
            return NO_BARS
        ends = zip(self._least, self._straight, strict=True)
        left, top, right, bottom = (self._steady(least, counts) for least, counts in ends)
        bars = Bars(left, top, right, bottom)
        width, height = self._size
        is_enough = width - left - right >= _LEAST_LEFT * width and height - top - bottom >= _LEAST_LEFT * height
        return bars if is_enough else NO_BARS

    def _steady(self, least: int, straight: Counter[int]) -> int:
        """Lines of the bar on one side: of those within the tolerance as most pictures have it."""
        near = {least + more: straight[least + more] for more in range(_TOLERANCE + 1)}
        enough = max(_STEADY_SHARE * self._num_known, min(_LEAST_STRAIGHT, self._num_known))
        is_steady = least >= _LEAST_LINES and sum(near.values()) >= enough
        return max(near, key=lambda lines: near[lines]) if is_steady else 0


def _ends(value: UInt8Array, luma: UInt8Array, *, is_across: bool) -> tuple[int, int]:
    """Black lines at the beginning and at the end, rows (`is_across`) or columns.

    The last one may have the colour of the picture, whose chroma has half the lines.
    """
    coloured, black = _black_ends(value, is_across=is_across), _black_ends(luma, is_across=is_across)
    first, last = (
        grey if grey - plain <= _TINTED_LINES else plain for plain, grey in zip(coloured, black, strict=True)
    )
    return first, last


def _black_ends(value: UInt8Array, *, is_across: bool) -> tuple[int, int]:
    """Numbers of black lines at the beginning and at the end; all lines, twice, in a black picture."""
    import cv2

    _, bright = cv2.threshold(value, _BRIGHT, 1, cv2.THRESH_BINARY)
    means, shares = (
        np.asarray(cv2.reduce(each, int(is_across), cv2.REDUCE_AVG, dtype=cv2.CV_32F)).ravel()
        for each in (value, bright)
    )
    has_bright = shares > _MAX_BRIGHT_SHARE
    ends = (value[0], value[-1]) if is_across else (value[:, 0], value[:, -1])
    return _num_black(means, has_bright, ends[0]), _num_black(means[::-1], has_bright[::-1], ends[1])


def _num_black(means: npt.NDArray[Any], has_bright: npt.NDArray[np.bool_], outermost: npt.NDArray[np.uint8]) -> int:
    level = float(np.median(outermost))
    if level > _MAX_LEVEL:
        return 0
    others = np.flatnonzero((means > level + _MAX_RISE) | has_bright)
    return int(others[0]) if len(others) else len(means)
