"""PIQE, a quality metric that needs neither weights nor torch; made from the paper, under this project's own licence.

Source: N. Venkatanath, D. Praneeth, M. Chandrasekhar Bh, S. S. Channappayya and S. S. Medasani, "Blind image quality
evaluation using perception based features", NCC 2015, with the constants of the authors' MATLAB function `piqe`. What
neither says (how luma is scaled, padded and rounded) was found by comparing scores with those of pyiqa.
"""

from functools import cache
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import BadInputError

_Float32 = npt.NDArray[np.float32]
_Float64 = npt.NDArray[np.float64]

_BLOCK = 16
_WINDOW, _SIGMA = 7, 7 / 6
_MIN_VARIANCE = 0.1  # of an active block
_SEGMENT = 6
_MIN_SEGMENT_DEVIATION = 0.1
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_CENTRE = [7, 8]
# MATLAB's `piqe` deletes the column 8 of a block, and then the column 9 of what is left: 7 and 9, counted from 0.
_SURROUND = [column for column in range(_BLOCK) if column not in {7, 9}]


class PiqeMetric:
    """PIQE behind the room's Protocol: on the CPU and in fp32, whatever the other metrics run on."""

    name = "piqe"
    is_lower_better = True
    score_range: tuple[float | None, float | None] = (0.0, 100.0)
    device = "cpu"
    precision = "fp32"

    def __init__(self) -> None:
        self.weights_sha256: dict[str, str] = {}
        self.made_by = f"thumb-assets {version('thumb-assets')}"

    def score(self, images: npt.NDArray[np.uint8]) -> _Float64:
        """(N,) float64 in 0 to 100 for (N, H, W, 3) uint8 RGB; NaN where no block is active, as in a flat picture.

        Raises:
            BadInputError: another shape or type.
        """
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or 0 in images.shape[1:]:
            raise BadInputError(f"{self.name} needs (N, H, W, 3) uint8 RGB, got {images.shape} {images.dtype}")
        return np.array([piqe(image) for image in images], np.float64)


def piqe(image: npt.NDArray[np.uint8]) -> float:
    """PIQE of an (H, W, 3) uint8 RGB picture: 0 (best) to 100; NaN where no block is active.

    Of the blocks that are active (variance of the normalised luma above 0.1) those with a flat piece of edge count with
    1 - variance, noisy ones with the variance: (sum + 1) / (number active + 1), in percent.
    """
    luma = _luma(image)
    if luma is None:
        return float("nan")
    normalised = _normalised(luma)
    rows, columns = (size // _BLOCK for size in normalised.shape)
    if not rows or not columns:
        return float("nan")
    blocks = normalised[: rows * _BLOCK, : columns * _BLOCK]
    sums, squares = _column_sums(blocks), _column_sums(blocks * blocks)
    variance = _variance(sums, squares, range(_BLOCK))
    active = variance > _MIN_VARIANCE
    if not active.any():
        return float("nan")
    variance, sums, squares = variance[active], sums[active], squares[active]
    distorted = _has_flat_segment(_edges(blocks)[active])
    noisy = _is_noisy(variance, _variance(sums, squares, _CENTRE), _variance(sums, squares, _SURROUND))
    total = (1 - variance[distorted]).sum() + variance[noisy].sum()
    return float(100 * (total + 1) / (len(variance) + 1))


@cache
def _kernel() -> _Float32:
    """The Gaussian window, (7, 7), sum 1: not separated, so that float32 rounds as in the plain sum of 49 terms.

    The deviation of bright areas is a small difference of large numbers, and a threshold follows: with another order of
    the sum one picture in ten differs by more than 0.001.
    """
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    weights = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * _SIGMA**2))
    kernel: _Float32 = (weights / weights.sum()).astype(np.float32)
    return kernel


@cache
def _shares() -> tuple[_Float32, ...]:
    """Luma that each level of red, green and blue adds, (256,) each."""
    levels = np.arange(256, dtype=np.float32) / np.float32(255)
    return tuple(levels * np.float32(weight) for weight in _LUMA)


