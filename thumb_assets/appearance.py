"""The look of a picture beyond its sharpness: how much it shows, writing, bars, and descriptors to compare it by.

What belongs here: the measures and descriptors of the `appearance` rows. What does not: thresholds and verdicts, and
how alike is too alike (select); learned embeddings (clip). All is computed from one luma picture and one small colour
picture of fixed sizes, so that the values of differently large videos can be compared.
"""

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

from thumb_assets.writing import Writing, share_of, writing_of

# Shorter side in pixels of the colour picture, and of the luma in which writing and edges are looked for: letters of
# 3 % of the height are still 9 pixels tall there.
COLOUR_HEIGHT = 96
_WORKING_HEIGHT = 288
# Levels at and below which luma is dark, at and above which it is bright.
_DARK, _BRIGHT = 24, 240
# A row or column belongs to a bar where its luma is that dark and that even.
_BAR_LEVEL, _BAR_DEVIATION = 28.0, 5.0
# Colour bars: the rows of the picture that they cross whatever stands below them, the share of these rows that have to
# be of a column's colour, within so many levels; what a channel is that is off, and on; the narrowest bar beside the
# mean of the seven. White, yellow, cyan, green, magenta, red, blue: the bits say which of red, green, blue are on.
_BAR_ROWS, _LEAST_ALIKE, _ALIKE_LEVELS = (0.12, 0.60), 0.75, 20
_MOST_OFF, _LEAST_ON, _NARROWEST = 64, 128, 0.6
_BAR_COLOURS = (0b111, 0b110, 0b011, 0b010, 0b101, 0b100, 0b001)
# Edges: the noise that is smoothed away, how far apart the ends of an edge may be, the least step of one in levels.
_EDGE_SMOOTHING, _EDGE_REACH, _LEAST_STEP = 0.7, 11, 20.0
# Parts of the picture along each side, the share of a part that has to be at an edge, the share of parts to be sharp.
_EDGE_PARTS, _LEAST_EDGES, _SHARP_SHARE = 8, 0.005, 0.25
# The descriptor: a gradient histogram of 4x4 cells with 8 directions, and a colour histogram of 2x2 cells.
# Colours tell one place from another better than shapes do, which change with whatever moves.
_SHAPES_WEIGHT = 0.25
_HOG_SIDE, _HOG_CELLS, _NUM_DIRECTIONS = 64, 4, 8
_COLOUR_LINES, _COLOUR_CELLS, _COLOUR_LEVELS = 48, 2, 3
NUM_DIMENSIONS = _HOG_CELLS**2 * _NUM_DIRECTIONS + _COLOUR_CELLS**2 * _COLOUR_LEVELS**3

UInt8Array = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Appearance:
    """Measures of one picture; see the table `appearance` for units.

    Attributes:
        luma_entropy: 0..8 bit.
        dark_share, bright_share, text_share, bar_share: 0..1 of the picture's area.
        colour_bar_share: 0..1 of its width, see `colour_bar_share`.
        acutance: 0..0.5, see `acutance`.
        writing: the lines behind text_share.
        difference_hash: 16 hex digits.
        descriptor: (NUM_DIMENSIONS,) float16, L2 norm 1, no value below 0.
    """

    luma_entropy: float
    dark_share: float
    bright_share: float
    acutance: float
    text_share: float
    writing: Writing
    bar_share: float
    colour_bar_share: float
    difference_hash: str
    descriptor: npt.NDArray[np.float16]


def measure_appearance(luma: UInt8Array, rgb: UInt8Array) -> Appearance:
    """All measures of one picture.

    Args:
        luma: (H, W) uint8, full range.
        rgb: (h, w, 3) uint8 RGB, the same picture, shorter side about COLOUR_HEIGHT.
    """
    small = _reduced(luma)
    writing = writing_of(small)
    counts = _level_counts(luma)
    return Appearance(
        luma_entropy=_entropy_of(counts),
        dark_share=float(counts[: _DARK + 1].sum() / luma.size),
        bright_share=float(counts[_BRIGHT:].sum() / luma.size),
        acutance=acutance(small),
        text_share=share_of(writing),
        writing=writing,
        bar_share=bar_share(luma),
        colour_bar_share=colour_bar_share(rgb),
        difference_hash=difference_hash(luma),
        descriptor=describe(luma, rgb),
    )


def luma_entropy(luma: UInt8Array) -> float:
    """Shannon entropy of the luma's histogram of 256 levels, 0..8 bit.

    >>> luma_entropy(np.repeat(np.array([[10, 200]], np.uint8), 4, axis=0))
    1.0
    """
    return _entropy_of(_level_counts(luma))


