"""The learned detector: TransNetV2 over small pictures of every frame."""

from array import array

import numpy as np
import numpy.typing as npt
from PIL import Image

from thumb_assets.settings.stages import ShotsSettings
from thumb_assets.shots.transitions import ShotStart, TransitionMerger
from thumb_assets.shots.transnet_model import INPUT_HEIGHT, INPUT_WIDTH, load_transnet
from thumb_assets.shots.windows import Predict, WindowedPredictor

# Twice the network's height: what is reduced to 48x27 from here is closest to what the package's own ffmpeg call gives
# (bicubic, straight from the frame), also where the frame is not 16:9 and at 27 lines would be widened again.
_SHORT_SIDE = 2 * INPUT_HEIGHT


class TransNetDriver:
    """TransNetV2; a start is known 25 to 74 frames after its frame, more after a long transition.

    Args:
        settings: threshold, least length of a shot, device.
        predict: the network; the package's own where none is given.

    Raises:
        ModelUnavailableError, SettingsError: see load_transnet.
    """

    short_side = _SHORT_SIDE
    compares_frames = False

    def __init__(self, settings: ShotsSettings, *, predict: Predict | None = None) -> None:
        self._windows = WindowedPredictor(predict or load_transnet(settings.device).predict)
        self._seconds = array("d")  # of each frame
        self._merger = TransitionMerger(
            threshold=settings.transnet_threshold,
            fade_threshold=settings.fade_threshold,
            min_shot_seconds=settings.min_shot_seconds,
            seconds=self._seconds,
        )

    def process(
        self,
        frame_index: int,  # noqa: ARG002
        rgb: npt.NDArray[np.uint8],
        seconds: float,
    ) -> list[ShotStart]:
        """Takes the next frame, (H, W, 3) uint8 RGB; see ShotDetector."""
        self._seconds.append(seconds)
        return self._merger.push(self._windows.push(as_input(rgb)))

    def finish(self, num_frames: int) -> list[ShotStart]:
        """The starts that became known with the end of the video."""
        return self._merger.push(self._windows.finish()) + self._merger.finish(num_frames)


def as_input(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The picture as the network takes it: the whole frame squeezed to 48x27, by an antialiased bicubic filter.

    Args:
        rgb: (H, W, 3) uint8 RGB.

    Returns:
        (27, 48, 3) uint8 RGB.

    >>> as_input(np.full((54, 72, 3), 9, np.uint8)).shape
    (27, 48, 3)
    """
    image = Image.fromarray(rgb).resize((INPUT_WIDTH, INPUT_HEIGHT), Image.Resampling.BICUBIC)
    return np.array(image, dtype=np.uint8)
