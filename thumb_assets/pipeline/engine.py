"""`run`: the one way work is done, from the command line, the tests and Dagster."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from heapq import merge
from typing import Any

from thumb_assets.errors import StorageError, ThumbAssetsError, as_thumb_assets_error
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.export.space import require_space, space_for_video
from thumb_assets.inference import one_thread
from thumb_assets.pipeline.cataloguing import Cataloguing
from thumb_assets.pipeline.decode_pass import DecodePass, Decoding, PassResult, keepers_for
from thumb_assets.pipeline.guidance import Guides, require_known_words
from thumb_assets.pipeline.job import VideoJob
from thumb_assets.pipeline.kept_frames import kept_for
from thumb_assets.pipeline.kept_rows import keep_rows
from thumb_assets.pipeline.narrowed import Narrowed
from thumb_assets.pipeline.remembered import Asked
from thumb_assets.pipeline.removal import remove_replaced
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.scoring import Scoring, capture_rule
from thumb_assets.pipeline.sparse_pass import SparsePass
from thumb_assets.pipeline.stages import (
    needs_every_frame,
    ordered_stages,
    table_inputs,
)
from thumb_assets.pipeline.turns import Turns
from thumb_assets.settings.load import Settings
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.declaration import FromFile, FromFrames, FromTables, Made, RunContext
from thumb_assets.stages.kit.scorer import FrameScorer
from thumb_assets.stages.kit.work import bars_of, fetched_frames
from thumb_assets.store.decisions import settle_decisions
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.outcomes import Outcome, record_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.contracts import stage_of, tables_of
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.groups import IndexedDecoder
from thumb_assets.video.header import VideoHeader
from thumb_assets.video.index import UntrustedIndexError
from thumb_assets.video.reduce import one_thread_per_picture

# Videos whose frames wait for a batch to fill; one more and the batches are scored as they are.
_MAX_WAITING_VIDEOS = 4

# What gives the frames, and what is done with them.
_PASSES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "full": (VideoDecoder, DecodePass),
    "sparse": (IndexedDecoder, SparsePass),
}

_ORDER = tuple(STAGES)


def _before_scorers() -> frozenset[str]:
    """The stages made from tables that scorers read, and those that these read."""
    found: set[str] = set()
    waiting = [stage for stage in STAGES.values() if isinstance(stage.run, FromFrames)]
    while waiting:
        writers = {writer for table in waiting.pop().inputs if (writer := stage_of(table)) is not None}
        new = {name for name in writers - found if isinstance(STAGES[name].run, FromTables)}
        found |= new
        waiting += [STAGES[name] for name in new]
    return frozenset(found)


# Made from tables before any frame is scored, since scorers read them.
_BEFORE_SCORERS = _before_scorers()


def run(
    video_ids: Iterable[str],
    stages: Iterable[str],
    settings: Settings,
    store: TableStore,
    *,
    events: Events = UNWATCHED,
    asked: Mapping[str, Asked] | None = None,
    is_recomputed: bool = False,
) -> Iterator[StageResult]:
    """Runs stages of videos, each video decoded at most once, and yields each result as it is done and written.

    A video that fails yields its errors and the next one goes on. A stage whose stored tables were made from the same
    inputs, settings and code is not run again: its result says so. While the models score one video, the next one is
    decoded.

    Args:
        video_ids: partitions, in the order to work on them; the library knows their files.
        stages: names out of `STAGES`, in any order.
        settings: all settings; `stages` decides which matter.
        store: where tables are read and written.
        events: where frames, steps, signs of life, notes and finished stages are reported.
        asked: what of the settings was asked for beside the library's (see `remembered`); None: not known.
        is_recomputed: run every stage, whatever is stored.

    Raises:
        SettingsError: an unknown stage, or a word that the model does not know.
    """
    wanted = ordered_stages(stages)
    engine = _Engine(wanted, settings, store, events, asked=asked, is_recomputed=is_recomputed)
    return engine.run(video_ids)


class _Engine:
    def __init__(
        self,
        stages: tuple[str, ...],
        settings: Settings,
        store: TableStore,
        events: Events,
        *,
        asked: Mapping[str, Asked] | None,
        is_recomputed: bool,
    ) -> None:
        self._stages = stages
        self._asked = asked
        self._settings = settings
        self._store = store
        self._events = events
        self._is_recomputed = is_recomputed
        library = partial(Library, store.data_dir, video=settings.video, ignore=settings.library.ignore)
        # A program may change a file and keep its size and time.
        is_hashed_anew = is_recomputed or settings.library.content_hash == "always"
        self._library, self._identified = library(), library(is_hashed_anew=is_hashed_anew)
        self._mirror = Mirror(settings.library, store)
        self._scoring = Scoring(settings, store, events)
        self._guides = Guides(settings, store)
        self._catalog = Cataloguing(store, events)
        self._context = RunContext(settings, store, self._guides.of_video, events)
        self._kept = kept_for(stages, settings)

    def run(self, video_ids: Iterable[str]) -> Iterator[StageResult]:
        try:
            require_known_words(self._settings, self._stages)
            with one_thread_per_picture(), one_thread():
                for result in self._run(video_ids):
                    self._events.stage_done(result.video_id, result.stage)
                    yield result
        finally:
            self._scoring.end()

    def _run(self, video_ids: Iterable[str]) -> Iterator[StageResult]:
        self._store.clean_temporary_files()
        self._note_guides()
        turns = Turns(self._store, self._events)
        try:
            yield from self._work(turns.free(video_ids), turns)
            for video_id in turns.busy():
                yield from self._work([video_id], turns)
            yield from self._catalog.catch_up()
        finally:
            turns.end()

    def _note_guides(self) -> None:
        if any(STAGES[stage].is_guided for stage in self._stages):
            with suppress(StorageError):  # the first video says so
                for note in self._guides.notes:
                    self._events.note(note)

    def _work(self, video_ids: Iterable[str], turns: Turns) -> Iterator[StageResult]:
        waiting: deque[VideoJob] = deque()

        def finish() -> Iterator[StageResult]:
            job = waiting.popleft()
            yield from self._finish(job)
            turns.done(job.video_id)

        for video_id in video_ids:
            self._events.video(video_id)
            self._events.step("looking for the file", is_of_file=True)
            try:
                self._mirror.bring(video_id)
                video = self._identified.find(video_id)
                settle_decisions(self._store, video)
                job = VideoJob(
                    video,
                    stages=self._stages,
                    settings=self._settings,
                    store=self._store,
                    guides=self._guides.sha256,
                    asked=self._asked,
                    is_recomputed=self._is_recomputed,
                )
                settled = list(self._settle(job))
                record_outcomes(self._store, video_id, job.interrupted_outcomes())
            except ThumbAssetsError as error:
                yield from self._not_found(video_id, error)
                turns.done(video_id)
                continue
            yield from self._measure(job, settled)
            waiting.append(job)
            while waiting and (len(waiting) > _MAX_WAITING_VIDEOS or not self._scoring.has_pending(waiting[0])):
                yield from finish()
        while waiting:
            yield from finish()

    def _not_found(self, video_id: str, error: ThumbAssetsError) -> Iterator[StageResult]:
        first, *others = self._stages
        yield StageResult(video_id, first, "failed", "", message=str(error), error=error)
        for stage in others:
            yield StageResult(video_id, stage, "failed", "", message=str(error), error=error, blocked_by=first)
        # An id that never was leaves no trace.
        if self._store.has("outcomes", video_id) or self._library.was_seen(video_id):
            outcome = Outcome(video_id, first, "failed", str(error), error.is_permanent, None, "")
            record_outcomes(self._store, video_id, [outcome])
            if "catalog" in self._stages:
                self._catalog.show(video_id)

    # Frames: one pass over the file where a stage needs it, exact fetches of the candidates otherwise.

    def _measure(self, job: VideoJob, settled: Sequence[StageResult]) -> Iterator[StageResult]:
        stages = [stage for stage in self._stages if stage not in job.settled]
        is_passed = needs_every_frame(stages, self._settings)
        # Models are loaded for a pass, which hands over frames before all is known; else for what has work left.
        scorers = list(self._scorers(stages)) if is_passed else []
        passed = self._pass(job, scorers) if is_passed else ()
        # In the order of the stages: what is told of one before an input of it looks as if it was made before.
        yield from merge(settled, passed, key=lambda result: _ORDER.index(result.stage))
        for stage in stages:
            if stage in _BEFORE_SCORERS:
                yield job.attempt_decided(stage, self._maker(job, stage))
        try:
            # What the pass handed over may turn out to be scored already, if the candidates are the same after all.
            open_stages = [stage for stage in stages if self._needs_frames(job, stage)]
            self._fetch_candidates(job, list(self._scorers(open_stages)), may_keep=not is_passed)
        except Exception as error:  # noqa: BLE001 - told by every scorer that wanted the frames, when it is asked
            job.fetch_error = as_thumb_assets_error(error, str(job.video.path))

    def _scorers(self, stages: Iterable[str]) -> Iterator[FrameScorer[Any, Any]]:
        return (scorer for scorer in map(self._scoring.scorer, stages) if isinstance(scorer, FrameScorer))

    def _settle(self, job: VideoJob) -> Iterator[StageResult]:
        """Results of stages whose stored tables are still right, as far as that is known before any frame is seen."""
        open_tables: set[str] = set()
        # A sparse pass decodes frames for the sake of shots, so the two tables are made together.
        companies = ({stage, *STAGES[stage].with_stages(self._settings)} for stage in self._stages)
        together = set().union(*(company for company in companies if len(company) > 1)) & set(self._stages)
        is_open = not all(map(job.is_unchanged, together))
        for stage in self._stages:
            if isinstance(STAGES[stage].run, FromTables) and stage not in _BEFORE_SCORERS:
                continue
            must_wait = bool(open_tables & set(table_inputs(stage, self._settings))) or (is_open and stage in together)
            result = None if must_wait else job.reuse(stage)
            if result is not None:
                yield result
            else:
                open_tables |= set(tables_of(stage))

    def _needs_frames(self, job: VideoJob, stage: str) -> bool:
        run = STAGES[stage].run
        if not isinstance(run, FromFrames) or run.needs_every_frame(self._settings) or job.is_unchanged(stage):
            return False
        return job.rescorable(stage) is None

    def _pass(self, job: VideoJob, scorers: list[FrameScorer[Any, Any]]) -> Iterator[StageResult]:
        wanted = frozenset(stage for stage in self._stages if isinstance(STAGES[stage].run, FromFile)) - job.settled
        failure: Exception | None = None
        result, decoding = PassResult(), Decoding()
        try:
            result, decoding = self._decode(job, wanted, scorers)
            self._library.find(job.video_id)  # raises where the file was replaced while it was read
        except Exception as error:  # noqa: BLE001 - becomes the result of the stages below
            failure = as_thumb_assets_error(error, str(job.video.path))
            job.fetch_error = failure
            for scorer in scorers:
                scorer.forget(job.video_id)
        job.captured = result.captured

        def made(stage: str) -> Made:
            if failure is not None:
                raise failure
            if stage in result.errors:
                raise result.errors[stage]
            tables, notes = {stage: result.tables[stage]}, result.notes.get(stage, {})
            return Made(tables, *((decoding.footer, decoding.metrics) if stage == "frames" else ({}, notes)))

        for stage in self._stages:
            if stage in wanted:
                yield job.attempt(stage, partial(made, stage))

    def _decode(
        self, job: VideoJob, wanted: frozenset[str], scorers: list[FrameScorer[Any, Any]]
    ) -> tuple[PassResult, Decoding]:
        """The sparse pass where it is asked for and the file allows it, else the full one, and which it was."""
        if not self._settings.sparse.is_on:
            return self._run_pass("full", job, wanted, scorers), Decoding()
        try:
            return self._run_pass("sparse", job, wanted, scorers), Decoding("sparse")
        except ThumbAssetsError:
            raise
        except Exception as error:  # noqa: BLE001 - an odd file is for the pass that takes every frame as it comes
            for scorer in scorers:
                scorer.forget(job.video_id)
            reason = str(error) if isinstance(error, UntrustedIndexError) else f"{type(error).__name__}: {error}"
            return self._run_pass("full", job, wanted, scorers), Decoding(fallback_reason=reason)

    def _run_pass(
        self, kind: str, job: VideoJob, wanted: frozenset[str], scorers: list[FrameScorer[Any, Any]]
    ) -> PassResult:
        """One of the two passes.

        Raises:
            UntrustedIndexError: the file's index does not allow the sparse one, or nothing is gained by it.
        """
        decoder, frame_pass = _PASSES[kind]
        with decoder(job.video.path, self._settings.video) as source:
            self._begin(job, source.header)
            rule = capture_rule(job, scorers, self._stages, self._settings)
            self._events.step("loading the shot detector", is_of_file=False)
            takers = [*scorers, self._kept]
            this_pass = frame_pass(job.video, stages=wanted, settings=self._settings, rule=rule, scorers=takers)
            job.kept_frames = self._kept.of_video(job.video_id, codec=source.header.codec)
            if isinstance(this_pass, DecodePass):  # the sparse one sees too few frames to keep the best of them
                job.keepers = keepers_for(job, self._stages, self._context)
                this_pass.keepers = tuple(job.keepers.values())
            self._events.step("decoding", is_of_file=True)
            result: PassResult = this_pass.run(source, self._events)
            return result

    def _begin(self, job: VideoJob, header: VideoHeader) -> None:
        """Asks for room for all that may come of the video, before the hours of work that would be lost."""
        job.header = header
        if "stills" not in self._stages:
            return
        needed = space_for_video(header, self._settings, has_crops="crops" in self._stages)
        margin = self._settings.export.min_free_bytes
        require_space(self._store.stills_root, needed, min_free_bytes=margin, what="its tables and stills")

    def _fetch_candidates(self, job: VideoJob, scorers: list[FrameScorer[Any, Any]], *, may_keep: bool) -> None:
        """Hands the scorers those candidates that the pass did not, or not between the right bars, fetched exactly.

        Args:
            may_keep: whether stored rows that are still right stay, so that their frames are not fetched.
        """
        if not scorers or job.fetch_error is not None:
            return
        candidates = job.optional_table("candidate_frames")
        if candidates is None or any(job.optional_table(name) is None for name in ("videos", "frames")):
            return
        bars = bars_of(job)
        scored = frozenset(index for index, known in job.captured.items() if known == bars)
        wanted: dict[int, list[FrameScorer[Any, Any]]] = {}
        for scorer in scorers:
            known = scored | (keep_rows(job, scorer.stage, of_scorer=scorer.footer) if may_keep else frozenset())
            for frame_index in candidates.column("frame_index").to_pylist():
                if frame_index not in known:
                    wanted.setdefault(frame_index, []).append(scorer)
        if not wanted:
            return
        self._events.step("fetching the candidates", is_of_file=True)
        with fetched_frames(job, sorted(wanted), self._settings.video) as frames:
            for frame in frames:
                self._events.video(job.video_id)  # a sign of life: hours may pass between the first and the last
                self._kept.add(job.video_id, frame)
                for scorer in wanted[frame.frame_index]:
                    scorer.add(job.video_id, frame.inside(bars))

    def _maker(self, job: VideoJob, stage: str) -> Callable[[], Made]:
        run = STAGES[stage].run
        if not isinstance(run, FromTables):
            raise ThumbAssetsError(f"stage {stage} is not made from tables")
        return partial(run.make, Narrowed(job, STAGES[stage].columns_of(self._settings)), self._context)

    # Scores, selections, stills, catalog: from tables, once the scores of the video are complete.

    def _finish(self, job: VideoJob) -> Iterator[StageResult]:
        self._events.video(job.video_id)
        for stage in self._stages:
            if isinstance(STAGES[stage].run, FromFrames) and stage not in job.settled:
                self._events.step(f"stage {stage}", is_of_file=True)
                yield job.attempt(stage, partial(self._scoring.scores, job, stage))
        for stage in self._stages:
            if isinstance(STAGES[stage].run, FromTables) and stage not in _BEFORE_SCORERS:
                self._events.step(f"stage {stage}", is_of_file=True)
                yield job.attempt(stage, self._maker(job, stage))
        self._kept.forget(job.video_id)
        for note in job.stored.notes.values():
            self._events.note(note)
        self._scoring.forget(job.video_id)  # rows of stages that were blocked
        is_indexed = "catalog" in self._stages
        # The catalog is made after the outcomes, to show them, and counts as done in them unless it fails.
        record_outcomes(self._store, job.video_id, job.outcomes(with_catalog=is_indexed))
        if is_indexed:
            indexed = self._catalog.index(job)
            if indexed is not None:
                yield indexed
                record_outcomes(self._store, job.video_id, job.outcomes())
        try:
            if job.is_well and not self._settings.library.keep_replaced:
                remove_replaced(job.video, self._library, self._mirror, self._store)
            self._mirror.push(job.video_id)
        except ThumbAssetsError as error:  # what was made is here; the next try has to bring it there, and no more
            yield job.fail(self._stages[-1], error)
            record_outcomes(self._store, job.video_id, job.outcomes())
