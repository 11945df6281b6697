"""Cuts a video into shots: PySceneDetect's detectors, driven frame by frame by our own counter.

What belongs here: building a detector from the settings, feeding it, and turning its cuts into shots that tile the
video. What does not: decoding (video), choosing frames in a shot (candidates). The library's own frame numbers are not
used: on variable-rate video they are time x average rate, not the index of a frame.
"""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from thumb_assets.settings import ShotsSettings
from thumb_assets.tables import table_from_rows

if TYPE_CHECKING:
    from scenedetect import SceneDetector

Transition = Literal["cut", "dissolve", "fade"]

# Assumed where a file has no frame rate at all; it only turns `min_shot_seconds` into frames.
_FALLBACK_FRAME_RATE = Fraction(25)
# A detector announces a cut a few frames late; its scores of this many frames are remembered to report the cut's own.
_NUM_RECENT_SCORES = 64


@dataclass(frozen=True)
class ShotStart:
    """First frame of a shot, how it begins, and the detector's measure there."""

    frame_index: int
    transition: Transition = "cut"
    detector_score: float | None = None


class ShotDetector:
    """Finds shot starts while frames arrive in order.

    Args:
        settings: which detector and its thresholds.
        average_frame_rate: frames per second; None where the file does not say.
    """

    def __init__(self, settings: ShotsSettings, *, average_frame_rate: Fraction | None) -> None:
        self._settings = settings
        self._frame_rate = average_frame_rate or _FALLBACK_FRAME_RATE
        self._detector = _build_detector(settings, self._frame_rate)
        self._transition: Transition = "fade" if settings.detector == "threshold" else "cut"
        self._recent_scores: deque[tuple[int, float]] = deque(maxlen=_NUM_RECENT_SCORES)
        self._starts: dict[int, ShotStart] = {0: ShotStart(0)}
        self._num_frames = 0

    def process(self, rgb: npt.NDArray[np.uint8]) -> list[int]:
        """Takes the next frame.

        Args:
            rgb: (H, W, 3) uint8 RGB, `working_height` lines; the same size for every frame.

        Returns:
            Frame indices of the shot starts that became known with this frame: this frame's or earlier ones.
        """
        import cv2

        frame_index = self._num_frames
        self._num_frames += 1
        cuts = self._detector.process_frame(self._timecode(frame_index), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        # ContentDetector and AdaptiveDetector keep the frame's score here. The public way, a StatsManager, also turns
        # on an edge measure that costs more than the detector itself.
        score = getattr(self._detector, "_frame_score", None)
        if score is not None:
            self._recent_scores.append((frame_index, float(score)))
        return self._announce(cuts)

    def finish(self) -> list[ShotStart]:
        """The starts of all shots, ascending, the first at 0. Call once, after the last frame."""
        if self._num_frames:
            self._announce(self._detector.post_process(self._timecode(self._num_frames - 1)))
        return [self._starts[index] for index in sorted(self._starts) if index < max(self._num_frames, 1)]

    def _announce(self, cuts: list[Any]) -> list[int]:
        scores = dict(self._recent_scores)
        new = sorted({int(cut.frame_num) for cut in cuts} - set(self._starts))
        for index in new:
            self._starts[index] = ShotStart(index, self._transition, scores.get(index))
        return new

    def _timecode(self, frame_index: int) -> Any:
        from scenedetect import FrameTimecode

        return FrameTimecode(frame_index, fps=self._frame_rate)


def shots_table(
    video_id: str, starts: list[ShotStart], *, pts: npt.NDArray[np.int64], settings: ShotsSettings
) -> pa.Table:
    """The `shots` table: spans [start, exclusive_end) that tile [0, N).

    Args:
        starts: ascending, the first at frame 0.
        pts: (N,) int64 stamps of all frames.
    """
    ends = [start.frame_index for start in starts[1:]] + [len(pts)]
    return table_from_rows(
        "shots",
        [
            {
                "video_id": video_id,
                "shot_index": shot_index,
                "start_frame_index": start.frame_index,
                "exclusive_end_frame_index": end,
                "start_pts": int(pts[start.frame_index]),
                "detector": settings.detector,
                "transition": start.transition,
                "detector_score": start.detector_score,
            }
            for shot_index, (start, end) in enumerate(zip(starts, ends, strict=True))
        ],
    )


def _build_detector(settings: ShotsSettings, frame_rate: Fraction) -> "SceneDetector":
    from scenedetect import (
        AdaptiveDetector,
        ContentDetector,
        HashDetector,
        HistogramDetector,
        ThresholdDetector,
    )

    # In frames: the library compares whole frames exactly, seconds with rounding at 29.97.
    min_scene_len = round(settings.min_shot_seconds * frame_rate)
    if settings.detector == "adaptive":
        return AdaptiveDetector(
            adaptive_threshold=settings.adaptive_threshold,
            window_width=settings.window_width,
            min_scene_len=min_scene_len,
        )
    if settings.detector == "content":
        return ContentDetector(threshold=settings.content_threshold, min_scene_len=min_scene_len)
    if settings.detector == "threshold":
        return ThresholdDetector(threshold=settings.fade_threshold, min_scene_len=min_scene_len)
    if settings.detector == "histogram":
        return HistogramDetector(threshold=settings.histogram_threshold, min_scene_len=min_scene_len)
    return HashDetector(threshold=settings.hash_threshold, min_scene_len=min_scene_len)
