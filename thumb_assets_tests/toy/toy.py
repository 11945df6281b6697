"""The stage `toy`: the mean luma of each candidate, scaled."""

from typing import Any

import pyarrow as pa

from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromFrames, Stage
from thumb_assets.stages.kit.scorer import FrameScorer, Row
from thumb_assets.stages.kit.work import OF_FRAMES, covers_candidates
from thumb_assets.tables.declaration import ERROR, FRAME_INDEX, VIDEO_ID, Column, TableContract
from thumb_assets.weights.registry import ModelFile

CONTRACT = TableContract(
    "toy",
    "One row per candidate frame.",
    (
        VIDEO_ID,
        FRAME_INDEX.of("candidate_frames.frame_index"),
        Column("toy_score", pa.float64(), "Mean luma of the picture, scaled.", "level", True),
        ERROR,
    ),
    key=("video_id", "frame_index"),
)
MODEL = ModelFile("toy-model", "iqa", "", (), "MIT", "commercial", 0, source="library", package="toy-tool")


def _scorer(settings: Settings) -> FrameScorer[Any, Any]:
    toy: Any = settings.toy  # type: ignore[attr-defined]
    added = float(toy.model_path.read_text()) if toy.model_path else 0.0

    def to_rows(video_id: str, frame_index: int, mean: Any, error: str | None) -> list[Row]:
        score = None if mean is None else mean * toy.scale + added
        return [{"video_id": video_id, "frame_index": frame_index, "toy_score": score, "error": error}]

    return FrameScorer("toy", lambda frame: float(frame.luma(64).mean()), list, to_rows)


STAGE = Stage(
    name="toy",
    contracts=(CONTRACT,),
    run=FromFrames(_scorer),
    reads=OF_FRAMES,
    section="toy",
    is_on=lambda s: s.toy.is_on,  # type: ignore[attr-defined]
    tools=("toy-tool",),
    models=lambda _: (MODEL,),
    model_files=lambda s: (s.toy.model_path,),  # type: ignore[attr-defined]
    checks={"covers_candidates": covers_candidates},
)
