"""The detector that the engine feeds: counts frames, collects the starts of shots, whatever finds them."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from thumb_assets.settings.stages import ShotsSettings
from thumb_assets.shots.scenedetect_driver import SceneDetectDriver
from thumb_assets.shots.transitions import ShotStart
from thumb_assets.shots.transnet import TransNetDriver
from thumb_assets.video.frame import Frame


class ShotDriver(Protocol):
    """Finds shot starts in frames that arrive in order.

    Attributes:
        short_side: shorter side in pixels of the pictures it wants, or the least one.
        compares_frames: whether any small picture will do that is alike for all frames; else it looks at what a person
            would see.
    """

    short_side: int
    compares_frames: bool

    def process(self, frame_index: int, rgb: npt.NDArray[np.uint8], seconds: float) -> list[ShotStart]:
        """Takes the next frame, shown at `seconds`; gives the starts that became known, its own or earlier ones."""
        ...

    def finish(self, num_frames: int) -> list[ShotStart]:
        """The starts that became known with the end of the video."""
        ...


class ShotDetector:
    """Finds shot starts while frames arrive in order.

    Args:
        settings: which detector and its thresholds.

    Raises:
        ModelUnavailableError: the learned detector's package is not installed.
        SettingsError: the device of the settings is not here.
    """

    def __init__(self, settings: ShotsSettings) -> None:
        self._driver = _build_driver(settings)
        self._starts: dict[int, ShotStart] = {0: ShotStart(0)}
        self._num_frames = 0

    def picture_of(self, frame: Frame) -> npt.NDArray[np.uint8]:
        """The picture of a frame for `process`: (H, W, 3) uint8 RGB."""
        side = self._driver.short_side
        return frame.small_rgb(side) if self._driver.compares_frames else frame.rgb(side)

    def process(self, rgb: npt.NDArray[np.uint8], *, seconds: float) -> list[int]:
        """Takes the next frame.

        Args:
            rgb: (H, W, 3) uint8 RGB, as `picture_of` gives it; the same size for every frame.
            seconds: when it is shown, not less than that of the frame before.

        Returns:
            Frame indices of the shot starts that became known with this frame: this frame's or earlier ones.
        """
        frame_index = self._num_frames
        self._num_frames += 1
        return self._announce(self._driver.process(frame_index, rgb, seconds))

    def finish(self) -> list[ShotStart]:
        """The starts of all shots, ascending, the first at 0. Call once, after the last frame."""
        self._announce(self._driver.finish(self._num_frames))
        return [self._starts[index] for index in sorted(self._starts) if index < max(self._num_frames, 1)]

    def _announce(self, starts: list[ShotStart]) -> list[int]:
        new = {start.frame_index: start for start in starts if start.frame_index not in self._starts}
        self._starts |= new
        return sorted(new)


def _build_driver(settings: ShotsSettings) -> ShotDriver:
    if settings.detector == "transnet":
        return TransNetDriver(settings)
    return SceneDetectDriver(settings)
