"""MediaPipe's face landmarks through OpenCV: whether the eyes and the mouth are open, where the eyes look."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.faces.boxes import FaceBox
from thumb_assets.weights.faults import file_sha256

_NETWORK = "face_landmarks_detector.tflite"  # inside the .task, a zip
_OUTPUT = "Identity"
_SIDE = 256  # of its input, px
_CROP = 1.5  # its side in sides of the box, as MediaPipe's own graph cuts it
# Eyelids of a smaller face are too few pixels apart, and a crowd's faces cost more than they tell.
_MIN_HEIGHT = 48
_MAX_FACES = 4
# Numbers of MediaPipe's mesh, by eye: outer corner, two points of the upper lid, inner corner, the two below them.
_EYES = ((33, 160, 158, 133, 153, 144), (263, 387, 385, 362, 380, 373))
_IRISES = (468, 473)
_LIPS = (13, 14)
_MOUTH_CORNERS = (61, 291)

Points = npt.NDArray[np.float64]


class FaceLandmarker:
    """The landmark network of MediaPipe's Face Landmarker (478 points), without MediaPipe.

    Args:
        model_path: `face_landmarker.task`.

    Raises:
        ModelUnavailableError: the file is no such one, or this OpenCV cannot read it.

    Not safe for two threads at once.
    """

    def __init__(self, model_path: Path) -> None:
        import cv2

        try:
            with ZipFile(model_path) as task:
                network = np.frombuffer(task.read(_NETWORK), np.uint8)
            self._net: Any = cv2.dnn.readNetFromTFLite(network)
        except (BadZipFile, KeyError, OSError, cv2.error) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelUnavailableError(f"{model_path} holds no face landmarks OpenCV can read: {reason}") from None
        self.model_sha256 = file_sha256(model_path)

    def look_at(self, rgb: npt.NDArray[np.uint8], boxes: Sequence[FaceBox]) -> list[FaceBox]:
        """The same faces in the same order, the largest few with openness of eyes and mouth and gaze.

        Args:
            rgb: (H, W, 3) uint8 RGB.
            boxes: in its pixels.
        """
        largest = sorted(range(len(boxes)), key=lambda index: -boxes[index].height)[:_MAX_FACES]
        looked_at = {index for index in largest if boxes[index].height >= _MIN_HEIGHT}
        return [self._look(rgb, box) if index in looked_at else box for index, box in enumerate(boxes)]

    def _look(self, rgb: npt.NDArray[np.uint8], box: FaceBox) -> FaceBox:
        import cv2

        self._net.setInput(cv2.dnn.blobFromImage(upright_crop(rgb, box), 1 / 255, (_SIDE, _SIDE)))
        points = self._net.forward(_OUTPUT).reshape(-1, 3)[:, :2].astype(np.float64)
        if not np.isfinite(points).all():
            return box
        return replace(box, eye_openness=eye_openness(points), mouth_openness=mouth_openness(points), gaze=gaze(points))


def upright_crop(rgb: npt.NDArray[np.uint8], box: FaceBox) -> npt.NDArray[np.uint8]:
    """(256, 256, 3) uint8: a square around a face, turned so that its eyes are level; black outside the picture."""
    import cv2

    half = max(box.width, box.height) * _CROP / 2
    x, y = box.x + box.width / 2, box.y + box.height / 2
    angle = np.radians(box.tilt)
    along = half * np.array([np.cos(angle), np.sin(angle)])
    corners = [(x, y), (x + along[0], y + along[1]), (x - along[1], y + along[0])]
    middle = _SIDE / 2
    target = [(middle, middle), (_SIDE, middle), (middle, _SIDE)]
    turn = cv2.getAffineTransform(np.array(corners, np.float32), np.array(target, np.float32))
    return np.asarray(cv2.warpAffine(rgb, turn, (_SIDE, _SIDE)), np.uint8)


def eye_openness(points: Points) -> float:
    """Height over width of the eyes, the mean of both: the eye aspect ratio of Soukupova and Cech (CVWW 2016).

    Args:
        points: (478, 2), pixels, of MediaPipe's mesh.

    Returns:
        0 for closed eyes, about .25 to .4 for open ones.
    """
    ratios = []
    for eye in _EYES:
        outer, upper_out, upper_in, inner, lower_in, lower_out = points[list(eye)]
        ratios.append((_distance(upper_out, lower_out) + _distance(upper_in, lower_in)) / _length(outer, inner) / 2)
    return float(np.mean(ratios))


def mouth_openness(points: Points) -> float:
    """The gap between the lips over the mouth's width; 0 closed, above about .3 wide open."""
    upper, lower = points[list(_LIPS)]
    return float(_distance(upper, lower) / _length(*points[list(_MOUTH_CORNERS)]))


def gaze(points: Points) -> float:
    """Place of the irises between the corners of the eyes, mean of both: 1 in the middle, 0 at a corner."""
    places = []
    for eye, iris in zip(_EYES, _IRISES, strict=True):
        outer, inner = points[eye[0]], points[eye[3]]
        places.append(float((points[iris] - outer) @ (inner - outer) / _length(outer, inner) ** 2))
    # To one side, one iris nears the outer corner of its eye and the other the inner one.
    return float(np.clip(1 - abs(places[0] - places[1]), 0, 1))


def _distance(first: Points, second: Points) -> float:
    return float(np.linalg.norm(first - second))


def _length(first: Points, second: Points) -> float:
    return max(_distance(first, second), 1e-6)
