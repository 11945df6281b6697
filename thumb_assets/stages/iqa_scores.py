"""The stage `iqa_scores`: what quality metrics predict for each candidate."""

from dataclasses import asdict
from typing import Any

from thumb_assets.iqa.piqe import PiqeMetric
from thumb_assets.iqa.scorer import IqaScore, load_iqa_scorer
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromFrames, Stage
from thumb_assets.stages.kit.scorer import FrameScorer, Row
from thumb_assets.stages.kit.work import OF_FRAMES, covers_candidates
from thumb_assets.tables.measurements import IQA_SCORES
from thumb_assets.weights.registry import iqa_metric


def _iqa_scorer(settings: Settings) -> FrameScorer[Any, Any]:
    scorer = load_iqa_scorer(settings.iqa)

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        scores = result or [IqaScore(metric, None, error) for metric in settings.iqa.metrics]
        return [{"video_id": video_id, "frame_index": frame_index, **asdict(score)} for score in scores]

    return FrameScorer(
        "iqa_scores",
        lambda frame: frame.rgb(settings.iqa.working_height),
        scorer.score,
        to_rows,
        # A video waits for its candidates with all that is kept of it; of every frame the next ones come at once.
        batch_size=settings.iqa.batch_size if settings.iqa.scope == "every_frame" else scorer.batch_size,
        scope=settings.iqa.scope,
        footer=scorer.footer,
    )


def _tools(settings: Settings) -> tuple[str, ...]:
    of_ours = ("opencv-python-headless", "numpy") if PiqeMetric.name in settings.iqa.metrics else ()
    return of_ours if set(settings.iqa.metrics) == {PiqeMetric.name} else (*of_ours, "pyiqa", "torch")


STAGE = Stage(
    name="iqa_scores",
    contracts=(IQA_SCORES,),
    run=FromFrames(_iqa_scorer, needs_every_frame=lambda s: s.iqa.scope == "every_frame"),
    reads=OF_FRAMES,
    section="iqa",
    version="3",  # piqe is our own, between steady black bars; 2: HDR is mapped, combs are taken out
    tools=_tools,
    models=lambda s: tuple(dict.fromkeys(iqa_metric(name) for name in s.iqa.metrics)),
    kinds=frozenset({"parquet", "pytorch"}),
    checks={"covers_candidates": covers_candidates},
)
