"""The stage `sharpness`: how sharp each candidate is, and its brightness."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from thumb_assets.settings.load import Settings
from thumb_assets.sharpness import EVAL_HEIGHT, LumaMeasures, measure_luma, percentile_in_video, tenengrad
from thumb_assets.stages.kit.declaration import FromFrames, Stage
from thumb_assets.stages.kit.scorer import FrameScorer, Row
from thumb_assets.stages.kit.work import OF_FRAMES, covers_candidates
from thumb_assets.tables.measurements import SHARPNESS


def _sharpness_scorer(_settings: Settings) -> FrameScorer[Any, Any]:
    def score(lumas: Sequence[Any]) -> list[tuple[LumaMeasures, float]]:
        return [(measure_luma(luma), tenengrad(luma)) for luma in lumas]

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        measures, gradient = result or (None, None)
        return [
            {
                "video_id": video_id,
                "frame_index": frame_index,
                "laplacian_variance": measures and measures.laplacian_variance,
                "tenengrad": gradient,
                "luma_mean": measures and measures.luma_mean,
                "luma_std": measures and measures.luma_std,
                "eval_height": measures.eval_height if measures else EVAL_HEIGHT,
                "percentile_in_video": None,
                "error": error,
            }
        ]

    def complete(rows: list[Row], frames: pa.Table) -> list[Row]:
        of_frame = frames.column("laplacian_variance").to_pylist()
        values = np.sort([value for value in of_frame if value is not None])
        for row in rows:
            # Held against its like: black bars are in the measures of frames, and not in the row's own.
            own = of_frame[row["frame_index"]]
            if own is not None and row["laplacian_variance"] is not None:
                row["percentile_in_video"] = percentile_in_video(own, values)
        return rows

    return FrameScorer("sharpness", lambda frame: frame.luma(EVAL_HEIGHT), score, to_rows, complete=complete)


STAGE = Stage(
    name="sharpness",
    contracts=(SHARPNESS,),
    # Its luma lies ready: measuring costs less than handing it over.
    run=FromFrames(_sharpness_scorer, is_threaded=False),
    reads=OF_FRAMES,
    version="4",  # of the picture between steady black bars
    tools=("opencv-python-headless",),
    checks={"covers_candidates": covers_candidates},
)
