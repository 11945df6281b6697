"""The stage `appearance`: light, writing, bars and a descriptor of each candidate."""

from typing import Any

import pyarrow as pa

from thumb_assets.appearance import COLOUR_HEIGHT, measure_appearance
from thumb_assets.candidates.rules import seconds_stood_for
from thumb_assets.settings.load import Settings
from thumb_assets.sharpness import EVAL_HEIGHT
from thumb_assets.stages.kit.declaration import FromFrames, Stage
from thumb_assets.stages.kit.scorer import FrameScorer, Row
from thumb_assets.stages.kit.work import OF_FRAMES, covers_candidates
from thumb_assets.tables.measurements import APPEARANCE
from thumb_assets.writing import passing_shares

# Goes with a row of `appearance` until all of the video are there.
_WRITING = "writing"


def _appearance_scorer(_settings: Settings) -> FrameScorer[Any, Any]:
    names = [column.name for column in APPEARANCE.columns if column.name not in APPEARANCE.key]

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        values = {name: getattr(result, name, None) for name in names} | {"error": error}
        return [{"video_id": video_id, "frame_index": frame_index, **values, _WRITING: getattr(result, _WRITING, None)}]

    def complete(rows: list[Row], frames: pa.Table) -> list[Row]:
        writings = [row.pop(_WRITING) for row in rows]
        known = [row for row, writing in zip(rows, writings, strict=True) if writing is not None]
        seconds = frames.column("pts_seconds").to_numpy()
        own_seconds = seconds_stood_for(seconds, [row["frame_index"] for row in known])
        shares = passing_shares([writing for writing in writings if writing is not None], own_seconds)
        for row, share in zip(known, shares, strict=True):
            row["text_share"] = share
        return rows

    return FrameScorer(
        "appearance",
        lambda frame: (frame.luma(EVAL_HEIGHT), frame.rgb(COLOUR_HEIGHT)),
        lambda pictures: [measure_appearance(luma, rgb) for luma, rgb in pictures],
        to_rows,
        complete=complete,
    )


STAGE = Stage(
    name="appearance",
    contracts=(APPEARANCE,),
    run=FromFrames(_appearance_scorer),
    reads=OF_FRAMES,
    version="5",  # writing is found by its letters, blur by the sharpest edges; what stands throughout does not count
    tools=("opencv-python-headless", "scikit-image", "scipy"),
    checks={"covers_candidates": covers_candidates},
)
