"""`run`: the one way work is done, from the command line, the tests and Dagster."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from thumb_assets.candidates import CandidatePredictor, plan_candidates
from thumb_assets.errors import ModelUnavailableError, SettingsError, ThumbAssetsError, as_thumb_assets_error
from thumb_assets.export import export_crops, export_stills, require_space, space_for_video
from thumb_assets.pipeline.decode_pass import CaptureRule, DecodePass, KnownFrames, OnFrame, PassResult
from thumb_assets.pipeline.job import Made, SkippedError, StageResult, VideoJob, skip_or_raise
from thumb_assets.pipeline.scorers import FrameScorer, build_scorer
from thumb_assets.pipeline.stages import DECODE_STAGES, SCORER_STAGES, needs_every_frame, ordered_stages
from thumb_assets.select import choose
from thumb_assets.settings import Settings
from thumb_assets.store import Catalog, Library, Outcome, TableStore, record_outcomes
from thumb_assets.tables import table_from_rows, verify_coverage
from thumb_assets.video import FrameFetcher, FrameIdentities, Geometry, VideoDecoder, VideoHeader

# Videos whose frames wait for a batch to fill; one more and the batches are scored as they are.
_MAX_WAITING_VIDEOS = 4

OnVideo = Callable[[str], None]


def run(
    video_ids: Iterable[str],
    stages: Iterable[str],
    settings: Settings,
    store: TableStore,
    *,
    on_frame: OnFrame | None = None,
    on_video: OnVideo | None = None,
) -> Iterator[StageResult]:
    """Runs stages of videos, each video decoded at most once, and yields each result as it is done and written.

    A video that fails yields its errors and the next one goes on.

    Args:
        video_ids: partitions, in the order to work on them; the library knows their files.
        stages: names out of `STAGES`, in any order.
        settings: all settings; `stages` decides which matter.
        store: where tables are read and written.
        on_frame: called with (video_id, frame_index, num_frames_from_header) for every decoded frame.
        on_video: called with the video_id before anything is done with a video's file, and as a sign of life.

    Raises:
        SettingsError: an unknown stage.
    """
    return _Engine(ordered_stages(stages), settings, store, on_frame, on_video).run(video_ids)


class _Engine:
    def __init__(
        self,
        stages: tuple[str, ...],
        settings: Settings,
        store: TableStore,
        on_frame: OnFrame | None,
        on_video: OnVideo | None,
    ) -> None:
        self._stages = stages
        self._settings = settings
        self._store = store
        self._on_frame = on_frame
        self._on_video = on_video or (lambda _: None)
        self._library = Library(store.data_dir)
        self._scorers: dict[str, FrameScorer[Any, Any] | ThumbAssetsError] = {}

    def run(self, video_ids: Iterable[str]) -> Iterator[StageResult]:
        self._store.clean_temporary_files()
        waiting: deque[VideoJob] = deque()
        seen: set[str] = set()
        for video_id in video_ids:
            if video_id in seen:
                continue
            seen.add(video_id)
            self._on_video(video_id)
            try:
                job = VideoJob(
                    self._library.find(video_id), stages=self._stages, settings=self._settings, store=self._store
                )
                record_outcomes(self._store, video_id, job.interrupted_outcomes())
            except ThumbAssetsError as error:
                yield from self._not_found(video_id, error)
                continue
            yield from self._measure(job)
            waiting.append(job)
            while waiting and (len(waiting) > _MAX_WAITING_VIDEOS or not self._has_pending(waiting[0])):
                yield from self._finish(waiting.popleft())
        while waiting:
            yield from self._finish(waiting.popleft())

    def _not_found(self, video_id: str, error: ThumbAssetsError) -> Iterator[StageResult]:
        first, *others = self._stages
        yield StageResult(video_id, first, "failed", "", message=str(error), error=error)
        for stage in others:
            yield StageResult(video_id, stage, "failed", "", message=str(error), error=error, blocked_by=first)
        if self._store.has("outcomes", video_id):  # it was here once; an id that never was leaves no trace
            record_outcomes(self._store, video_id, [Outcome(video_id, first, "failed", str(error), True, None, "")])

    # Frames: one pass over the file where a stage needs it, exact fetches of the candidates otherwise.

    def _measure(self, job: VideoJob) -> Iterator[StageResult]:
        scorers = [scorer for scorer in map(self._scorer, self._stages) if isinstance(scorer, FrameScorer)]
        if needs_every_frame(self._stages, self._settings):
            yield from self._pass(job, scorers)
        if "candidate_frames" in self._stages:
            yield job.attempt("candidate_frames", partial(self._plan_candidates, job))
        of_candidates = [scorer for scorer in scorers if scorer.scope == "candidates"]
        try:
            self._fetch_candidates(job, of_candidates)
        except Exception as error:  # noqa: BLE001 - told by every scorer that wanted the frames, when it is asked
            job.fetch_error = as_thumb_assets_error(error, str(job.video.path))

    def _pass(self, job: VideoJob, scorers: list[FrameScorer[Any, Any]]) -> Iterator[StageResult]:
        wanted = frozenset(self._stages) & DECODE_STAGES
        failure: Exception | None = None
        result = PassResult()
        try:
            decode_pass = DecodePass(
                job.video,
                stages=wanted,
                settings=self._settings,
                rule=self._capture_rule(job, scorers),
                scorers=scorers,
            )
            with VideoDecoder(job.video.path, self._settings.video) as source:
                if "stills" in self._stages:
                    self._require_space(source.header)
                result = decode_pass.run(source, self._on_frame)
            self._library.find(job.video_id)  # raises where the file was replaced while it was read
        except Exception as error:  # noqa: BLE001 - becomes the result of the stages below
            failure = as_thumb_assets_error(error, str(job.video.path))
            job.fetch_error = failure
            for scorer in scorers:
                scorer.forget(job.video_id)
        job.captured = frozenset(result.captured)

        def made(stage: str) -> Made:
            if failure is not None:
                raise failure
            if stage in result.errors:
                raise result.errors[stage]
            return Made({stage: result.tables[stage]})

        for stage in self._stages:
            if stage in wanted:
                yield job.attempt(stage, partial(made, stage))

    def _require_space(self, header: VideoHeader) -> None:
        """Room for all that may come of the video, asked before the hours of work that would be lost."""
        needed = space_for_video(header, self._settings, has_crops="crops" in self._stages)
        margin = self._settings.export.min_free_bytes
        require_space(self._store.stills_root, needed, min_free_bytes=margin, what="its tables and stills")

    def _capture_rule(self, job: VideoJob, scorers: list[FrameScorer[Any, Any]]) -> CaptureRule | None:
        if not any(scorer.scope == "candidates" for scorer in scorers):
            return None
        if "candidate_frames" not in self._stages:
            stored = job.optional_table("candidate_frames")
            return None if stored is None else KnownFrames(frozenset(stored.column("frame_index").to_pylist()))
        return CandidatePredictor(self._settings.candidates) if "shots" in self._stages else None

    def _plan_candidates(self, job: VideoJob) -> Made:
        table = plan_candidates(job.table("frames"), job.table("shots"), self._settings.candidates)
        return Made({"candidate_frames": table})

    def _fetch_candidates(self, job: VideoJob, scorers: list[FrameScorer[Any, Any]]) -> None:
        """Hands the scorers those candidates that the pass did not, each fetched exactly."""
        if not scorers or job.fetch_error is not None:
            return
        candidates = job.optional_table("candidate_frames")
        frames = job.optional_table("frames")
        if candidates is None or frames is None:
            return
        missing = sorted(set(candidates.column("frame_index").to_pylist()) - job.captured)
        if not missing:
            return
        with FrameFetcher(job.video.path, identities_of(frames), self._settings.video) as fetcher:
            for frame, _method in fetcher.fetch_many(missing):
                self._on_video(job.video_id)  # a sign of life: hours may pass between the first and the last
                for scorer in scorers:
                    scorer.add(job.video_id, frame)

    # Scores, selections, stills, catalog: from tables, once the scores of the video are complete.

    def _finish(self, job: VideoJob) -> Iterator[StageResult]:
        self._on_video(job.video_id)
        for stage in self._stages:
            if stage in SCORER_STAGES:
                yield job.attempt(stage, partial(self._scores, job, stage))
        if "selections" in self._stages:
            yield job.attempt("selections", partial(self._select, job))
        if "stills" in self._stages:
            yield job.attempt("stills", partial(self._export, job))
        if "crops" in self._stages:
            yield job.attempt("crops", partial(self._crop, job))
        for scorer in self._scorers.values():  # rows of stages that were blocked
            if isinstance(scorer, FrameScorer):
                scorer.forget(job.video_id)
        is_indexed = "catalog" in self._stages
        # The catalog is made after the outcomes, to show them, and counts as done in them unless it fails.
        record_outcomes(self._store, job.video_id, job.outcomes(with_catalog=is_indexed))
        if is_indexed:
            yield job.attempt("catalog", partial(self._index, job))
            record_outcomes(self._store, job.video_id, job.outcomes())

    def _scores(self, job: VideoJob, stage: str) -> Made:
        scorer = self._scorer(stage)
        if isinstance(scorer, ModelUnavailableError):
            raise skip_or_raise(scorer, self._on_unavailable(stage))
        if isinstance(scorer, ThumbAssetsError):
            raise scorer
        if scorer is None:
            raise ThumbAssetsError(f"{job.video_id}: stage {stage} has no scorer")
        if job.fetch_error is not None:
            scorer.forget(job.video_id)
            raise job.fetch_error
        frames, candidates = job.table("frames"), job.table("candidate_frames")
        if scorer.has_pending(job.video_id):
            scorer.flush()
        wanted = None if scorer.scope == "every_frame" else candidates.column("frame_index").to_pylist()
        rows = scorer.take(job.video_id, wanted, frames)
        errors = [str(row["error"]) for row in rows if row.get("error") is not None]
        metrics: dict[str, int | float | str] = {"num_errors": len(errors)}
        if errors:
            metrics["note"] = f"{len(errors)} of {len(rows)} rows have an error, the first: {errors[0]}"
        return Made({stage: table_from_rows(stage, rows)}, scorer.footer, metrics)

    def _select(self, job: VideoJob) -> Made:
        iqa_scores = job.optional_table("iqa_scores")
        footer = self._iqa_footer(job) if iqa_scores is not None else {}
        choice = choose(
            job.table("candidate_frames"),
            sharpness=job.optional_table("sharpness"),
            clip_scores=job.optional_table("clip_scores"),
            iqa_scores=iqa_scores,
            iqa_lower_better=json.loads(footer.get("lower_better", "{}")),
            faces=job.optional_table("faces"),
            frame_size=Geometry.from_row(job.table("videos").to_pylist()[0]).display_size,
            settings=self._settings.selection,
        )
        metrics: dict[str, int | float | str] = {
            "num_rejections": choice.rejections.num_rows,
            "components": ", ".join(choice.components) or "none",
        }
        scores = {name: job.optional_table(name) for name in ("sharpness", "clip_scores", "iqa_scores")}
        unscored = [
            name
            for name, table in scores.items()
            if table is not None and not verify_coverage(job.table("candidate_frames"), table).is_passed
        ]
        if unscored:
            metrics["note"] = f"{', '.join(unscored)} lack some of the candidates: run these stages again"
        return Made(
            {"selections": choice.selections, "rejections": choice.rejections},
            {"components": json.dumps(choice.components)},
            metrics,
        )

    def _iqa_footer(self, job: VideoJob) -> dict[str, str]:
        scorer = self._scorers.get("iqa_scores")
        if isinstance(scorer, FrameScorer):
            return scorer.footer
        return self._store.footer("iqa_scores", job.video_id) or {}

    def _export(self, job: VideoJob) -> Made:
        stills = export_stills(
            job.video.path,
            video_id=job.video_id,
            selections=job.table("selections"),
            identities=identities_of(job.table("frames")),
            video_sha256=job.video.sha256,
            stills_dir=self._store.stills_root,
            settings=self._settings.stills,
            export_settings=self._settings.export,
            video_settings=self._settings.video,
            on_swap=partial(self._store.delete, "stills", job.video_id),
        )
        return Made({"stills": stills}, {}, {"num_bytes": pc.sum(stills.column("num_bytes")).as_py() or 0})

    def _crop(self, job: VideoJob) -> Made:
        if not self._settings.crops.aspect_ratios:
            raise SkippedError('no aspect ratio is asked for: set crops.aspect_ratios, for example ["16:9", "1:1"]')
        crops = export_crops(
            job.video.path,
            video_id=job.video_id,
            stills=job.table("stills"),
            faces=job.optional_table("faces"),
            identities=identities_of(job.table("frames")),
            video_sha256=job.video.sha256,
            crops_dir=self._store.crops_root,
            settings=self._settings.crops,
            stills_settings=self._settings.stills,
            export_settings=self._settings.export,
            video_settings=self._settings.video,
            on_swap=partial(self._store.delete, "crops", job.video_id),
        )
        return Made({"crops": crops}, {}, {"num_bytes": pc.sum(crops.column("num_bytes")).as_py() or 0})

    def _index(self, job: VideoJob) -> Made:
        Catalog(self._store.catalog_path).index_video(self._store, job.video_id)
        return Made({})

    # Models

    def _scorer(self, stage: str) -> "FrameScorer[Any, Any] | ThumbAssetsError | None":
        """The stage's scorer, made when the first video needs it, or why there is none; None for other stages.

        Raises:
            SettingsError: it cannot be had with these settings anywhere.
        """
        if stage not in SCORER_STAGES:
            return None
        if stage not in self._scorers:
            try:
                self._scorers[stage] = build_scorer(stage, self._settings)
            except SettingsError:
                raise
            except Exception as error:  # noqa: BLE001 - a model that does not load fails its stage, not the others
                self._scorers[stage] = as_thumb_assets_error(error, f"the model of stage {stage}")
        return self._scorers[stage]

    def _on_unavailable(self, stage: str) -> str:
        settings = self._settings
        return {
            "faces": settings.faces.on_unavailable,
            "clip_scores": settings.clip.on_unavailable,
            "iqa_scores": settings.iqa.on_unavailable,
        }.get(stage, "error")

    def _has_pending(self, job: VideoJob) -> bool:
        scorers = [scorer for scorer in self._scorers.values() if isinstance(scorer, FrameScorer)]
        return any(scorer.has_pending(job.video_id) for scorer in scorers)


def identities_of(frames: pa.Table) -> FrameIdentities:
    """What `FrameFetcher` needs, out of the `frames` table."""
    return FrameIdentities(
        pts=frames.column("pts").to_numpy(),
        luma_hash=frames.column("luma_hash").to_pylist(),
        chroma_hash=frames.column("chroma_hash").to_pylist(),
        is_keyframe=frames.column("is_keyframe").to_numpy(zero_copy_only=False),
        field_order=frames.column("field_order").to_pylist(),
    )
