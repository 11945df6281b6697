"""CenterFace through OpenCV."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.faces.boxes import FaceBox, faces_of, require_picture
from thumb_assets.networks import read_network
from thumb_assets.weights.faults import file_sha256

# The network's outputs (models/onnx/centerface_bnmerged.onnx of Star-Clouds/CenterFace): heat, size, offset, landmarks.
_OUTPUTS = ("537", "538", "539", "540")
# Lines of its input: faces of a tenth of the height and more are found as surely as in 288 or 540, in two thirds and a
# quarter of the time.
_LINES = 224
_STRIDE = 4  # of the heat map
_MULTIPLE = 32  # sides of the input
_NMS_THRESHOLD = 0.3


class CenterFaceDetector:
    """CenterFace (Xu et al. 2019, arXiv:1911.03599) through OpenCV's dnn; faces from about 12 px on.

    Args:
        model_path: the ONNX file.
        min_confidence: 0..1; boxes with less are dropped. It is the square root of the network's heat, which puts the
            same faces about where YuNet puts them: those it is sure of (.85) have a heat of .69 and more.

    Raises:
        ModelUnavailableError: OpenCV cannot read the file.

    Not safe for two threads at once: OpenCV keeps the input in the network.
    """

    name = "centerface"

    def __init__(self, model_path: Path, *, min_confidence: float) -> None:
        import cv2

        self._net: Any = read_network(model_path, lambda: cv2.dnn.readNetFromONNX(str(model_path)))
        self.model_sha256 = file_sha256(model_path)
        self._min_heat = min_confidence**2

    def detect(self, rgb: npt.NDArray[np.uint8]) -> list[FaceBox]:
        """The faces of a picture, see `FaceDetector`."""
        import cv2

        require_picture(rgb)
        height, width = rgb.shape[:2]
        input_size = _input_size(width, height)
        picture = rgb if height <= input_size[1] else cv2.resize(rgb, input_size, interpolation=cv2.INTER_AREA)
        self._net.setInput(cv2.dnn.blobFromImage(picture, 1.0, input_size))
        rows = _decode(self._net.forward(_OUTPUTS), min_heat=self._min_heat)
        rows[:, 0:14:2] *= width / input_size[0]
        rows[:, 1:14:2] *= height / input_size[1]
        kept = cv2.dnn.NMSBoxes(rows[:, :4].tolist(), rows[:, 14].tolist(), 0.0, _NMS_THRESHOLD)
        return faces_of(rows[np.asarray(kept, int)].tolist(), frame_width=width, frame_height=height)


def _input_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the input for a picture, whose proportions it keeps but for the rounding."""
    factor = min(1.0, _LINES / height)
    return (
        max(_MULTIPLE, round(width * factor / _MULTIPLE) * _MULTIPLE),
        max(_MULTIPLE, round(height * factor / _MULTIPLE) * _MULTIPLE),
    )


def _decode(outputs: tuple[npt.NDArray[np.float32], ...], *, min_heat: float) -> npt.NDArray[np.float64]:
    """The rows of `faces_of`, in pixels of the input, after `decode` of the authors' prj-python/centerface.py.

    Args:
        outputs: (1, 1, h, w) heat; (1, 2, h, w) logarithm of height and width; (1, 2, h, w) offset in y and x;
            (1, 10, h, w) y and x of the landmarks in shares of the box.
    """
    heat, sizes, offsets, landmarks = (output[0].astype(np.float64) for output in outputs)
    y, x = np.nonzero(heat[0] > min_heat)
    heights, widths = np.exp(sizes[:, y, x]) * _STRIDE
    left = (x + offsets[1, y, x] + 0.5) * _STRIDE - widths / 2
    top = (y + offsets[0, y, x] + 0.5) * _STRIDE - heights / 2
    rows = np.empty((len(x), 15))
    rows[:, :4] = np.stack([left, top, widths, heights], axis=1)
    rows[:, 4:14:2] = (left + landmarks[1::2, y, x] * widths).T
    rows[:, 5:14:2] = (top + landmarks[0::2, y, x] * heights).T
    rows[:, 14] = np.sqrt(heat[0, y, x])
    return rows
