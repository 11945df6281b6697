"""Faces: their boxes, and what the places of eyes and nose say of where they look."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import BadInputError


@dataclass(frozen=True)
class FaceBox:
    """One face.

    Attributes:
        x, y, width, height: its box in pixels of the picture it was found in, cut at the edges.
        confidence: 0..1.
        frontality: 1 where the nose is in the middle between the eyes, 0 where it hides one of them; None where the
            detector does not tell.
        tilt: degrees by which the line from its right eye to its left one is turned clockwise.
        eye_openness, mouth_openness, gaze: see `landmarks`; None where the face was not looked at so closely.
    """

    x: float
    y: float
    width: float
    height: float
    confidence: float
    frontality: float | None = None
    tilt: float = 0.0
    eye_openness: float | None = None
    mouth_openness: float | None = None
    gaze: float | None = None


class FaceDetector(Protocol):
    """Finds faces; `name` and `model_sha256` say with what."""

    name: str
    model_sha256: str

    def detect(self, rgb: npt.NDArray[np.uint8]) -> list[FaceBox]:
        """The faces of a picture.

        Args:
            rgb: (H, W, 3) uint8 RGB.

        Returns:
            Boxes in pixels of `rgb`, cut at its edges, by falling confidence.

        Raises:
            BadInputError: not such an array.
        """
        ...


def require_picture(rgb: npt.NDArray[np.uint8]) -> None:
    """Raises BadInputError for anything but an (H, W, 3) uint8 RGB picture."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise BadInputError(f"faces need an (H, W, 3) uint8 RGB array, got {rgb.shape} {rgb.dtype}")


def faces_of(rows: Iterable[Sequence[float]], *, frame_width: int, frame_height: int) -> list[FaceBox]:
    """The faces that a detector found, by falling confidence.

    Args:
        rows: x, y, width, height, five landmarks (x and y of right eye, left eye, nose and the corners of the mouth),
            confidence; pixels of the picture. A box without a pixel inside it, or of no finite number, is left out.
        frame_width, frame_height: of the picture.
    """
    boxes = []
    for row in rows:
        box = _cut(tuple(row[:4]), row[14], frame_width, frame_height)
        if box is not None:
            boxes.append(replace(box, frontality=frontality(row[4:10]), tilt=tilt(row[4:8])))
    return sorted(boxes, key=lambda box: (-box.confidence, box.x, box.y))


def frontality(landmarks: Sequence[float]) -> float | None:
    """Measures how much a face looks at the camera: where the nose is along the line from one eye to the other.

    Args:
        landmarks: x and y of the right eye, of the left eye, of the nose.

    Returns:
        1 in the middle, falling to 0 at either eye and beyond, where one eye is hidden; None without two eyes.

    >>> frontality([10, 10, 30, 10, 20, 20]), frontality([10, 10, 30, 10, 25, 20]), frontality([10, 10, 30, 10, 35, 20])
    (1.0, 0.5, 0.0)
    """
    right_x, right_y, left_x, left_y, nose_x, nose_y = landmarks
    along_x, along_y = left_x - right_x, left_y - right_y
    length = along_x**2 + along_y**2
    if not math.isfinite(length) or length == 0:
        return None
    place = ((nose_x - right_x) * along_x + (nose_y - right_y) * along_y) / length
    return max(0.0, 1.0 - 2.0 * abs(place - 0.5)) if math.isfinite(place) else None


def tilt(eyes: Sequence[float]) -> float:
    """Degrees by which the line between the eyes is turned clockwise; 0 where it is not known.

    Args:
        eyes: x and y of the right eye, of the left eye.

    >>> tilt([10, 10, 30, 10]), tilt([10, 10, 10, 30])
    (0.0, 90.0)
    """
    right_x, right_y, left_x, left_y = eyes
    angle = math.degrees(math.atan2(left_y - right_y, left_x - right_x))
    return angle if math.isfinite(angle) else 0.0


def scale_boxes(boxes: Iterable[FaceBox], factor: float) -> list[FaceBox]:
    """The same boxes in a picture `factor` times as large.

    >>> scale_boxes([FaceBox(10, 20, 30, 40, 0.9)], 2.0) == [FaceBox(20, 40, 60, 80, 0.9)]
    True
    """
    return [
        replace(box, x=box.x * factor, y=box.y * factor, width=box.width * factor, height=box.height * factor)
        for box in boxes
    ]


def _cut(box: tuple[float, ...], confidence: float, frame_width: int, frame_height: int) -> FaceBox | None:
    """The part of a box (x, y, width, height) inside the picture; None where there is none."""
    x, y, width, height = box
    if not all(map(math.isfinite, (*box, confidence))):
        return None
    left, top = max(0.0, x), max(0.0, y)
    right, bottom = min(float(frame_width), x + width), min(float(frame_height), y + height)
    if right <= left or bottom <= top:
        return None
    return FaceBox(left, top, right - left, bottom - top, min(1.0, max(0.0, confidence)))
