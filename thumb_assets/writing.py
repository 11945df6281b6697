"""Lines of writing in a picture: titles, captions, subtitles, credits.

What belongs here: finding regions that look like letters and stand in a row. What does not: reading them, and how much
writing is too much (select). No model: letters are told by what holds for any alphabet that sets one beside the other.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# A letter is brighter, or darker, than the mean of the square of this side around it: at each pixel by so many levels,
# and by this share of what stands out most there, which parts letters whose soft edges touch; on the average by more.
# Written letters are made to be read; what belongs to the scene seldom stands out so.
_AROUND, _LEAST_CONTRAST, _CONTRAST_SHARE, _MEAN_CONTRAST = 31, 18.0, 0.35, 40.0
# Of one level, but for its soft edge: standard deviation in levels, or of the contrast where that allows for more.
_MOST_DEVIATION, _DEVIATION_SHARE = 36.0, 0.4
# Least height in lines, greatest of the picture's height; width of the height; share of its box that it fills.
_LEAST_HEIGHT, _GREATEST_HEIGHT = 6, 0.25
_WIDTHS, _LEAST_FILL = (0.1, 1.7), 0.2
# Neighbours: heights and levels that go together, one line to stand on or to hang from, no farther apart than they are
# high.
_HEIGHT_RATIO, _LEVELS_APART, _OFF_LINE, _GAP = 1.7, 22.0, 0.18, 1.0
# A line has so many letters at least, and is so much wider than tall.
_LEAST_LETTERS, _LINE_RATIO = 4, 2.0
# Regions that are compared with one another: those that stand out most. A page of small print has fewer.
_MOST_REGIONS = 1500
# Writing stands where so much of its letters is there in so much of the video's time; in fewer pictures than this none
# is known to stand.
_STANDING_TIME, _STANDING_LETTERS, _LEAST_PICTURES = 0.5, 0.6, 3

UInt8Array = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class Line(NamedTuple):
    """The box of a line of writing, in pixels."""

    x: int
    y: int
    width: int
    height: int


class Writing(NamedTuple):
    """The lines of a picture, each with its letters.

    Attributes:
        shape: (lines, columns) of the picture.
        lines: their boxes.
        letters: of each line (height, width) int8: 1, or -1 where they are darker than around them; else 0.
    """

    shape: tuple[int, int]
    lines: tuple[Line, ...]
    letters: tuple[npt.NDArray[np.int8], ...]


def writing_of(luma: UInt8Array) -> Writing:
    """The lines of writing in a picture and the letters in them; see `lines_of_writing`."""
    around = _mean_around(luma)
    lines = _lines(luma, around)
    if not lines:
        return Writing((luma.shape[0], luma.shape[1]), (), ())
    contrast = luma.astype(np.int16) - around
    letters = tuple(_ink(contrast[y : y + height, x : x + width]) for x, y, width, height in lines)
    return Writing((luma.shape[0], luma.shape[1]), tuple(lines), letters)


def _ink(contrast: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Signed mask of what stands out in a line by over half its most: of the two sides the one that stands out more."""
    sign = 1 if contrast.max() >= -int(contrast.min()) else -1
    own = sign * contrast
    return np.asarray((own > max(_LEAST_CONTRAST, own.max() / 2)) * sign, np.int8)


def share_of(writing: Writing, *, is_counted: Sequence[bool] | None = None) -> float:
    """Share of the picture that its lines cover, 0..1.

    Args:
        is_counted: for each line; None counts all.
    """
    covered = np.zeros(writing.shape, np.bool_)
    for place, (x, y, width, height) in enumerate(writing.lines):
        if is_counted is None or is_counted[place]:
            covered[y : y + height, x : x + width] = True
    return float(covered.mean())


def passing_shares(writings: Sequence[Writing], seconds: Sequence[float]) -> list[float]:
    """Share of each picture of a video covered by writing that does not stand in the same place in most of the video.

    A watermark or a channel's logo is in every picture and says nothing of one. Captions change, and so do their
    letters, though their place is the same.

    Args:
        writings: of pictures of one video, the lines of all in one size of picture.
        seconds: how much of the video's time each picture stands for.
    """
    if len(writings) < _LEAST_PICTURES or len({writing.shape for writing in writings}) > 1:
        return [share_of(writing) for writing in writings]
    least = _STANDING_TIME * sum(seconds)
    stands = {sign: _seconds_of_letters(writings, seconds, sign=sign) > least for sign in (1, -1)}
    return [
        share_of(
            writing,
            is_counted=[
                not _is_standing(line, letters, stands)
                for line, letters in zip(writing.lines, writing.letters, strict=True)
            ],
        )
        for writing in writings
    ]


