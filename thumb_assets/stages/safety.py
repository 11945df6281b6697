"""The stage `safety`: how probable it is that a candidate is not safe to show at work."""

from typing import Any

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.safety import SQUARE_SIZE, SafetyRater
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromFrames, Stage
from thumb_assets.stages.kit.scorer import FrameScorer, Row
from thumb_assets.stages.kit.work import OF_FRAMES, covers_candidates
from thumb_assets.tables.pictures import SAFETY
from thumb_assets.weights.registry import get_model_file
from thumb_assets.weights.resolve import resolve_file

_MODEL = SafetyRater.name


def _safety_scorer(settings: Settings) -> FrameScorer[Any, Any]:
    if not settings.safety.is_on:
        raise ModelUnavailableError("pictures are not rated for safety: set safety.is_on=true to rate them")
    rater = SafetyRater(resolve_file(_MODEL, explicit=settings.safety.model_path))

    def to_rows(video_id: str, frame_index: int, result: float | None, error: str | None) -> list[Row]:
        return [{"video_id": video_id, "frame_index": frame_index, "unsafe_probability": result, "error": error}]

    return FrameScorer(
        "safety",
        lambda frame: frame.rgb(SQUARE_SIZE),
        lambda pictures: [rater.unsafe_probability(rgb) for rgb in pictures],
        to_rows,
        footer={"model_sha256": rater.model_sha256},
    )


STAGE = Stage(
    name="safety",
    contracts=(SAFETY,),
    run=FromFrames(_safety_scorer),
    reads=OF_FRAMES,
    section="safety",
    is_on=lambda s: s.safety.is_on,
    tools=("opencv-python-headless", "pillow"),
    models=lambda s: (get_model_file(_MODEL),) if s.safety.is_on else (),
    model_files=lambda s: (s.safety.model_path,),
    checks={"covers_candidates": covers_candidates},
)
