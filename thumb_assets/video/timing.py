"""What the stamps of all frames say of the video: begin, duration, constant or variable rate. Pure."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

# A step that differs from the median by more than one tick and this share of it makes the rate variable.
_VFR_TOLERANCE = 0.01


@dataclass(frozen=True)
class VideoTiming:
    """Timing derived from the content, not from the header."""

    begin_pts: int
    duration_seconds: float
    is_vfr: bool

    @classmethod
    def from_pts(
        cls, pts: npt.NDArray[np.int64], time_base: Fraction, average_frame_rate: Fraction | None
    ) -> "VideoTiming":
        """Timing of a video whose frames have these stamps.

        Args:
            pts: (N,) int64 in display order, N >= 1, in units of `time_base`.
            average_frame_rate: the header's, used for the length of a single frame only.

        >>> VideoTiming.from_pts(np.array([0, 1, 2, 3]), Fraction(1, 25), None)
        VideoTiming(begin_pts=0, duration_seconds=0.16, is_vfr=False)
        """
        steps = np.diff(np.sort(pts)).astype(np.float64)
        positive = steps[steps > 0]
        if len(positive):
            step = float(np.median(positive))
            is_vfr = bool((np.abs(steps - step) > max(1.0, _VFR_TOLERANCE * step)).any())
        else:
            step = float(1 / (average_frame_rate * time_base)) if average_frame_rate else 0.0
            is_vfr = False
        ticks = float(pts.max() - pts.min()) + step
        return cls(int(pts.min()), round(ticks * float(time_base), 9), is_vfr)