def _seconds_of_letters(writings: Sequence[Writing], seconds: Sequence[float], *, sign: int) -> FloatArray:
    """For how long each pixel belongs to a letter that is brighter, or darker, than around it."""
    total = np.zeros(writings[0].shape)
    for writing, own_seconds in zip(writings, seconds, strict=True):
        is_letter = np.zeros(writing.shape, np.bool_)
        for (x, y, width, height), letters in zip(writing.lines, writing.letters, strict=True):
            is_letter[y : y + height, x : x + width] |= letters == sign
        total += is_letter * own_seconds
    return total


def _is_standing(line: Line, letters: npt.NDArray[np.int8], stands: dict[int, BoolArray]) -> bool:
    x, y, width, height = line
    num_same = num_any = 0
    for sign, standing in stands.items():
        stands_here = standing[y : y + height, x : x + width]
        num_same += int(np.count_nonzero((letters == sign) & stands_here))
        num_any += int(np.count_nonzero((letters == sign) | stands_here))
    return num_same >= _STANDING_LETTERS * max(1, num_any)


def lines_of_writing(luma: UInt8Array) -> list[Line]:
    """Rows of letters: regions of one level and like height, side by side on a common line.

    After the letter filters and the linking of Epshtein, Ofek and Wexler, "Detecting text in natural scenes with stroke
    width transform", CVPR 2010, on regions found by a threshold relative to their surroundings.

    Args:
        luma: (H, W) uint8; letters are found from 6 lines of height to a quarter of the picture's.
    """
    return _lines(luma, _mean_around(luma))


def _mean_around(luma: UInt8Array) -> UInt8Array:
    import cv2

    return np.asarray(cv2.blur(luma, (_AROUND, _AROUND), borderType=cv2.BORDER_REPLICATE), np.uint8)


def _lines(luma: UInt8Array, around: UInt8Array) -> list[Line]:
    regions = np.concatenate([_letters(luma, around, is_bright=is_bright) for is_bright in (True, False)])
    if len(regions) > _MOST_REGIONS:
        regions = regions[np.argsort(-np.abs(regions[:, 5]), kind="stable")[:_MOST_REGIONS]]
    if len(regions) < _LEAST_LETTERS:
        return []
    return _linked(regions)


def _letters(luma: UInt8Array, around: UInt8Array, *, is_bright: bool) -> FloatArray:
    """(n, 6): x, y, width, height, mean level, and contrast to the surroundings, below 0 where it is darker."""
    import cv2

    contrast = cv2.subtract(luma, around) if is_bright else cv2.subtract(around, luma)
    greatest = cv2.dilate(contrast, np.ones((_AROUND, _AROUND), np.uint8))
    is_letter = np.zeros((luma.shape[0], luma.shape[1] + 2), np.bool_)  # a run ends where its row does
    np.greater(contrast, cv2.LUT(greatest, _least_contrasts()), out=is_letter[:, 1:-1])
    num_labels, labels = cv2.connectedComponents(is_letter.view(np.uint8), connectivity=4)
    # Of runs along the rows, a fifth of the pixels; OpenCV's own statistics visit each pixel of the picture.
    ends = np.flatnonzero(is_letter.ravel()[1:] != is_letter.ravel()[:-1]).reshape(-1, 2) + 1
    of_run, lengths = labels.ravel()[ends[:, 0]].astype(np.intp) - 1, ends[:, 1] - ends[:, 0]
    rows, columns = np.divmod(ends[:, 0] - 1, is_letter.shape[1])
    y, bottom = _extremes(of_run, rows, rows + 1, num_regions=num_labels - 1)
    x, right = _extremes(of_run, columns, columns + lengths, num_regions=num_labels - 1)
    width, height, area = right - x, bottom - y, np.bincount(of_run, lengths, num_labels - 1)
    fits = (height >= _LEAST_HEIGHT) & (height <= _GREATEST_HEIGHT * luma.shape[0])
    fits &= (width >= _WIDTHS[0] * height) & (width <= _WIDTHS[1] * height) & (area >= _LEAST_FILL * width * height)
    # Levels are looked up for regions of a letter's shape alone: a few of all pixels.
    is_looked_up = fits[of_run]
    of_run, lengths = of_run[is_looked_up], lengths[is_looked_up]
    starts = (rows * luma.shape[1] + columns)[is_looked_up]
    pixels = np.repeat(starts + lengths - np.cumsum(lengths), lengths) + np.arange(lengths.sum())
    of_pixel = np.repeat(of_run, lengths)
    levels, own_contrasts = (values.ravel()[pixels].astype(np.float64) for values in (luma, contrast))
    means, squares, contrasts = (
        np.bincount(of_pixel, values, num_labels - 1) / area for values in (levels, levels * levels, own_contrasts)
    )
    fits &= squares - means**2 <= np.maximum(_MOST_DEVIATION, _DEVIATION_SHARE * contrasts) ** 2
    fits &= contrasts >= _MEAN_CONTRAST
    regions: FloatArray = np.stack([x, y, width, height, means, contrasts if is_bright else -contrasts], axis=1)
    return np.asarray(regions[fits])


