"""Finds the subject of one picture: what stands out from its background.

What belongs here: the model behind one class, and what its mask says of a picture. What does not: what a subject is
worth (select), which frames are looked at and how they are decoded (pipeline, video), or where the model file comes
from (weights).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.networks import read_network
from thumb_assets.weights.faults import file_sha256

# The network's input and its mask, square; pictures are squeezed into it as the network's authors do.
MASK_SIZE = 256
# The network's last layer but two and its last convolution, which takes OpenCV as long as all before it.
_BODY, _HEAD = "add_13__xeno_compat__1", "segment"
# A pixel above it belongs to the subject.
_OF_SUBJECT = 0.5
# Lines at the upper edge, as a share of the picture's.
_EDGE_SHARE = 1 / 32

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SubjectMeasures:
    """One picture's subject.

    Attributes:
        subject_share: mean of the mask, 0..1.
        subject_cut_share: what of the mask lies at the upper edge, in usual (median) widths of the subject, 0..1: how
            much of it the edge cuts off; 0 without a subject.
    """

    subject_share: float
    subject_cut_share: float


class SubjectFinder:
    """MediaPipe's selfie segmenter (MobileNetV3, Google, Apache-2.0) through OpenCV.

    It was made to tell a person from the background, and tells animals, flowers and what else is in front of a
    background as well; vehicles it does not.

    Args:
        model_path: the TFLite file.

    Raises:
        ModelUnavailableError: OpenCV cannot read the file.

    Not safe for two threads at once: OpenCV keeps the input in the network.
    """

    name = "selfie-segmenter"

    def __init__(self, model_path: Path) -> None:
        import cv2

        # OpenCV's new engine computes all layers, whichever is asked for; before 4.11 there was only one.
        engine = {"engine": cv2.dnn.ENGINE_CLASSIC} if hasattr(cv2.dnn, "ENGINE_CLASSIC") else {}
        self._net: Any = read_network(model_path, lambda: cv2.dnn.readNetFromTFLite(str(model_path), **engine))
        self._head = _head_of(self._net)
        self.model_sha256 = file_sha256(model_path)

    def mask(self, rgb: npt.NDArray[np.uint8]) -> FloatArray:
        """Probability that each place shows the subject.

        Args:
            rgb: (H, W, 3) uint8 RGB.

        Returns:
            (MASK_SIZE, MASK_SIZE) float32, 0..1.
        """
        import cv2

        self._net.setInput(cv2.dnn.blobFromImage(rgb, 1 / 255, (MASK_SIZE, MASK_SIZE)))
        if self._head is None:
            mask = np.asarray(self._net.forward(), np.float32)[0, 0]
        else:
            mask = _enlarged(np.asarray(self._net.forward(_BODY), np.float32)[0], *self._head)
        return np.asarray(np.clip(mask, 0.0, 1.0), np.float32)


def _head_of(net: Any) -> tuple[FloatArray, float] | None:
    """Weights (channels, 4) and offset of the network's last convolution; None where it has another shape."""
    if not {_BODY, _HEAD} <= set(net.getLayerNames()):
        return None
    weights, *offsets = (np.asarray(blob, np.float32) for blob in net.getLayer(net.getLayerId(_HEAD)).blobs)
    if weights.shape[1:] != (1, 2, 2) or len(offsets) != 1 or offsets[0].size != 1:
        return None
    return weights.reshape(len(weights), 4), float(offsets[0].ravel()[0])


def _enlarged(features: FloatArray, weights: FloatArray, offset: float) -> FloatArray:
    """The transposed convolution of 2x2 at a stride of 2, and the sigmoid: (channels, H, W) to (2 H, 2 W)."""
    channels, height, width = features.shape
    parts = (weights.T @ features.reshape(channels, -1)).reshape(2, 2, height, width)
    sums = parts.transpose(2, 0, 3, 1).reshape(2 * height, 2 * width) + np.float32(offset)
    return np.asarray(0.5 + 0.5 * np.tanh(sums / 2), np.float32)  # the sigmoid, which does not overflow so


def measure_subject(mask: FloatArray) -> SubjectMeasures:
    """The measures of a mask.

    Args:
        mask: (H, W) float32, 0..1.

    >>> half = np.zeros((4, 4), np.float32); half[2:, :] = 1
    >>> measure_subject(half)
    SubjectMeasures(subject_share=0.5, subject_cut_share=0.0)
    >>> measure_subject(half[::-1])
    SubjectMeasures(subject_share=0.5, subject_cut_share=1.0)
    """
    widths = np.count_nonzero(mask > _OF_SUBJECT, axis=1)
    if not widths.any():
        return SubjectMeasures(float(mask.mean()), 0.0)
    # Of a person without a head the network is in doubt, most of all where the picture ends: doubt counts.
    at_the_edge = float(mask[: max(1, round(_EDGE_SHARE * len(mask)))].max(axis=0).sum())
    return SubjectMeasures(float(mask.mean()), min(1.0, at_the_edge / float(np.median(widths[widths > 0]))))
