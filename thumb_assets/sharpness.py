"""Sharpness and brightness of a frame, measured on its luma at one fixed size.

What belongs here: the measures and the `sharpness` rows. What does not: thresholds and verdicts (select), decoding
(video). The size is fixed because Laplacian variance rises when a picture is reduced, by an amount that depends on the
content, so values taken at two sizes cannot be compared.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thumb_assets.video.reduce import halved

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

    The Laplacian is the 3x3 kernel [[0, 1, 0], [1, -4, 1], [0, 1, 0]]; its variance as a focus measure is from
    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000. 16-bit integers hold it exactly
    and are five times faster than doubles.

    Args:
        luma: (H, W) uint8, full range, shorter side at most EVAL_HEIGHT.

    >>> measure_luma(np.full((8, 8), 7, np.uint8))
    LumaMeasures(luma_mean=7.0, luma_std=0.0, laplacian_variance=0.0, eval_height=8)
    """
    import cv2

    mean, std = cv2.meanStdDev(luma)
    laplacian = cv2.Laplacian(luma, cv2.CV_16S)
    # From the two sums, which are exact and ten times as fast as `meanStdDev` of 16-bit values.
    laplacian_mean = cv2.sumElems(laplacian)[0] / laplacian.size
    variance = cv2.norm(laplacian, cv2.NORM_L2SQR) / laplacian.size - laplacian_mean**2
    return LumaMeasures(float(mean[0, 0]), float(std[0, 0]), max(0.0, variance), min(luma.shape))


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

    horizontal = cv2.Sobel(luma, cv2.CV_32F, 1, 0)
    vertical = cv2.Sobel(luma, cv2.CV_32F, 0, 1)
    return float(np.mean(horizontal * horizontal + vertical * vertical))


def difference_image(luma: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The luma reduced to DIFFERENCE_SIZE by area averaging, for `frame_difference`; (36, 64) uint8."""
    import cv2

    return np.asarray(
        cv2.resize(halved(luma, *DIFFERENCE_SIZE), DIFFERENCE_SIZE, interpolation=cv2.INTER_AREA), dtype=np.uint8
    )


def frame_difference(image: npt.NDArray[np.uint8], previous: npt.NDArray[np.uint8]) -> float:
    """Mean absolute difference of two `difference_image`s, in levels.

    >>> frame_difference(np.full((36, 64), 3, np.uint8), np.full((36, 64), 5, np.uint8))
    2.0
    """
    return float(np.mean(np.abs(image.astype(np.int16) - previous.astype(np.int16))))


def percentile_in_video(value: float, sorted_values: npt.NDArray[np.float64]) -> float:
    """Share of the video's frames whose Laplacian variance is not above `value`, 0..1.

    Args:
        sorted_values: (N,) float64 ascending, N >= 1, the Laplacian variance of every frame.

    >>> percentile_in_video(2.0, np.array([1.0, 2.0, 3.0, 4.0]))
    0.5
    """
    return float(np.searchsorted(sorted_values, value, side="right") / len(sorted_values))
