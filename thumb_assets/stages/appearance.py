"""The stage `appearance`: light, writing, bars and a descriptor of each candidate."""

from typing import Any

import pyarrow as pa

from thumb_assets.appearance import COLOUR_HEIGHT, measure_appearance
from thumb_assets.candidates.rules import seconds_stood_for
from thumb_assets.candidates.screens import states_of
from thumb_assets.screens import changed_share, compared_picture, edge_bits
from thumb_assets.settings.load import Settings
from thumb_assets.sharpness import EVAL_HEIGHT
from thumb_assets.stages.kit.declaration import FromFrames, Stage
from thumb_assets.stages.kit.scorer import FrameScorer, Row
from thumb_assets.stages.kit.work import OF_FRAMES, covers_candidates
from thumb_assets.tables.measurements import APPEARANCE
from thumb_assets.writing import passing_shares

# Go with a row of `appearance` until all of the video are there.
_WRITING, _PICTURE = "writing", "picture"


def _appearance_scorer(settings: Settings) -> FrameScorer[Any, Any]:
    names = [column.name for column in APPEARANCE.columns if column.name not in APPEARANCE.key]

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        measures, edges, picture = (None, None, None) if result is None else result
        values = {name: getattr(measures, name, None) for name in names} | {"edges": edges, "error": error}
        awaited = {_WRITING: getattr(measures, _WRITING, None), _PICTURE: picture}
        return [{"video_id": video_id, "frame_index": frame_index, **values, **awaited}]

    def complete(rows: list[Row], frames: pa.Table) -> list[Row]:
        writings = [row.pop(_WRITING) for row in rows]
        known = [row for row, writing in zip(rows, writings, strict=True) if writing is not None]
        seconds = frames.column("pts_seconds").to_numpy()
        own_seconds = seconds_stood_for(seconds, [row["frame_index"] for row in known])
        shares = passing_shares([writing for writing in writings if writing is not None], own_seconds)
        for row, share in zip(known, shares, strict=True):
            row["text_share"] = share
        return _of_states(rows, set(states_of(frames, settings.candidates).shown.tolist()))

    return FrameScorer(
        "appearance",
        lambda frame: (frame.luma(EVAL_HEIGHT), frame.rgb(COLOUR_HEIGHT)),
        lambda pictures: [
            (measure_appearance(luma, rgb), edge_bits(luma), compared_picture(luma)) for luma, rgb in pictures
        ],
        to_rows,
        complete=complete,
    )


def _of_states(rows: list[Row], shown: set[int]) -> list[Row]:
    """Rows whose edges and change are those of the states of the screen; of other frames they are of no use."""
    before = None
    for row in sorted(rows, key=lambda row: row["frame_index"]):
        picture = row.pop(_PICTURE)
        if row["frame_index"] not in shown:
            row["edges"] = None
        elif picture is not None:
            row["changed_share"] = None if before is None else changed_share(picture, before)
            before = picture
    return rows


STAGE = Stage(
    name="appearance",
    contracts=(APPEARANCE,),
    run=FromFrames(_appearance_scorer, why_together="text_share and changed_share compare candidates with one another"),
    reads=OF_FRAMES,
    columns={"candidate_frames": ("frame_index", "state_start_frame_index")},
    version="7",  # colour_bar_share; of the picture between steady black bars
    # scipy computes nothing of it any more; without its name all that was made before would be made again.
    tools=("opencv-python-headless", "scikit-image", "scipy"),
    checks={"covers_candidates": covers_candidates},
)
