"""A shot's first frame, and the `shots` table made of them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from thumb_assets.settings.stages import ShotsSettings
from thumb_assets.tables.conform import table_from_rows

Transition = Literal["cut", "dissolve", "fade"]


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