def _luma(image: npt.NDArray[np.uint8]) -> _Float32 | None:
    """Luma in whole levels, the brightest at 255, mirrored at the right and at the bottom; None for a black picture.

    As many lines are added as are left over beyond whole blocks: a rest of 8 or more becomes a block, a smaller one is
    seen only by the window.
    """
    import cv2

    red, green, blue = (cv2.LUT(plane, share) for plane, share in zip(cv2.split(image), _shares(), strict=True))
    luma: _Float32 = red + green
    luma += blue
    brightest = luma.max()
    if brightest == 0:
        return None
    luma /= brightest
    luma *= np.float32(255)
    np.rint(luma, out=luma)
    height, width = luma.shape
    padded = cv2.copyMakeBorder(luma, 0, height % _BLOCK, 0, width % _BLOCK, cv2.BORDER_REFLECT)
    return np.asarray(padded, np.float32)


def _normalised(luma: _Float32) -> _Float32:
    """(luma - mean) / (deviation + 1) over the window, the paper's eq. 1 (MSCN coefficients); changes luma in place."""
    mean = _blurred(luma)
    deviation = _blurred(luma * luma)
    luma -= mean
    mean *= mean
    deviation -= mean
    np.abs(deviation, out=deviation)
    np.sqrt(deviation, out=deviation)
    deviation += 1
    luma /= deviation
    return luma


def _blurred(plane: _Float32) -> _Float32:
    import cv2

    return np.asarray(cv2.filter2D(plane, cv2.CV_32F, _kernel(), borderType=cv2.BORDER_REPLICATE), np.float32)


def _column_sums(blocks: _Float32) -> _Float64:
    """Sums down each column of each block: (rows, columns, 16)."""
    height, width = blocks.shape
    strips = blocks.reshape(height // _BLOCK, _BLOCK, width).sum(axis=1)
    sums: _Float64 = strips.reshape(len(strips), -1, _BLOCK).astype(np.float64)
    return sums


def _variance(sums: _Float64, squares: _Float64, columns: range | list[int]) -> _Float64:
    """Variance over these columns of each block, of a sample (n - 1)."""
    number = len(columns) * _BLOCK
    total, total_squares = (values[..., list(columns)].sum(axis=-1) for values in (sums, squares))
    variance: _Float64 = np.maximum(total_squares - total * total / number, 0) / (number - 1)
    return variance


def _edges(blocks: _Float32) -> _Float64:
    """The four edges of each block: (rows, columns, 4, 16)."""
    height, width = blocks.shape
    rows, columns = height // _BLOCK, width // _BLOCK
    lying = [blocks[line::_BLOCK].reshape(rows, columns, _BLOCK) for line in (0, _BLOCK - 1)]
    upright = [blocks[:, line::_BLOCK].reshape(rows, _BLOCK, columns).swapaxes(1, 2) for line in (0, _BLOCK - 1)]
    return np.stack([*lying, *upright], axis=2).astype(np.float64)


def _has_flat_segment(edges: _Float64) -> npt.NDArray[np.bool_]:
    """Noticeable distortion: a segment of 6 of the 11 in an edge whose deviation is below 0.1 ((N, 4, 16) to (N,))."""
    number = _BLOCK - _SEGMENT + 1
    shifts = [edges[..., start : start + number] for start in range(_SEGMENT)]
    total: _Float64 = np.sum(shifts, axis=0)
    total_squares: _Float64 = np.sum(np.square(shifts), axis=0)
    variance = (total_squares - total * total / _SEGMENT) / (_SEGMENT - 1)
    return np.asarray((variance < _MIN_SEGMENT_DEVIATION**2).any(axis=(1, 2)), np.bool_)


def _is_noisy(variance: _Float64, centre: _Float64, surround: _Float64) -> npt.NDArray[np.bool_]:
    """Gaussian noise: a block's deviation is more than twice beta, the paper's distance of centre and surround."""
    deviation = np.sqrt(variance)
    ratio = np.sqrt(centre) / np.sqrt(np.maximum(surround, np.finfo(np.float64).tiny))
    beta = np.abs(deviation - ratio) / np.maximum(deviation, ratio)
    noisy: npt.NDArray[np.bool_] = deviation > 2 * beta
    return noisy
