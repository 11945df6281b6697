"""Sharpness and brightness of a frame, measured on its luma at one fixed size.

What belongs here: the measures and the `sharpness` rows. What does not: thresholds and verdicts (select), decoding
(video). The size is fixed because Laplacian variance rises when a picture is reduced, by an amount that depends on the
content, so values taken at two sizes cannot be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Length in pixels of the shorter side at which luma is measured; smaller videos are measured as they are.
EVAL_HEIGHT = 540
# Size (width, height) at which consecutive frames are compared.
DIFFERENCE_SIZE = (64, 36)


@dataclass(frozen=True)
class LumaMeasures:
    """Measures of one luma picture; see the `sharpness` table for units."""

    luma_mean: float
    luma_std: float
    laplacian_variance: float
    eval_height: int


def measure_luma(luma: npt.NDArray[np.uint8]) -> LumaMeasures:
    """Brightness, contrast and Laplacian variance.

    The Laplacian is the 3x3 kernel [[0, 1, 0], [1, -4, 1], [0, 1, 0]], the picture mirrored at its border; its variance
    as a focus measure is from Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000.

    Args:
        luma: (H, W) uint8, full range, shorter side at most EVAL_HEIGHT.

    >>> measure_luma(np.full((8, 8), 7, np.uint8))
    LumaMeasures(luma_mean=7.0, luma_std=0.0, laplacian_variance=0.0, eval_height=8)
    """
    import cv2

    mean, std = cv2.meanStdDev(luma)
    variance = _laplacian_variance(luma)
    return LumaMeasures(float(mean[0, 0]), float(std[0, 0]), variance, min(luma.shape))


def _laplacian_variance(luma: npt.NDArray[np.uint8]) -> float:
    """The variance of the Laplacian, exact, in less than half the time of filtering."""
    import cv2

    if min(luma.shape) < 2:
        return float(cv2.Laplacian(luma, cv2.CV_64F).var())
    # The outermost lines of all four sides, and the lines next to them; as rows, which OpenCV takes without a copy.
    columns = np.ascontiguousarray(luma[:, [0, 1, -2, -1]].T)
    edges = [(luma[[0, -1]], luma[[1, -2]]), (columns[[0, -1]], columns[[1, -2]])]
    # Inside the picture each pixel is added four times and taken off four times: only the border is left in the sum.
    mean = sum(cv2.norm(inner, cv2.NORM_L1) - cv2.norm(outer, cv2.NORM_L1) for outer, inner in edges) / luma.size
    return max(0.0, _laplacian_power(luma, edges) / luma.size - mean**2)


def _laplacian_power(
    luma: npt.NDArray[np.uint8], edges: Sequence[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]
) -> int:
    """The sum of the squared Laplacian, the picture mirrored at its outermost pixels; at least 2x2 pixels.

    With c a pixel and n its four neighbours, (sum of n - 4 c)^2 is four times the sum of (n - c)^2, less (n - m)^2 of
    each pair of neighbours. Each such difference is met from both its sides; OpenCV squares and sums differences of
    bytes in whole numbers, faster than it filters. What the mirrored border adds is counted along the edges.

    Args:
        edges: of two opposite sides each, (2, length) the outermost lines and (2, length) those next to them.
    """
    near = 2 * (_power(luma[1:], luma[:-1]) + _power(luma[:, 1:], luma[:, :-1]))
    apart = 2 * (_power(luma[1:, 1:], luma[:-1, :-1]) + _power(luma[:-1, 1:], luma[1:, :-1]))
    for outer, inner in edges:
        near += _power(outer, inner)
        apart += _power(outer[:, 1:], inner[:, :-1]) + _power(outer[:, :-1], inner[:, 1:])
    corners = (
        (luma[0, 1], luma[1, 0]),
        (luma[0, -2], luma[1, -1]),
        (luma[-2, 0], luma[-1, 1]),
        (luma[-2, -1], luma[-1, -2]),
    )
    apart += sum((int(first) - int(second)) ** 2 for first, second in corners)
    if len(luma) > 2:
        apart += _power(luma[2:], luma[:-2])
    if luma.shape[1] > 2:
        apart += _power(luma[:, 2:], luma[:, :-2])
    return 4 * near - apart


def _power(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> int:
    """The sum of the squared differences."""
    import cv2

    return round(cv2.norm(first, second, cv2.NORM_L2SQR))  # OpenCV squares the root of what it has counted


def box_laplacian_variance(rgb: npt.NDArray[np.uint8], box: tuple[float, float, float, float]) -> float | None:
    """Laplacian variance of the luma inside a box; None where the box holds fewer than 3x3 pixels.

    Args:
        rgb: (H, W, 3) uint8 RGB.
        box: x, y, width, height in pixels of `rgb`.
    """
    import cv2

    x, y, width, height = (round(value) for value in box)
    inside = rgb[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]
    if min(inside.shape[:2]) < 3:
        return None
    return measure_luma(np.asarray(cv2.cvtColor(np.ascontiguousarray(inside), cv2.COLOR_RGB2GRAY))).laplacian_variance


def tenengrad(luma: npt.NDArray[np.uint8]) -> float:
    """Mean squared gradient by 3x3 Sobel kernels (Krotkov, "Focusing", IJCV 1988), in squared levels.

    Args:
        luma: (H, W) uint8.
    """
    import cv2

    # 16-bit integers hold the gradients exactly.
    gradients = (cv2.Sobel(luma, cv2.CV_16S, *direction) for direction in ((1, 0), (0, 1)))
    return sum(cv2.norm(each, cv2.NORM_L2SQR) for each in gradients) / luma.size


def difference_image(luma: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The luma reduced to DIFFERENCE_SIZE by area averaging, for `frame_difference`; (36, 64) uint8."""
    import cv2

    from thumb_assets.video.reduce import halved

    return np.asarray(
        cv2.resize(halved(luma, *DIFFERENCE_SIZE), DIFFERENCE_SIZE, interpolation=cv2.INTER_AREA), dtype=np.uint8
    )


def frame_difference(image: npt.NDArray[np.uint8], previous: npt.NDArray[np.uint8]) -> float:
    """Mean absolute difference of two `difference_image`s, in levels.

    >>> frame_difference(np.full((36, 64), 3, np.uint8), np.full((36, 64), 5, np.uint8))
    2.0
    """
    import cv2

    return cv2.norm(image, previous, cv2.NORM_L1) / image.size


def percentile_in_video(value: float, sorted_values: npt.NDArray[np.float64]) -> float:
    """Share of the video's frames whose Laplacian variance is not above `value`, 0..1.

    Args:
        sorted_values: (N,) float64 ascending, N >= 1, the Laplacian variance of every frame.

    >>> percentile_in_video(2.0, np.array([1.0, 2.0, 3.0, 4.0]))
    0.5
    """
    return float(np.searchsorted(sorted_values, value, side="right") / len(sorted_values))
