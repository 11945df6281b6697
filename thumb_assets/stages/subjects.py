"""The stage `subjects`: how much of each candidate is its subject."""

from dataclasses import asdict
from typing import Any

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromFrames, Stage
from thumb_assets.stages.kit.scorer import FrameScorer, Row
from thumb_assets.stages.kit.work import OF_FRAMES, covers_candidates
from thumb_assets.subjects import MASK_SIZE, SubjectFinder, measure_subject
from thumb_assets.tables.pictures import SUBJECTS
from thumb_assets.weights.registry import get_model_file
from thumb_assets.weights.resolve import resolve_file

_MODEL = SubjectFinder.name


def _subject_scorer(settings: Settings) -> FrameScorer[Any, Any]:
    if not settings.subjects.is_on:
        raise ModelUnavailableError("subjects are not looked for: set subjects.is_on=true to find them")
    finder = SubjectFinder(resolve_file(_MODEL, explicit=settings.subjects.model_path))

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        measures = {"subject_share": None, "subject_cut_share": None} if result is None else asdict(result)
        return [{"video_id": video_id, "frame_index": frame_index, **measures, "error": error}]

    return FrameScorer(
        "subjects",
        lambda frame: frame.rgb(MASK_SIZE),
        lambda pictures: [measure_subject(finder.mask(rgb)) for rgb in pictures],
        to_rows,
        footer={"model_sha256": finder.model_sha256},
    )


STAGE = Stage(
    name="subjects",
    contracts=(SUBJECTS,),
    run=FromFrames(_subject_scorer),
    reads=OF_FRAMES,
    section="subjects",
    is_on=lambda s: s.subjects.is_on,
    tools=("opencv-python-headless",),
    models=lambda s: (get_model_file(_MODEL),) if s.subjects.is_on else (),
    model_files=lambda s: (s.subjects.model_path,),
    checks={"covers_candidates": covers_candidates},
)