def _level_counts(luma: UInt8Array) -> npt.NDArray[np.int64]:
    """(256,) pixels of each level."""
    import cv2

    return np.asarray(cv2.calcHist([luma], [0], None, [256], (0, 256)), np.int64).ravel()


def _entropy_of(counts: npt.NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def bar_share(luma: UInt8Array) -> float:
    """Share of the picture that black bars cover: rows at top and bottom, columns left and right, dark and even.

    A picture that is nothing but dark has no bars: it has no picture between them.

    >>> picture = np.full((100, 160), 90, np.uint8); picture[:10] = 16; picture[-10:] = 16
    >>> bar_share(picture)
    0.2
    """
    rows, columns = _num_bar_lines(luma), _num_bar_lines(luma.T)
    height, width = luma.shape
    left = (height - sum(rows)) * (width - sum(columns))
    return (luma.size - left) / luma.size if left > 0 else 0.0


def _num_bar_lines(luma: UInt8Array) -> tuple[int, int]:
    """Bar lines at the beginning and at the end; both, or none, since bars are there to centre a picture."""
    if not _is_bar(luma[[0, -1]]).all():  # nearly every picture, and all lines need not be looked at
        return 0, 0
    is_bar = _is_bar(luma)
    others = np.flatnonzero(~is_bar)
    if not len(others):
        return 0, 0
    first, last = int(others[0]), len(is_bar) - 1 - int(others[-1])
    return first, last


def _is_bar(lines: UInt8Array) -> npt.NDArray[np.bool_]:
    return np.asarray((lines.mean(axis=1) <= _BAR_LEVEL) & (lines.std(axis=1) <= _BAR_DEVIATION))


def colour_bar_share(rgb: UInt8Array) -> float:
    """Measures a test pattern of colour bars (SMPTE, EBU; 75 % or 100 %) by their colours and their order.

    Looked at is the upper half of the picture, where all of these patterns have the seven bars, alike from top to
    bottom, of like widths, falling in brightness.

    Args:
        rgb: (H, W, 3) uint8 RGB.

    Returns:
        The share of the width that the bars cover; 0.0 where one lacks or stands elsewhere.

    >>> colours = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191)]
    >>> bars = np.repeat(np.array([colours], np.uint8), 20, axis=1).repeat(96, axis=0)
    >>> colour_bar_share(bars), colour_bar_share(bars[:, ::-1])
    (1.0, 0.0)
    """
    first, end = (round(share * len(rgb)) for share in _BAR_ROWS)
    rows = rgb[first : max(end, first + 1)].astype(np.int16)
    colours = np.median(rows, axis=0)
    is_alike = (np.abs(rows - colours) <= _ALIKE_LEVELS).all(axis=2).mean(axis=0) >= _LEAST_ALIKE
    is_on = colours >= _LEAST_ON
    is_bar = is_alike & (is_on | (colours <= _MOST_OFF)).all(axis=1)
    codes = np.where(is_bar, is_on @ (4, 2, 1), -1)
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    widths = np.diff(np.append(starts, len(codes)))
    # A column between two bars mixes them.
    runs = [(int(codes[start]), int(width)) for start, width in zip(starts, widths, strict=True) if codes[start] >= 0]
    for place in range(len(runs) - len(_BAR_COLOURS) + 1):
        bars = runs[place : place + len(_BAR_COLOURS)]
        found, of_bar = zip(*bars, strict=True)
        if found == _BAR_COLOURS and min(of_bar) >= _NARROWEST * np.mean(of_bar):
            return float(sum(of_bar) / len(codes))
    return 0.0


def _reduced(luma: UInt8Array) -> UInt8Array:
    """The luma with _WORKING_HEIGHT lines at most, by area averaging."""
    import cv2

    scale = _WORKING_HEIGHT / min(luma.shape)
    if scale >= 1:
        return luma
    return np.asarray(cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _area_average(luma: UInt8Array, width: int, height: int) -> UInt8Array:
    """The luma in few pixels, `height` a multiple of 4, as `cv2.resize` gives it by area, in a third of the time.

    OpenCV adds pixel after pixel, each sum waiting for the last; of four channels it adds four at once. So four bands
    of the picture become channels, with the same sums in the same order.
    """
    import cv2

    if len(luma) % 4:
        return np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    bands = cv2.merge(list(luma.reshape(4, -1, luma.shape[1])))
    return np.concatenate(cv2.split(cv2.resize(bands, (width, height // 4), interpolation=cv2.INTER_AREA)))


def acutance(luma: UInt8Array) -> float:
    """Measures how sharp the sharp parts of a picture are: the share of its step that an edge takes in one pixel.

    At each pixel the gradient over the range of the luma within _EDGE_REACH pixels, both along one direction, wherever
    that range is not mere noise; of each of 8x8 parts of the picture the 99th percentile; of the parts that have edges
    the one than which _SHARP_SHARE of them are sharper, so that a picture may be soft for the most part, as a portrait
    is, and a line of writing on a blurred one does not make it sharp. A step that ends within a pixel has one half,
    one that is spread over n pixels by a lens out of focus or a camera that moves about 1/n. How much texture there is
    does not matter, unlike with the variance of the Laplacian.

    Args:
        luma: (H, W) uint8.

    Returns:
        0 to 0.5, of the direction, along rows or along columns, that is less sharp: what moves is smeared along one.
        0 where nothing stands out.
    """
    import cv2

    smooth = np.asarray(cv2.GaussianBlur(luma, (0, 0), _EDGE_SMOOTHING), np.uint8)
    return min(_acutance(smooth, axis=axis) for axis in (0, 1))


def _acutance(smooth: UInt8Array, *, axis: int) -> float:
    """Acutance of changes along the rows (axis 1) or along the columns."""
    import cv2

    reach = np.ones((1, _EDGE_REACH) if axis else (_EDGE_REACH, 1), np.uint8)
    steps = cv2.subtract(cv2.dilate(smooth, reach), cv2.erode(smooth, reach))
    changes = np.zeros_like(smooth)  # twice the gradient; mirrored at its border a picture does not change there
    if axis:
        cv2.absdiff(smooth[:, 2:], smooth[:, :-2], changes[:, 1:-1])
    else:
        cv2.absdiff(smooth[2:], smooth[:-2], changes[1:-1])
    is_edge = steps >= _LEAST_STEP
    shares = np.asarray(changes.astype(np.float32) * np.float32(0.5) / np.maximum(steps, 1), np.float32)
    sharpest = []
    for part in product(*(_split(length, _EDGE_PARTS) for length in smooth.shape)):
        is_own = is_edge[part]
        edges = shares[part][is_own]
        if len(edges) > _LEAST_EDGES * is_own.size:
            sharpest.append(_percentile_99(edges))
    sharpest.sort(reverse=True)
    return sharpest[math.ceil(_SHARP_SHARE * len(sharpest)) - 1] if sharpest else 0.0


@cache
def _split(length: int, num_parts: int) -> tuple[slice, ...]:
    """Parts of a side whose lengths differ by a pixel at most."""
    ends = np.cumsum([len(part) for part in np.array_split(range(length), num_parts)]).tolist()
    return tuple(slice(start, end) for start, end in zip([0, *ends], ends, strict=False))


def _percentile_99(values: npt.NDArray[np.float32]) -> float:
    """`np.percentile(values, 99)`, whose checks cost more than its work on so few values; changes their order."""
    place = 0.99 * (len(values) - 1)
    below = int(place)
    values.partition(below)
    lower, upper = values[below], values[min(below + 1, len(values) - 1) :].min()
    share = place - below
    # As NumPy does, whose two ways to go from one to the other round differently.
    return float(lower + (upper - lower) * share if share < 0.5 else upper - (upper - lower) * (1 - share))


def text_share(luma: UInt8Array) -> float:
    """Share of the picture's area that lines of writing cover, 0..1; see `thumb_assets.writing`.

    A cue, not a reader: rows of windows or of boxes on a shelf can look so too.

    Args:
        luma: (H, W) uint8.
    """
    return share_of(writing_of(_reduced(luma)))


def difference_hash(luma: UInt8Array) -> str:
    """The 64-bit difference hash: whether each of 8x8 cells is brighter than its right neighbour, row by row.

    Krawetz, "Kind of like that", hackerfactor.com 2013.

    >>> difference_hash(np.tile(np.arange(90, 0, -10, dtype=np.uint8), (8, 1)))
    'ffffffffffffffff'
    """
    small = _area_average(luma, 9, 8)
    bits = small[:, :-1] > small[:, 1:]
    return np.packbits(bits).tobytes().hex()


def describe(luma: UInt8Array, rgb: UInt8Array) -> npt.NDArray[np.float16]:
    """Shapes and colours of a picture: gradient directions (HOG) and colours, each by cell.

    Dalal and Triggs, "Histograms of oriented gradients for human detection", CVPR 2005. Square roots of the colours'
    shares make the cosine a Bhattacharyya coefficient.

    Args:
        luma: (H, W) uint8.
        rgb: (h, w, 3) uint8.

    Returns:
        (NUM_DIMENSIONS,) float16, L2 norm 1.
    """
    import cv2
    from skimage.feature import hog

    small = _area_average(luma, _HOG_SIDE, _HOG_SIDE)
    cell = _HOG_SIDE // _HOG_CELLS
    shapes = hog(
        small,
        orientations=_NUM_DIRECTIONS,
        pixels_per_cell=(cell, cell),
        cells_per_block=(_HOG_CELLS, _HOG_CELLS),
        block_norm="L2-Hys",
    )
    width = max(1, round(_COLOUR_LINES * rgb.shape[1] / rgb.shape[0]))
    rgb = np.asarray(cv2.resize(rgb, (width, _COLOUR_LINES), interpolation=cv2.INTER_AREA), np.uint8)
    colours = _colour_histograms(rgb)
    norm = np.linalg.norm(shapes)
    # A picture without any gradient is told by its colours alone.
    shapes = shapes * (np.sqrt(_SHAPES_WEIGHT) / norm) if norm > 0 else shapes
    both = np.concatenate([shapes, np.sqrt(colours * ((1 - _SHAPES_WEIGHT) / _COLOUR_CELLS**2))])
    return np.asarray(both / np.linalg.norm(both), np.float16)


def colour_means(descriptors: npt.NDArray[np.float16]) -> npt.NDArray[np.float64]:
    """Mean red, green and blue of the pictures behind some descriptors, from the colours that these hold.

    A colour between levels counts for both in proportion, so the mean is the picture's own.

    Args:
        descriptors: (n, NUM_DIMENSIONS), see `describe`; NaN in rows without one.

    Returns:
        (n, 3) float64, 0..255; NaN in rows without one.
    """
    shares = np.square(descriptors[:, _HOG_CELLS**2 * _NUM_DIRECTIONS :].astype(np.float64))
    shares = shares.reshape(len(descriptors), _COLOUR_CELLS**2, -1).sum(axis=1)
    levels = np.array(list(product(range(_COLOUR_LEVELS), repeat=3))) * (255 / (_COLOUR_LEVELS - 1))
    return np.asarray(shares @ levels / shares.sum(axis=1, keepdims=True), np.float64)


def gradient_shares(descriptors: npt.NDArray[np.float16]) -> npt.NDArray[np.float64]:
    """Share of the gradients of the pictures behind some descriptors that lies in each cell of a grid.

    Args:
        descriptors: (n, NUM_DIMENSIONS), see `describe`; NaN in rows without one.

    Returns:
        (n, rows, columns) float64 that sum up to 1; NaN in rows without one, and where a picture has no gradient.
    """
    shapes = descriptors[:, : _HOG_CELLS**2 * _NUM_DIRECTIONS].astype(np.float64)
    cells = shapes.reshape(len(descriptors), _HOG_CELLS, _HOG_CELLS, _NUM_DIRECTIONS).sum(axis=3)
    total = cells.sum(axis=(1, 2), keepdims=True)
    return np.asarray(cells / np.where(total > 0, total, np.nan), np.float64)


def _colour_histograms(rgb: UInt8Array) -> npt.NDArray[np.float64]:
    """(_COLOUR_CELLS^2 x _COLOUR_LEVELS^3,) shares of the colours of each cell, cell by cell, row by row.

    A colour between levels counts for both in proportion: with hard borders a grey near one of them would be another
    colour after the least change of light.
    """
    import cv2

    low, shares = _colour_levels()
    channels = np.stack(cv2.split(rgb)).reshape(3, -1)
    places = (_COLOUR_LEVELS**2, _COLOUR_LEVELS, 1)
    cells, sizes = _colour_cells(rgb.shape[0], rgb.shape[1])
    codes = cells + np.dot(places, low[channels])
    red, green, blue = (shares[:, channel] for channel in channels)
    counts = np.zeros(len(sizes))
    for corner in product((0, 1), repeat=3):
        own = red[corner[0]] * green[corner[1]] * blue[corner[2]]
        counts += np.bincount(codes + np.dot(corner, places), weights=own, minlength=len(counts))
    return counts / sizes


@cache
def _colour_levels() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The level below each value of a channel, (256,), and its shares of that one and of the next, (2, 256)."""
    places = np.arange(256) * ((_COLOUR_LEVELS - 1) / 255)
    low = np.minimum(places.astype(np.int64), _COLOUR_LEVELS - 2)
    above = places - low
    return low, np.stack([1 - above, above])


@lru_cache(maxsize=8)
def _colour_cells(height: int, width: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(height x width,) the code of black in each pixel's cell; (number of codes,) pixels of the cell, 1 at least."""
    cells = np.empty((height, width), np.int64)
    for number, part in enumerate(product(*(_split(length, _COLOUR_CELLS) for length in (height, width)))):
        cells[part] = number
    sizes = np.maximum(1, np.bincount(cells.ravel(), minlength=_COLOUR_CELLS**2))
    return cells.ravel() * _COLOUR_LEVELS**3, np.repeat(sizes, _COLOUR_LEVELS**3)
