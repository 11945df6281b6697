"""Tells if a picture shows a frame after people worked on it: resized, cut, mirrored, brightened, written on.

What belongs here: laying a picture over a frame and holding frames against it. What does not: the exact comparison with
what was written (verify), and which frame a file says it is (verify_file).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

# Longer side at which pictures are compared, and the one at which many frames are.
_WORKING_SIDE = 480
# Points that are looked for in each, and how many have to fit one placement of the picture in the frame.
_NUM_POINTS, _LEAST_POINTS = 1500, 18
_MAX_OFF = 4.0
# A smaller part of the frame than this share is no proof.
_LEAST_SHARE = 0.04
# Parts to a side.
_NUM_PARTS = 4
# Of a reduced pixel so much has to be of the picture.
_WHOLE = 0.99
# Correlation from which a placed picture shows the frame: other frames of a video stay below it unless they are alike.
SHOWS_FRAME = 0.6


@dataclass(frozen=True)
class Placed:
    """A picture laid over a frame, by which the frame can be held against others.

    Attributes:
        luma: (h, w) float32, the picture in the frame's place, 0..255.
        mask: (h, w) bool, the part of the frame that the picture shows.
        correlation: of both luma in that part, -1..1.
    """

    luma: FloatArray
    mask: npt.NDArray[np.bool_]
    correlation: float

    def correlation_with(self, rgb: UInt8Array) -> float:
        """Correlation of another frame with the picture, -1..1.

        Args:
            rgb: (H, W, 3) uint8 RGB, of the frame's shape; the picture is reduced to its size, as soft as it is.
        """
        import cv2

        size = (rgb.shape[1], rgb.shape[0])
        own = np.asarray(cv2.resize(self.luma, size, interpolation=cv2.INTER_AREA), np.float32)
        mask = cv2.resize(self.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > _WHOLE
        return correlation(_luma(rgb, rgb.shape[:2]), own, np.asarray(mask))


def placed_at(picture: UInt8Array, frame: UInt8Array, box: tuple[int, int, int, int]) -> Placed:
    """The picture laid over the part of the frame that it is said to show, whether it does or not.

    Args:
        picture: (H, W, 3) uint8 RGB.
        frame: (H, W, 3) uint8 RGB.
        box: left and top edge, width and height in the frame.
    """
    target = _luma(frame, _size_of(frame))
    scale = target.shape[0] / frame.shape[0], target.shape[1] / frame.shape[1]
    x, y, width, height = box
    top, bottom = round(y * scale[0]), max(round(y * scale[0]) + 1, round((y + height) * scale[0]))
    left, right = round(x * scale[1]), max(round(x * scale[1]) + 1, round((x + width) * scale[1]))
    luma, mask = np.zeros_like(target), np.zeros(target.shape, np.bool_)
    own = mask[top:bottom, left:right]
    luma[top:bottom, left:right] = _luma(picture, own.shape)
    mask[top:bottom, left:right] = True
    return Placed(luma, mask, correlation(target, luma, mask))


def placements(picture: UInt8Array, frame: UInt8Array) -> tuple[Placed, ...]:
    """Lays a picture over a frame, also where it is a part of it, turned or mirrored.

    Args:
        picture: (H, W, 3) uint8 RGB.
        frame: (H, W, 3) uint8 RGB, of any other size.

    Returns:
        The picture as it is, and by points that both have; none where no placement shows the frame.
    """
    target = _luma(frame, _size_of(frame))
    whole, full = _luma(picture, target.shape), np.ones(target.shape, dtype=np.bool_)
    found: list[Placed | None] = [Placed(whole, full, correlation(target, whole, full))]
    own = _luma(picture, _size_of(picture))
    found += [_by_points(own, target), _by_points(np.ascontiguousarray(own[:, ::-1]), target)]
    placed = tuple(each for each in found if each is not None)
    return placed if any(_is_shown(target, each) for each in placed) else ()


def _is_shown(frame: FloatArray, placed: Placed) -> bool:
    """True if all of the picture is like the frame, or most of its parts are: one of them may be written over."""
    if placed.correlation >= SHOWS_FRAME:
        return True
    rows, columns = (np.array_split(np.arange(length), _NUM_PARTS) for length in frame.shape)
    parts = [np.ix_(row, column) for row in rows for column in columns]
    found = [correlation(frame[part], placed.luma[part], placed.mask[part]) for part in parts if frame[part].std() > 2]
    return len(found) >= _NUM_PARTS and float(np.median(found)) >= SHOWS_FRAME


def correlation(one: FloatArray, other: FloatArray, mask: npt.NDArray[np.bool_]) -> float:
    """Pearson's correlation of two pictures within a mask, -1..1; 1 where both are flat, 0 where one is.

    Args:
        one, other: (h, w) float32.
        mask: (h, w) bool.

    >>> slope = np.arange(12, dtype=np.float32).reshape(3, 4)
    >>> round(correlation(slope, 200 - 3 * slope, np.ones((3, 4), bool)), 6)
    -1.0
    """
    a, b = one[mask], other[mask]
    if not len(a):
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    flat = [float(np.abs(values).max()) < 1.0 for values in (a, b)]
    if any(flat):
        return float(all(flat))
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def _by_points(picture: FloatArray, frame: FloatArray) -> Placed | None:
    """Lays the picture over the frame by points that both have (SIFT, RANSAC); None where too few fit."""
    import cv2

    detector: Any = cv2.SIFT.create(nfeatures=_NUM_POINTS)
    (own, own_marks), (theirs, their_marks) = (
        detector.detectAndCompute(luma.astype(np.uint8), None) for luma in (picture, frame)
    )
    if own_marks is None or their_marks is None:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2, crossCheck=True).match(own_marks, their_marks)
    if len(pairs) < _LEAST_POINTS:
        return None
    source = np.array([own[pair.queryIdx].pt for pair in pairs], np.float32)
    target = np.array([theirs[pair.trainIdx].pt for pair in pairs], np.float32)
    cv2.setRNGSeed(0)
    matrix, is_fit = cv2.estimateAffine2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=_MAX_OFF)
    if matrix is None or int(is_fit.sum()) < _LEAST_POINTS:
        return None
    size = (frame.shape[1], frame.shape[0])
    luma = np.asarray(cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_AREA), np.float32)
    mask = cv2.warpAffine(np.ones(picture.shape, np.uint8), matrix, size, flags=cv2.INTER_NEAREST) > 0
    return Placed(luma, mask, correlation(frame, luma, mask)) if mask.mean() >= _LEAST_SHARE else None


def _size_of(rgb: UInt8Array) -> tuple[int, int]:
    """Height and width at which a picture is compared; small ones stay as they are."""
    height, width = rgb.shape[:2]
    scale = min(1.0, _WORKING_SIDE / max(height, width))
    return max(8, round(height * scale)), max(8, round(width * scale))


def _luma(rgb: UInt8Array, size: tuple[int, ...]) -> FloatArray:
    import cv2

    resized = cv2.resize(rgb, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(resized, cv2.COLOR_RGB2GRAY), np.float32)
