"""PySceneDetect's detectors, driven frame by frame by our own clock.

The library takes a frame's number for its time. It is given microseconds for frame numbers, at a rate of a million a
second, so that what it measures in frames, such as the least length of a shot, is measured by the stamps, whatever rate
the file claims; its answers are looked up among the stamps.
"""

import importlib
import importlib.util
import sys
from array import array
from bisect import bisect_right
from collections import deque
from fractions import Fraction
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.settings.stages import ShotsSettings
from thumb_assets.shots.transitions import ShotStart, Transition

_TICKS_PER_SECOND = 1_000_000
# A detector announces a cut a few frames late; its scores of this many frames are remembered to report the cut's own.
_NUM_RECENT_SCORES = 64


class SceneDetectDriver:
    """One of PySceneDetect's detectors.

    Args:
        settings: which detector and its thresholds.
    """

    compares_frames = True

    def __init__(self, settings: ShotsSettings) -> None:
        self.short_side = settings.working_height
        self._detector = _build_detector(settings)
        self._takes_numbers = settings.detector == "adaptive"
        self._takes_rgb = settings.detector in ("adaptive", "content")
        self._ticks = array("q")  # of each frame, ascending
        self._transition: Transition = "fade" if settings.detector == "threshold" else "cut"
        self._recent_scores: deque[tuple[int, float]] = deque(maxlen=_NUM_RECENT_SCORES)

    def process(self, frame_index: int, rgb: npt.NDArray[np.uint8], seconds: float) -> list[ShotStart]:
        """Takes the next frame, (H, W, 3) uint8 RGB of the same size as all others; see ShotDetector."""
        import cv2

        ticks = round(seconds * _TICKS_PER_SECOND)
        self._ticks.append(max(ticks, self._ticks[-1] + 1) if self._ticks else ticks)
        picture = rgb if self._takes_rgb else cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        cuts = self._detector.process_frame(self._moment(), picture)
        # ContentDetector and AdaptiveDetector keep the frame's score here. The public way, a StatsManager, also turns
        # on an edge measure that costs more than the detector itself.
        score = getattr(self._detector, "_frame_score", None)
        if score is not None:
            self._recent_scores.append((frame_index, float(score)))
        return self._as_starts(cuts)

    def finish(self, num_frames: int) -> list[ShotStart]:
        """The starts that became known with the end of the video."""
        return self._as_starts(self._detector.post_process(self._moment())) if num_frames else []

    def _as_starts(self, cuts: list[Any]) -> list[ShotStart]:
        if not cuts:  # with nearly every frame
            return []
        scores = dict(self._recent_scores)
        # A detector may name a moment between two frames: the shot starts with what is on screen then.
        ticks = (cut if isinstance(cut, int) else int(cut.frame_num) for cut in cuts)
        indices = sorted({bisect_right(self._ticks, self._ticks[0] + each) - 1 for each in ticks})
        return [ShotStart(index, self._transition, scores.get(index)) for index in indices]

    def _moment(self) -> Any:
        """The latest frame's time as the detector takes it.

        AdaptiveDetector only subtracts and compares: plain numbers spare it fractions, half of its time.
        """
        elapsed = self._ticks[-1] - self._ticks[0]
        return elapsed if self._takes_numbers else _timecode(elapsed)


def _timecode(ticks: int) -> Any:
    return _library("common").FrameTimecode(ticks, fps=Fraction(_TICKS_PER_SECOND))


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


def _scoring_quickly(detector: type) -> type:
    """ContentDetector, or one that is made from it, which takes RGB and has the same scores for a third of the work."""
    return type(detector.__name__, (detector,), {"_hsv": None, "_calculate_frame_score": _frame_score})


def _frame_score(detector: Any, _timecode: Any, rgb: npt.NDArray[np.uint8]) -> float:
    """The mean difference of hue, saturation and brightness from the frame before, for a detector to remember it by.

    OpenCV adds up differences of bytes; the library's own way makes five arrays of them for each channel.
    """
    import cv2

    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    before, detector._hsv = detector._hsv, hsv  # noqa: SLF001 - it belongs to `_scoring_quickly`
    if before is None:
        return 0.0
    return sum(total / (hsv.size // 3) for total in cv2.sumElems(cv2.absdiff(hsv, before))[:3]) / 3


def _build_detector(settings: ShotsSettings) -> Any:
    detectors = _library("detectors")
    # A millisecond less: the stamps of a rate such as 29.97 are rounded.
    min_scene_len = max(0, round((settings.min_shot_seconds - 0.001) * _TICKS_PER_SECOND))
    if settings.detector == "adaptive":
        return _scoring_quickly(detectors.AdaptiveDetector)(
            adaptive_threshold=settings.adaptive_threshold,
            window_width=settings.window_width,
            min_scene_len=min_scene_len,
        )
    if settings.detector == "content":
        content = _scoring_quickly(detectors.ContentDetector)
        return content(threshold=settings.content_threshold, min_scene_len=min_scene_len)
    if settings.detector == "threshold":
        return detectors.ThresholdDetector(threshold=settings.fade_threshold, min_scene_len=min_scene_len)
    if settings.detector == "histogram":
        return detectors.HistogramDetector(threshold=settings.histogram_threshold, min_scene_len=min_scene_len)
    return detectors.HashDetector(threshold=settings.hash_threshold, min_scene_len=min_scene_len)
