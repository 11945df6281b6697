"""From TransNetV2's two probabilities per frame to transitions, starts of shots and the `shots` table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from thumb_assets.settings.stages import ShotsSettings
from thumb_assets.shots.windows import FramePrediction
from thumb_assets.tables.conform import table_from_rows

Transition = Literal["cut", "dissolve", "fade"]
# The second probability only says how far a transition reaches; whether there is one is the first one's to say.
_MANY_THRESHOLD = 0.5
# A hard cut lights up one frame, or two where a frame blends both shots (interlacing, rate conversion).
_MAX_CUT_FRAMES = 2
# A fade out and the fade in after it are two runs with black between them. Measured on fades of 8 to 25 frames, up to 4
# frames beside the black belong to neither run and are not black.
_MAX_LIT_GAP = 5


@dataclass(frozen=True)
class ShotStart:
    """First frame of a shot, how it begins, the detector's measure there, and who found it where not the detector."""

    frame_index: int
    transition: Transition = "cut"
    detector_score: float | None = None
    found_by: str | None = None


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
                "detector": start.found_by or settings.detector,
                "transition": start.transition,
                "detector_score": start.detector_score,
            }
            for shot_index, (start, end) in enumerate(zip(starts, ends, strict=True))
        ],
    )


@dataclass
class _Run:
    """Successive frames that belong to a transition, or several such with little but black between them."""

    first: int
    last: int
    peak: FramePrediction
    last_black: int | None = None

    @property
    def is_soft(self) -> bool:
        return self.last - self.first + 1 > _MAX_CUT_FRAMES

    def extend(self, prediction: FramePrediction) -> None:
        self.last = prediction.frame_index
        if prediction.single > self.peak.single:
            self.peak = prediction

    def join(self, later: "_Run") -> None:
        self.last = later.last
        if later.peak.single > self.peak.single:
            self.peak = later.peak
        if later.last_black is not None:
            self.last_black = later.last_black


class TransitionMerger:
    """Merges the frames of a transition and says where the new shot starts.

    A transition is a run of frames with `single` above the threshold or `many` above 0.5, at least one of them the
    former. Of one or two frames it is a `cut`, longer a `dissolve`, and a `fade` where it touches a black frame. Longer
    runs that are separated by nothing but black and at most five other frames are one transition: a fade out and in.
    The shot starts behind the frame with the highest `single`: after a cut its first frame, after a dissolve the frame
    behind the middle; after a fade not before the black has ended. A transition that ends the video starts no shot.

    Args:
        threshold: least `single` of a transition, 0..1, exclusive.
        fade_threshold: mean RGB up to which a frame is black, 0..255.
        min_shot_seconds: a start sooner than this after the last one is ignored.
        seconds: by frame, as far as there are any; it grows before predictions are pushed.
    """

    def __init__(
        self, *, threshold: float, fade_threshold: float, min_shot_seconds: float, seconds: Sequence[float]
    ) -> None:
        self._threshold = threshold
        self._fade_threshold = fade_threshold
        self._min_shot_seconds = min_shot_seconds
        self._seconds = seconds
        self._last_start = 0
        self._run: _Run | None = None  # goes on, or ended with the frame before
        self._pending: _Run | None = None  # ended; a run behind it may still belong to it
        self._num_lit = 0  # frames since the pending run that are not black

    def push(self, predictions: Iterable[FramePrediction]) -> list[ShotStart]:
        """Takes the next frames' predictions, in order; gives the starts that became known."""
        starts: list[ShotStart] = []
        for prediction in predictions:
            starts += self._take(prediction)
        return starts

    def finish(self, num_frames: int) -> list[ShotStart]:
        """The starts that became known with the end of the video."""
        starts = self._close_run() + self._close_pending()
        return [start for start in starts if start.frame_index < num_frames]

    def _take(self, prediction: FramePrediction) -> list[ShotStart]:
        is_black = prediction.mean_rgb <= self._fade_threshold
        if prediction.single > self._threshold or prediction.many > _MANY_THRESHOLD:
            if self._run is None:
                self._run = _Run(prediction.frame_index, prediction.frame_index, prediction)
            self._run.extend(prediction)
            if is_black:
                self._run.last_black = prediction.frame_index
            return []
        starts = self._close_run()
        if self._pending is None:
            return starts
        if is_black:
            self._pending.last_black = prediction.frame_index
        else:
            self._num_lit += 1
        return starts + (self._close_pending() if self._num_lit > _MAX_LIT_GAP else [])

    def _close_run(self) -> list[ShotStart]:
        run, self._run = self._run, None
        if run is None:
            return []
        if not run.is_soft:
            if self._pending is not None and run.last_black is not None:
                self._pending.last_black = run.last_black
            return self._close_pending() + self._start_behind(run)
        if self._pending is None:
            self._pending = run
        else:
            self._pending.join(run)
        self._num_lit = 0
        return []

    def _close_pending(self) -> list[ShotStart]:
        run, self._pending = self._pending, None
        self._num_lit = 0
        return [] if run is None else self._start_behind(run)

    def _start_behind(self, run: _Run) -> list[ShotStart]:
        frame_index = run.peak.frame_index + 1
        transition: Transition = "cut"
        if run.is_soft:
            is_fade = run.last_black is not None
            transition = "fade" if is_fade else "dissolve"
            frame_index = max(frame_index, (run.last_black or 0) + 1)
        if run.peak.single <= self._threshold or self._is_too_soon(frame_index):
            return []
        self._last_start = frame_index
        return [ShotStart(frame_index, transition, run.peak.single)]

    def _is_too_soon(self, frame_index: int) -> bool:
        if frame_index <= self._last_start:
            return True
        # A run that ends with the last frame leads to a start behind it, which is dropped anyway.
        seconds = self._seconds[min(frame_index, len(self._seconds) - 1)]
        # A millisecond less: the stamps of a rate such as 29.97 are rounded.
        return seconds < self._seconds[self._last_start] + self._min_shot_seconds - 0.001
