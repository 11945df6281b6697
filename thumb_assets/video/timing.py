"""From stamps to a timeline that never goes back, how long each frame is on screen, constant or variable rate. Pure."""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

# A step that differs from the median by more than one tick and this share of it makes the rate variable.
_VFR_TOLERANCE = 0.01
# Transport and program streams count to 2^33 and begin again; FFmpeg gives stamps from before that as negative ones.
_WRAPPING_CONTAINERS = frozenset({"mpegts", "mpeg"})
_WRAP = 2**33
# Streams that are cut and joined jump ahead: FFmpeg takes a step of more than 10 s in these containers for a join.
# Others hold what a screen showed for hours, but hardly for half a day.
_LONGEST_STEP_SECONDS = {True: 10.0, False: 12 * 3600.0}
# Stamps of damaged files fall a little; a fall beyond this is a second recording that begins. In seconds, and in steps.
_LONGEST_FALL_SECONDS, _LONGEST_FALL_STEPS = 0.5, 2
# The usual step is the median of the last so many.
_NUM_RECENT_STEPS = 31


class Clock:
    """Turns the stamps of frames, in order of display, into seconds that never go back.

    Where stamps start again, as in recordings that were joined, or jump ahead beyond belief, time goes on by the usual
    step. Where they fall a little, time stands still until they have caught up.

    Args:
        time_base: unit of the stamps in seconds.
        container: FFmpeg's name of the format.
        frame_rate: frames per second, for the step where none was seen yet.

    Attributes:
        num_jumps: places where time went on by the usual step.
    """

    def __init__(self, time_base: Fraction, *, container: str, frame_rate: Fraction | None = None) -> None:
        self.num_jumps = 0
        self._time_base = time_base
        self._wraps = container in _WRAPPING_CONTAINERS
        self._longest_step = _LONGEST_STEP_SECONDS[self._wraps] / float(time_base)
        self._least_fall = _LONGEST_FALL_SECONDS / float(time_base)
        self._guessed_step = max(1, round(1 / (frame_rate * time_base))) if frame_rate else 1
        self._recent_steps: deque[int] = deque(maxlen=_NUM_RECENT_STEPS)
        self._offset = 0
        self._last: int | None = None

    def seconds(self, pts: int) -> float:
        """Seconds of the next frame: its stamp x time base, but for what is mended."""
        if self._last is None:
            self._offset = _WRAP if self._wraps and pts < 0 else 0
            self._last = pts + self._offset
            return self._in_seconds(self._last)
        step = pts + self._offset - self._last
        if self._wraps and step < -_WRAP // 2:
            self._offset += _WRAP
            step += _WRAP
        # Most steps are no fall, and the usual one, which takes sorting, is not asked for.
        is_fall = step < 0 and -step > max(self._least_fall, _LONGEST_FALL_STEPS * self._usual_step)
        if step > self._longest_step or is_fall:
            self.num_jumps += 1
            self._offset += self._usual_step - step
            step = self._usual_step
        elif step > 0:
            self._recent_steps.append(step)
        self._last += max(step, 0)
        return self._in_seconds(self._last)

    def _in_seconds(self, ticks: int) -> float:
        """`ticks` x time base, rounded once; without fractions, which take ten times as long."""
        return ticks * self._time_base.numerator / self._time_base.denominator

    @property
    def _usual_step(self) -> int:
        if not self._recent_steps:
            return self._guessed_step
        return sorted(self._recent_steps)[len(self._recent_steps) // 2]


def seconds_on_screen(seconds: npt.NDArray[np.float64], *, last_seconds: float | None) -> npt.NDArray[np.float64]:
    """Seconds that each frame is on screen: until the next one is.

    Args:
        seconds: (N,) float64, non-decreasing.
        last_seconds: of the last frame; None takes the usual step.

    Returns:
        (N,) float64, 0 for a frame that the next one replaces at once.

    >>> seconds_on_screen(np.array([0.0, 2.0, 2.5, 3.0]), last_seconds=None).tolist()
    [2.0, 0.5, 0.5, 0.5]
    """
    steps = np.diff(seconds)
    if last_seconds is None:
        last_seconds = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    # To the nanosecond: the difference of two floats would say that frames of one rate are of many.
    return np.append(steps, [last_seconds] * min(1, len(seconds))).round(9)


@dataclass(frozen=True)
class VideoTiming:
    """Timing derived from the content, not from the header."""

    begin_pts: int
    duration_seconds: float
    is_vfr: bool

    @classmethod
    def of(
        cls,
        pts: npt.NDArray[np.int64],
        seconds: npt.NDArray[np.float64],
        *,
        time_base: Fraction,
        last_seconds: float | None = None,
    ) -> "VideoTiming":
        """Timing of a video whose frames have these stamps.

        Args:
            pts: (N,) int64 in display order, N >= 1, in units of `time_base`.
            seconds: (N,) float64, see `Clock`.
            last_seconds: how long the last frame is on screen; None takes the usual step.

        >>> stamps = np.array([0, 1, 2, 3])
        >>> VideoTiming.of(stamps, stamps / 25, time_base=Fraction(1, 25))
        VideoTiming(begin_pts=0, duration_seconds=0.16, is_vfr=False)
        """
        shown = seconds_on_screen(seconds, last_seconds=last_seconds)
        steps = shown[:-1]
        positive = steps[steps > 0]
        is_vfr = False
        if len(positive):
            step = float(np.median(positive))
            tolerance = max(float(time_base), _VFR_TOLERANCE * step) + 1e-9
            is_vfr = bool((np.abs(steps - step) > tolerance).any())
        return cls(int(pts.min()), round(float(seconds[-1] - seconds[0]) + float(shown[-1]), 9), is_vfr)
