"""The detector that the engine feeds: counts frames, collects the starts of shots, whatever finds them."""

from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

from thumb_assets.settings import ShotsSettings
from thumb_assets.shots.scenedetect_driver import SceneDetectDriver
from thumb_assets.shots.starts import ShotStart
from thumb_assets.shots.transnet import TransNetDriver
from thumb_assets.video import Frame

# Assumed where a file has no frame rate at all; it only turns `min_shot_seconds` into frames.
_FALLBACK_FRAME_RATE = Fraction(25)


class ShotDriver(Protocol):
    """What finds shot starts in frames that arrive in order.

    Attributes:
        short_side: shorter side in pixels of the pictures it wants, or the least one.
        compares_frames: whether any small picture will do that is alike for all frames; else it looks at what a person
            would see.
    """

    short_side: int
    compares_frames: bool

    def process(self, frame_index: int, rgb: npt.NDArray[np.uint8]) -> list[ShotStart]:
        """Takes the next frame; gives the starts that became known, this frame's or earlier ones."""
        ...

    def finish(self, num_frames: int) -> list[ShotStart]:
        """The starts that became known with the end of the video."""
        ...


class ShotDetector:
    """Finds shot starts while frames arrive in order.

    Args:
        settings: which detector and its thresholds.
        average_frame_rate: frames per second; None where the file does not say.

    Raises:
        ModelUnavailableError: the learned detector's package is not installed.
        SettingsError: the device of the settings is not here.
    """

    def __init__(self, settings: ShotsSettings, *, average_frame_rate: Fraction | None) -> None:
        self._driver = _build_driver(settings, average_frame_rate or _FALLBACK_FRAME_RATE)
        self._starts: dict[int, ShotStart] = {0: ShotStart(0)}
        self._num_frames = 0

    def picture_of(self, frame: Frame) -> npt.NDArray[np.uint8]:
        """What `process` wants of a frame: (H, W, 3) uint8 RGB."""
        side = self._driver.short_side
        return frame.small_rgb(side) if self._driver.compares_frames else frame.rgb(side)

    def process(self, rgb: npt.NDArray[np.uint8]) -> list[int]:
        """Takes the next frame.

        Args:
            rgb: (H, W, 3) uint8 RGB, as `picture_of` gives it; the same size for every frame.

        Returns:
            Frame indices of the shot starts that became known with this frame: this frame's or earlier ones.
        """
        frame_index = self._num_frames
        self._num_frames += 1
        return self._announce(self._driver.process(frame_index, rgb))

    def finish(self) -> list[ShotStart]:
        """The starts of all shots, ascending, the first at 0. Call once, after the last frame."""
        self._announce(self._driver.finish(self._num_frames))
        return [self._starts[index] for index in sorted(self._starts) if index < max(self._num_frames, 1)]

    def _announce(self, starts: list[ShotStart]) -> list[int]:
        new = {start.frame_index: start for start in starts if start.frame_index not in self._starts}
        self._starts |= new
        return sorted(new)


def _build_driver(settings: ShotsSettings, frame_rate: Fraction) -> ShotDriver:
    if settings.detector == "transnet":
        return TransNetDriver(settings, frame_rate=frame_rate)
    return SceneDetectDriver(settings, frame_rate=frame_rate)
