"""Small tables that conform to their contracts, made from the few values a test is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from thumb_assets.select import Choice, choose
from thumb_assets.settings import SelectionSettings
from thumb_assets.tables import table_from_rows

VIDEO_ID = "clip-0a1b2c3d"

Values = Mapping[int, float | None]


def candidates_table(seconds: Mapping[int, float], shots: Mapping[int, int] | None = None) -> pa.Table:
    """candidate_frames: frame_index -> pts_seconds, and frame_index -> shot_index (each its own where not given)."""
    shot_of = shots or {frame_index: place for place, frame_index in enumerate(sorted(seconds))}
    return table_from_rows(
        "candidate_frames",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "pts": round(1000 * pts_seconds),
                "pts_seconds": pts_seconds,
                "shot_index": shot_of[frame_index],
                "sampling_methods": ["shot"],
            }
            for frame_index, pts_seconds in seconds.items()
        ],
    )


def sharpness_table(
    variances: Values, *, luma_means: Values | None = None, luma_stds: Values | None = None
) -> pa.Table:
    """sharpness: frame_index -> laplacian_variance (None: the row failed), middling luma where not given."""
    return table_from_rows(
        "sharpness",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "laplacian_variance": variance,
                "tenengrad": variance,
                "luma_mean": (luma_means or {}).get(frame_index, 120.0),
                "luma_std": (luma_stds or {}).get(frame_index, 50.0),
                "eval_height": 540,
                "percentile_in_video": variance and 0.5,
                "error": None if variance is not None else "not measured",
            }
            for frame_index, variance in variances.items()
        ],
    )


def clip_table(scores: Values) -> pa.Table:
    """clip_scores: frame_index -> clip_score, None where the row failed."""
    return table_from_rows(
        "clip_scores",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "positive_similarity": score,
                "negative_similarity": None if score is None else 0.0,
                "clip_score": score,
                "embedding": None if score is None else np.array([1.0, 0.0], dtype=np.float16),
                "error": None if score is not None else "not scored",
            }
            for frame_index, score in scores.items()
        ],
    )


def iqa_table(scores_by_metric: Mapping[str, Values]) -> pa.Table:
    """iqa_scores: metric -> frame_index -> iqa_score, None where the row failed."""
    return table_from_rows(
        "iqa_scores",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "metric": metric,
                "iqa_score": score,
                "error": None if score is not None else "not scored",
            }
            for metric, scores in scores_by_metric.items()
            for frame_index, score in scores.items()
        ],
    )


def faces_table(faces: Sequence[tuple[int, float, float]]) -> pa.Table:
    """faces: (frame_index, confidence, height in pixels), one per face, in the middle of a frame of 1600x1000."""
    return table_from_rows(
        "faces",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "face_index": face_index,
                "x": 800 - height / 2,
                "y": 500 - height / 2,
                "width": height,
                "height": height,
                "confidence": confidence,
                "laplacian_variance": None,
                "detector": "yunet",
            }
            for face_index, (frame_index, confidence, height) in enumerate(faces)
        ],
    )


@dataclass(frozen=True)
class Case:
    """The arguments of `choose`, every scorer absent unless given."""

    candidates: pa.Table
    sharpness: pa.Table | None = None
    clip_scores: pa.Table | None = None
    iqa_scores: pa.Table | None = None
    iqa_lower_better: Mapping[str, bool] = field(default_factory=dict)
    faces: pa.Table | None = None
    frame_size: tuple[int, int] | None = (1600, 1000)
    settings: SelectionSettings = field(default_factory=SelectionSettings)

    def choose(self, **changes: Any) -> Choice:
        """The choice, with some arguments replaced."""
        return choose(**vars(replace(self, **changes)))


def by_frame(table: pa.Table) -> dict[int, dict[str, Any]]:
    """frame_index -> row."""
    return {row["frame_index"]: row for row in table.to_pylist()}


def ranking(choice: Choice) -> list[int]:
    """frame_index of the selections, rank 1 first."""
    rows = sorted(choice.selections.to_pylist(), key=lambda row: row["rank"])
    return [row["frame_index"] for row in rows]
