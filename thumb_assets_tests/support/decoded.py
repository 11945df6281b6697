"""Decodes a video once for a test: identities as the `frames` stage records them, and tables built by hand."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from thumb_assets.select.components import COMPONENTS
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameIdentities


def identities_of(path: Path, settings: VideoSettings | None = None) -> FrameIdentities:
    """pts, hash and keyframe flag of every displayed frame."""
    with VideoDecoder(path, settings) as decoder:
        rows = [
            (frame.pts, frame.luma_hash, frame.chroma_hash, frame.is_keyframe, frame.field_order, frame.pts_seconds)
            for frame in decoder
        ]
    return FrameIdentities(
        np.array([row[0] for row in rows], np.int64),
        [row[1] for row in rows],
        [row[2] for row in rows],
        np.array([row[3] for row in rows], np.bool_),
        [row[4] for row in rows],
        np.array([row[5] for row in rows], np.float64),
    )


def selections_of(
    video_id: str, frame_indices: Iterable[int], *, identities: FrameIdentities, ticks_per_second: int
) -> pa.Table:
    """A `selections` table of those frames, ranked in the order given."""
    return table_from_rows(
        "selections",
        (
            {
                "video_id": video_id,
                "frame_index": frame_index,
                "rank": rank,
                "combined_score": 1 - rank / 16,
                **dict.fromkeys(component.column for component in COMPONENTS),
                "sharpness_percentile": 0.5,
                "face_bonus": None,
                "pts": int(identities.pts[frame_index]),
                "pts_seconds": int(identities.pts[frame_index]) / ticks_per_second,
                "shot_index": 0,
                "cluster_index": None,
                "traits": None,
                "reason": "chosen by the test",
            }
            for rank, frame_index in enumerate(frame_indices, start=1)
        ),
    )
