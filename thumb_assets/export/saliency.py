"""Finds the salient part of a picture without faces: spectral residual saliency."""

import numpy as np
import numpy.typing as npt

# Side of the square the picture is reduced to: the scale at which Hou & Zhang's salience is that of whole objects.
SALIENCY_SIZE = 64
# Pixels of that square; their published code has this filter.
_BLUR_SIGMA = 2.5
# Times the mean salience: what is above belongs to an object (their section 3.1).
_OBJECT_THRESHOLD = 3.0
# Share of each side that is faded out: the transform takes opposite edges for neighbours, and their difference for a
# salient place, often the most salient of all.
_FADED_SHARE = 0.25
# Levels: what rounding to whole numbers adds, 1 / sqrt(12). Its amplitude is the floor of the spectrum: of smooth
# drawings it has zeros, whose logarithms would drown the rest.
_ROUNDING_STD = 0.29
# Levels. A picture that varies less than by rounding shows nothing.
_MIN_STD = 1.0


def salience_centre(luma: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """The centre of mass of what is salient; the picture's centre where nothing is.

    Salience is what the log amplitude spectrum has beyond its local average: Hou & Zhang, "Saliency Detection: A
    Spectral Residual Approach", CVPR 2007, doi 10.1109/CVPR.2007.383267. Only salience above their object threshold
    counts: its low floor everywhere would draw the centre of mass to the middle.

    Args:
        luma: (H, W) uint8, full range, any size.

    Returns:
        (x, y), each 0..1 of the picture.

    >>> salience_centre(np.zeros((36, 64), np.uint8))
    (0.5, 0.5)
    """
    import cv2

    side = (SALIENCY_SIZE, SALIENCY_SIZE)
    small = np.asarray(cv2.resize(luma, side, interpolation=cv2.INTER_AREA), np.float64)
    if small.std() < _MIN_STD:
        return 0.5, 0.5
    salience = _spectral_residual(small)
    salience[salience < _OBJECT_THRESHOLD * salience.mean()] = 0
    total = float(salience.sum())
    if total <= 0:
        return 0.5, 0.5
    middles = (np.arange(SALIENCY_SIZE) + 0.5) / SALIENCY_SIZE
    return float(salience.sum(axis=0) @ middles) / total, float(salience.sum(axis=1) @ middles) / total


def _spectral_residual(picture: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(S, S) float64, at least 0: the salience of each pixel."""
    import cv2

    spectrum = np.fft.fft2((picture - picture.mean()) * _window(len(picture)))
    log_amplitude = np.log(np.abs(spectrum) + _ROUNDING_STD * len(picture))
    # The spectrum is periodic, so its average reaches over the edges.
    wrapped = np.pad(log_amplitude, 1, mode="wrap")
    residual = log_amplitude - cv2.blur(wrapped, (3, 3))[1:-1, 1:-1]
    salience = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    return np.asarray(cv2.GaussianBlur(salience, (0, 0), _BLUR_SIGMA), np.float64)


def _window(size: int) -> npt.NDArray[np.float64]:
    """(size, size) float64: Tukey's cosine-tapered window, 1 in the middle and 0 at the edges."""
    middles = (np.arange(size) + 0.5) / size
    to_edge = np.minimum(middles, 1 - middles)
    line = 0.5 - 0.5 * np.cos(np.pi * np.minimum(to_edge / _FADED_SHARE, 1))
    return np.outer(line, line)
