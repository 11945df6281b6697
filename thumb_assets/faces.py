"""Finds faces in one picture.

What belongs here: the detector behind one Protocol, and the boxes it returns in pixels of the picture it was given.
What does not: what a face is worth (select), which frames are looked at and how they are decoded (pipeline, video), or
where the model file comes from (weights). BGR, which OpenCV wants, does not leave this room.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import BadInputError, ModelUnavailableError
from thumb_assets.settings.stages import FacesSettings
from thumb_assets.weights.faults import file_sha256
from thumb_assets.weights.resolve import resolve_file

# OpenCV's own defaults for YuNet (samples/dnn/face_detect.cpp).
_NMS_THRESHOLD = 0.3
_TOP_K = 5000


@dataclass(frozen=True)
class FaceBox:
    """One face.

    Attributes:
        x, y, width, height: its box in pixels of the picture it was found in, cut at the edges.
        confidence: 0..1.
        frontality: 1 where the nose is in the middle between the eyes, 0 where it hides one of them; None where the
            detector does not tell.
    """

    x: float
    y: float
    width: float
    height: float
    confidence: float
    frontality: float | None = None


class FaceDetector(Protocol):
    """Finds faces; `name` and `model_sha256` say with what."""

    name: str
    model_sha256: str

    def detect(self, rgb: npt.NDArray[np.uint8]) -> list[FaceBox]:
        """The faces of an (H, W, 3) uint8 RGB picture, by falling confidence."""
        ...


class YuNetDetector:
    """YuNet (Wu, Peng, Yu 2023, doi 10.1007/s11633-023-1423-y) through OpenCV; faces from about 10 px on.

    Args:
        model_path: the ONNX file.
        min_confidence: 0..1; boxes with less are dropped.

    Raises:
        ModelUnavailableError: OpenCV cannot read the file.

    Not safe for two threads at once: OpenCV keeps the input size in the detector.
    """

    name = "yunet"

    def __init__(self, model_path: Path, *, min_confidence: float) -> None:
        import cv2

        # OpenCV 5 warns about its own defaults at every creation.
        log_level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self._net: Any = cv2.FaceDetectorYN.create(
                str(model_path), "", (320, 320), min_confidence, _NMS_THRESHOLD, _TOP_K
            )
        except cv2.error as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelUnavailableError(f"{model_path} is not a model OpenCV can read: {reason}") from None
        finally:
            cv2.utils.logging.setLogLevel(log_level)
        self.model_sha256 = file_sha256(model_path)

    def detect(self, rgb: npt.NDArray[np.uint8]) -> list[FaceBox]:
        """The faces of a picture.

        Args:
            rgb: (H, W, 3) uint8 RGB.

        Returns:
            Boxes in pixels of `rgb`, cut at its edges, by falling confidence.

        Raises:
            BadInputError: not such an array.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
            raise BadInputError(f"faces need an (H, W, 3) uint8 RGB array, got {rgb.shape} {rgb.dtype}")
        height, width = rgb.shape[:2]
        self._net.setInputSize((width, height))
        _, rows = self._net.detect(np.ascontiguousarray(rgb[:, :, ::-1]))
        # A row: x, y, width, height, five landmarks (10 numbers), confidence.
        boxes = []
        for row in [] if rows is None else rows.astype(float).tolist():
            box = _cut(tuple(row[:4]), row[14], width, height)
            if box is not None:
                boxes.append(replace(box, frontality=frontality(row[4:10])))
        return sorted(boxes, key=lambda box: (-box.confidence, box.x, box.y))


def load_face_detector(settings: FacesSettings) -> FaceDetector | None:
    """The detector the settings ask for; None where they ask for none.

    Raises:
        ModelUnavailableError: its file cannot be had or read; the message says how to supply it.
    """
    if settings.detector == "none":
        return None
    path = resolve_file("yunet", explicit=settings.model_path)
    return YuNetDetector(path, min_confidence=settings.min_confidence)


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


def scale_boxes(boxes: Iterable[FaceBox], factor: float) -> list[FaceBox]:
    """The same boxes in a picture `factor` times as large.

    >>> scale_boxes([FaceBox(10, 20, 30, 40, 0.9)], 2.0)
    [FaceBox(x=20.0, y=40.0, width=60.0, height=80.0, confidence=0.9, frontality=None)]
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
