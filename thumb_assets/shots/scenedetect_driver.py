"""PySceneDetect's detectors, driven frame by frame by our own counter."""

import importlib
import importlib.util
import sys
from collections import deque
from fractions import Fraction
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.settings import ShotsSettings
from thumb_assets.shots.starts import ShotStart, Transition

# A detector announces a cut a few frames late; its scores of this many frames are remembered to report the cut's own.
_NUM_RECENT_SCORES = 64


class SceneDetectDriver:
    """One of PySceneDetect's detectors.

    Args:
        settings: which detector and its thresholds.
        frame_rate: frames per second.
    """

    compares_frames = True

    def __init__(self, settings: ShotsSettings, *, frame_rate: Fraction) -> None:
        self.short_side = settings.working_height
        self._frame_rate = frame_rate
        self._detector = _build_detector(settings, frame_rate)
        self._transition: Transition = "fade" if settings.detector == "threshold" else "cut"
        self._recent_scores: deque[tuple[int, float]] = deque(maxlen=_NUM_RECENT_SCORES)

    def process(self, frame_index: int, rgb: npt.NDArray[np.uint8]) -> list[ShotStart]:
        """Takes the next frame, (H, W, 3) uint8 RGB of the same size as all others; see ShotDetector."""
        import cv2

        cuts = self._detector.process_frame(self._timecode(frame_index), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        # ContentDetector and AdaptiveDetector keep the frame's score here. The public way, a StatsManager, also turns
        # on an edge measure that costs more than the detector itself.
        score = getattr(self._detector, "_frame_score", None)
        if score is not None:
            self._recent_scores.append((frame_index, float(score)))
        return self._as_starts(cuts)

    def finish(self, num_frames: int) -> list[ShotStart]:
        """The starts that became known with the end of the video."""
        return self._as_starts(self._detector.post_process(self._timecode(num_frames - 1))) if num_frames else []

    def _as_starts(self, cuts: list[Any]) -> list[ShotStart]:
        scores = dict(self._recent_scores)
        indices = sorted({int(cut.frame_num) for cut in cuts})
        return [ShotStart(index, self._transition, scores.get(index)) for index in indices]

    def _timecode(self, frame_index: int) -> Any:
        return _library("common").FrameTimecode(frame_index, fps=self._frame_rate)


@cache
def _library(module: str) -> ModuleType:
    """A module of PySceneDetect, without the rest of the package.

    The package's own `__init__` starts FFmpeg to see whether it is there, with this process's terminal as its input.
    Other modules, and whoever imports the package after us, find it as it is: the bare package is taken away again.
    """
    name = f"scenedetect.{module}"
    if "scenedetect" in sys.modules:
        return importlib.import_module(name)
    spec = importlib.util.find_spec("scenedetect")
    if spec is None:
        raise ImportError("PySceneDetect is not installed; install scenedetect-headless")
    sys.modules["scenedetect"] = importlib.util.module_from_spec(spec)  # its modules find each other; not executed
    try:
        return importlib.import_module(name)
    finally:
        del sys.modules["scenedetect"]


def _build_detector(settings: ShotsSettings, frame_rate: Fraction) -> Any:
    detectors = _library("detectors")
    # In frames: the library compares whole frames exactly, seconds with rounding at 29.97.
    min_scene_len = round(settings.min_shot_seconds * frame_rate)
    if settings.detector == "adaptive":
        return detectors.AdaptiveDetector(
            adaptive_threshold=settings.adaptive_threshold,
            window_width=settings.window_width,
            min_scene_len=min_scene_len,
        )
    if settings.detector == "content":
        return detectors.ContentDetector(threshold=settings.content_threshold, min_scene_len=min_scene_len)
    if settings.detector == "threshold":
        return detectors.ThresholdDetector(threshold=settings.fade_threshold, min_scene_len=min_scene_len)
    if settings.detector == "histogram":
        return detectors.HistogramDetector(threshold=settings.histogram_threshold, min_scene_len=min_scene_len)
    return detectors.HashDetector(threshold=settings.hash_threshold, min_scene_len=min_scene_len)
