"""The scorers of one run: made when the first video needs them, the frames they get, the tables of their scores."""

from collections.abc import Sequence
from typing import Any

from thumb_assets.candidates.predictor import CandidatePredictor
from thumb_assets.errors import ModelUnavailableError, SettingsError, ThumbAssetsError, as_thumb_assets_error
from thumb_assets.events import Events
from thumb_assets.iqa.scorer import is_not_measurable
from thumb_assets.pipeline.decode_pass import CaptureRule, KnownFrames
from thumb_assets.pipeline.job import VideoJob
from thumb_assets.pipeline.kept_rows import why_all
from thumb_assets.settings.load import Settings
from thumb_assets.stages import STAGES, check_licences
from thumb_assets.stages.kit.declaration import FromFrames, Made, skip_or_raise
from thumb_assets.stages.kit.scorer import FrameScorer, ModelThread
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import table_from_rows

# The name of a step begins so where a model is loaded.
LOADING_MODEL = "loading the model of"


class Scoring:
    """The scorers by stage, and the thread in which their models work."""

    def __init__(self, settings: Settings, store: TableStore, events: Events) -> None:
        self._settings, self._store, self._events = settings, store, events
        self._models = ModelThread()
        self._scorers: dict[str, FrameScorer[Any, Any] | ThumbAssetsError] = {}

    def end(self) -> None:
        """Ends the models' thread; what was not scored is dropped."""
        self._models.shutdown(cancel_futures=True)

    def forget(self, video_id: str) -> None:
        """Drops every row of a video that no stage took."""
        for scorer in self._scorers.values():
            if isinstance(scorer, FrameScorer):
                scorer.forget(video_id)

    def scores(self, job: VideoJob, stage: str) -> Made:
        """The table of a scoring stage, out of the frames that its scorer got.

        Raises:
            SkippedError, ThumbAssetsError: it cannot be made here, or not now.
        """
        scorer = self.scorer(stage)
        if isinstance(scorer, ModelUnavailableError):
            raise skip_or_raise(scorer, STAGES[stage].on_unavailable(self._settings))
        if isinstance(scorer, ThumbAssetsError):
            raise scorer
        if scorer is None:
            raise ThumbAssetsError(f"{job.video_id}: stage {stage} has no scorer")
        stored = job.rescorable(stage) if scorer.rescore else None
        if stored is not None and scorer.rescore:
            precision = (self._store.footer(stage, job.video_id) or {}).get("precision", "")
            footer = {**scorer.footer, "precision": precision}  # that of the embeddings
            return Made({stage: scorer.rescore(stored)}, footer, {"source": "stored embeddings"})
        if job.fetch_error is not None:
            scorer.forget(job.video_id)
            raise job.fetch_error
        frames, candidates = job.table("frames"), job.table("candidate_frames")
        wanted = None if scorer.scope == "every_frame" else candidates.column("frame_index").to_pylist()
        kept = job.kept.get(stage)
        if wanted is not None and kept is not None:
            wanted = [index for index in wanted if index not in kept.frames]
        rows = scorer.take(job.video_id, wanted, frames, num_others=len(kept.frames) if kept else 0)
        if wanted is None and candidates.num_rows and not rows:
            raise ThumbAssetsError(f"{job.video_id}: no frame came to stage {stage}; run it again with --recompute")
        metrics, made = _metrics_of(rows, why=why_all(job, stage)), table_from_rows(stage, rows)
        if kept is not None:
            metrics["num_kept"] = len(kept.frames)
            made = kept.with_rows(stage, made)
        return Made({stage: made}, scorer.footer, metrics)

    def scorer(self, stage: str) -> "FrameScorer[Any, Any] | ThumbAssetsError | None":
        """The stage's scorer, made when the first video needs it, or why there is none; None for other stages.

        Raises:
            SettingsError: it cannot be had with these settings anywhere.
        """
        if not isinstance(STAGES[stage].run, FromFrames):
            return None
        if stage not in self._scorers:
            self._events.step(f"{LOADING_MODEL} {stage}", is_of_file=False)
            try:
                self._scorers[stage] = build_scorer(stage, self._settings, self._models)
            except SettingsError:
                raise
            except Exception as error:  # noqa: BLE001 - a model that does not load fails its stage, not the others
                self._scorers[stage] = as_thumb_assets_error(error, f"the model of stage {stage}")
        return self._scorers[stage]

    def has_pending(self, job: VideoJob) -> bool:
        """True if a frame of the video still waits for its score."""
        scorers = [scorer for scorer in self._scorers.values() if isinstance(scorer, FrameScorer)]
        return any(scorer.has_pending(job.video_id) for scorer in scorers)


def build_scorer(stage: str, settings: Settings, executor: ModelThread | None = None) -> "FrameScorer[Any, Any]":
    """The scorer of a stage; loads its model, once per process.

    Args:
        executor: where models work while frames go on arriving.

    Raises:
        ModelUnavailableError: the weights or the package cannot be had here, `models.licence` refuses the model, or
            the setting turns the stage off.
    """
    run = STAGES[stage].run
    if not isinstance(run, FromFrames):
        raise ThumbAssetsError(f"stage {stage} is not made of single frames")
    check_licences(stage, settings)
    scorer = run.build(settings)
    scorer.executor = executor if run.is_threaded else None
    return scorer


def _metrics_of(rows: list[dict[str, Any]], *, why: str | None) -> dict[str, int | float | str]:
    """Metrics worth showing of measured rows; `why`: see `why_all`."""
    errors = _errors_of(rows)
    metrics: dict[str, int | float | str] = {"num_errors": len(errors)}
    if errors:
        how_many = f"{len(errors)} of {len(rows)} rows have an error"
        metrics["note"] = f"{how_many}, the first: {errors[0]} (--recompute tries them again)"
    elif why:
        metrics["note"] = f"all candidates were measured, not only the new ones: {why}"
    return metrics


def _errors_of(rows: list[dict[str, Any]]) -> list[str]:
    """Errors of rows that another try may mend: a picture that a metric has no value for is none."""
    errors = (str(row["error"]) for row in rows if row.get("error") is not None)
    return [error for error in errors if not is_not_measurable(error)]


def capture_rule(
    job: VideoJob, scorers: Sequence[FrameScorer[Any, Any]], stages: Sequence[str], settings: Settings
) -> CaptureRule | None:
    """The stored candidates, or a prediction of those to come; None where no scorer wants candidates of this pass."""
    if not any(scorer.scope == "candidates" for scorer in scorers):
        return None
    if "candidate_frames" not in stages or "candidate_frames" in job.settled:
        stored = job.optional_table("candidate_frames")
        return None if stored is None else KnownFrames(frozenset(stored.column("frame_index").to_pylist()))
    is_cut_now = "shots" in stages and "shots" not in job.settled
    duration = job.header.duration_seconds if job.header else None
    return CandidatePredictor(settings.candidates, duration_seconds=duration) if is_cut_now else None