def _extremes(
    of_run: npt.NDArray[np.intp], firsts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp], *, num_regions: int
) -> FloatArray:
    """(2, number of regions): the least `first` and the greatest `end` of the runs of each region."""
    extremes = np.stack([np.full(num_regions, np.inf), np.zeros(num_regions)])
    np.minimum.at(extremes[0], of_run, firsts.astype(np.float64))
    np.maximum.at(extremes[1], of_run, ends.astype(np.float64))
    return extremes


@cache
def _least_contrasts() -> UInt8Array:
    """(256,) the contrast that a letter's pixel exceeds, by the greatest of its surroundings; in whole levels."""
    return np.asarray(np.maximum(_LEAST_CONTRAST, _CONTRAST_SHARE * np.arange(256)), np.uint8)


def _linked(regions: FloatArray) -> list[Line]:
    """Lines out of letters that are neighbours of neighbours."""
    group_of = groups_of(_are_neighbours(regions))
    x, y, width, height = regions[:, :4].T
    lines = []
    for group in np.flatnonzero(np.bincount(group_of) >= _LEAST_LETTERS):
        is_in = group_of == group
        # What lies over one another, such as a letter and the hole in it, is one letter.
        middles = np.sort((x + width / 2)[is_in])
        num_letters = 1 + np.count_nonzero(np.diff(middles) > 0.2 * np.median(height[is_in]))
        left, top = x[is_in].min(), y[is_in].min()
        line_width, line_height = (x + width)[is_in].max() - left, (y + height)[is_in].max() - top
        if num_letters >= _LEAST_LETTERS and line_width >= _LINE_RATIO * line_height:
            lines.append(Line(int(left), int(top), int(line_width), int(line_height)))
    return lines


def groups_of(are_linked: BoolArray) -> npt.NDArray[np.intp]:
    """The connected component of each node of an undirected graph.

    scipy's `connected_components` gives the same; its import costs as much as looking for writing in ten pictures.

    Args:
        are_linked: (n, n) bool, symmetrical.

    Returns:
        (n,) from 0 on, in the order of the first node of each.

    >>> groups_of(np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], bool)).tolist()
    [0, 1, 0]
    """
    group_of = np.full(len(are_linked), -1, np.intp)
    num_groups = 0
    for first in range(len(are_linked)):
        if group_of[first] >= 0:
            continue
        reached = np.array([first])
        while len(reached):
            group_of[reached] = num_groups
            reached = np.flatnonzero(are_linked[reached].any(axis=0) & (group_of < 0))
        num_groups += 1
    return group_of


def _are_neighbours(regions: FloatArray) -> BoolArray:
    """(n, n), symmetrical: whether two regions may be letters beside each other."""
    x, y, width, height, levels, contrasts = regions.T

    def apart(values: FloatArray) -> FloatArray:
        return np.asarray(np.abs(values[:, None] - values[None, :]))

    taller = np.maximum(height[:, None], height[None, :])
    gap = np.maximum(x[:, None], x[None, :]) - np.minimum((x + width)[:, None], (x + width)[None, :])
    is_beside = (gap <= _GAP * taller) & (gap >= -0.3 * np.minimum(width[:, None], width[None, :]))
    is_on_line = (apart(y + height) <= _OFF_LINE * taller) | (apart(y) <= _OFF_LINE * taller)
    is_alike = (taller <= _HEIGHT_RATIO * np.minimum(height[:, None], height[None, :])) & (
        apart(levels) <= _LEVELS_APART
    )
    is_same_way = (contrasts[:, None] > 0) == (contrasts[None, :] > 0)
    return np.asarray(is_beside & is_on_line & is_alike & is_same_way)
