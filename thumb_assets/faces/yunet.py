"""YuNet through OpenCV."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.faces.boxes import FaceBox, faces_of, require_picture
from thumb_assets.networks import read_network
from thumb_assets.weights.faults import file_sha256

# OpenCV's own defaults for YuNet (samples/dnn/face_detect.cpp).
_NMS_THRESHOLD = 0.3
_TOP_K = 5000


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

        options = (min_confidence, _NMS_THRESHOLD, _TOP_K)
        self._net: Any = read_network(
            model_path,
            lambda: cv2.FaceDetectorYN.create(str(model_path), "", (320, 320), *options),
            is_plain=False,
        )
        self.model_sha256 = file_sha256(model_path)

    def detect(self, rgb: npt.NDArray[np.uint8]) -> list[FaceBox]:
        """The faces of a picture, see `FaceDetector`."""
        require_picture(rgb)
        height, width = rgb.shape[:2]
        self._net.setInputSize((width, height))
        _, rows = self._net.detect(np.ascontiguousarray(rgb[:, :, ::-1]))
        # Its rows are those of `faces_of`.
        return faces_of([] if rows is None else rows.astype(float).tolist(), frame_width=width, frame_height=height)
