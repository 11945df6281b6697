"""The engine in a child process: a decoder that dies or hangs on a damaged file costs that file, not the run."""

import os
import signal
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Any

from thumb_assets.errors import BadInputError, OutOfMemoryError, StoppedError, ThumbAssetsError
from thumb_assets.events import Events
from thumb_assets.pipeline.cataloguing import Cataloguing
from thumb_assets.pipeline.forked import held_keys, may_fork
from thumb_assets.pipeline.messages import Decoded, Ended, Job, Noted, Step, Told, Working
from thumb_assets.pipeline.process import EngineProcess
from thumb_assets.pipeline.remembered import Asked
from thumb_assets.pipeline.result import StageResult, outcome_of
from thumb_assets.pipeline.settled import Settled
from thumb_assets.pipeline.stages import ordered_stages
from thumb_assets.pipeline.watching import watched_events
from thumb_assets.settings.load import Settings
from thumb_assets.store.library import Library
from thumb_assets.store.outcomes import Outcome, record_outcomes
from thumb_assets.store.parquet import TableStore

# The child may take this long to begin.
_START_SECONDS = 300.0
# The child's silence is counted in pieces of this: a piece that takes much longer was a pause of this process
# (Ctrl+Z, a laptop that slept), during which the child did not work either.
_WAIT_SECONDS = 1.0
# Signals a process gets for its own mistake, not from outside.
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGBUS}
# What a dead child's parent waits for a locked catalog.
_CATALOG_SECONDS = 10.0
_STARTING = Step("starting the engine", is_of_file=False)


class _ChildTrace(Exception):  # noqa: N818 - never raised: it carries a trace into the message of the error it caused
    """The trace of an error in the child."""


def run_isolated(
    video_ids: Iterable[str],
    stages: Iterable[str],
    settings: Settings,
    store: TableStore,
    *,
    events: Events | None = None,
    asked: Mapping[str, Asked] | None = None,
    is_recomputed: bool = False,
    stop: threading.Event | None = None,
) -> Iterator[StageResult]:
    """As `run`, in a child process that is replaced when it dies; with `video.is_isolated` off, in this one.

    Videos of which nothing is to be done come first, and need no child.

    A video on which the child died, or for `video.stall_seconds` got nowhere, has failed; the others are done by the
    next child. A result is yielded once, also where its video had to be done again; a failure may follow what was done.

    Args:
        events: see `run`; None: those of whoever is `watching`.
        stop: once it is set, the child is ended within about a second; in this process, after the stage under way.

    Raises:
        StoppedError: `stop` was set; what is not done has failed as interrupted, and the next run does it.
        SettingsError: an unknown stage.
        ThumbAssetsError: the child died before it turned to any video, hung where no video is to blame, or the engine
            itself raised.
    """
    wanted = ordered_stages(stages)
    pending = list(dict.fromkeys(video_ids))
    events = watched_events() if events is None else events
    if not settings.video.is_isolated or not hasattr(os, "killpg"):  # which Windows lacks
        from thumb_assets.pipeline.engine import run

        results = run(pending, wanted, settings, store, events=events, asked=asked, is_recomputed=is_recomputed)
        yield from _until(stop, results)
        return
    job = Job(pending, wanted, settings, store.data_dir, is_recomputed, asked)
    if not is_recomputed:
        job = yield from _settled(job, store, events, stop)
    yield from _in_children(job, store, events, stop)


def _settled(
    job: Job, store: TableStore, events: Events, stop: threading.Event | None
) -> Generator[StageResult, None, Job]:
    """The results of videos of which nothing is to be done; returns the job without them."""
    settled, pending = Settled(job.stages, job.settings, store, events, asked=job.asked), []
    for video_id in job.video_ids:
        _require_going(stop)
        results = settled.results(video_id)
        if results is None:
            pending.append(video_id)
        for result in results or ():
            events.stage_done(result.video_id, result.stage)
            yield result
    if not pending:
        store.clean_temporary_files()  # as the engine does when it begins
    return replace(job, video_ids=pending)


def _in_children(whole: Job, store: TableStore, events: Events, stop: threading.Event | None) -> Iterator[StageResult]:
    pending, wanted = whole.video_ids, whole.stages
    told: dict[str, dict[str, Outcome]] = {}
    while pending:
        child = _warm.take()
        try:
            for result in child.results(replace(whole, video_ids=pending), events, stop):
                outcome, former = outcome_of(result), told.setdefault(result.video_id, {}).get(result.stage)
                # What was done can still fail to get to where other machines find it.
                if former is None or (outcome.status == "failed" and former.status != "failed"):
                    told[result.video_id][result.stage] = outcome
                    events.stage_done(result.video_id, result.stage)
                    yield result
        finally:
            _warm.give_back(child)
        if child.has_grown:
            pending = [video_id for video_id in pending if video_id not in told]
            continue
        if child.error is None:
            return
        if child.video_id is None:
            if child.has_died_idle:
                continue
            raise child.error
        done = told.get(child.video_id, {})
        lost = _lost_results(child, wanted, done)
        _record(store, child.video_id, [*done.values(), *map(outcome_of, lost)], wanted, events)
        for result in lost:
            events.stage_done(result.video_id, result.stage)
            yield result
        pending = [
            video_id for video_id in pending if video_id != child.video_id and len(told.get(video_id, ())) < len(wanted)
        ]


def _until(stop: threading.Event | None, results: Iterator[StageResult]) -> Iterator[StageResult]:
    for result in results:
        _require_going(stop)
        yield result


def _require_going(stop: threading.Event | None) -> None:
    if stop is not None and stop.is_set():
        raise StoppedError("was stopped; run it again to go on")


def _record(
    store: TableStore, video_id: str, outcomes: Sequence[Outcome], stages: tuple[str, ...], events: Events
) -> None:
    """Records all outcomes of a video: the engine had put all stages down as interrupted when it began with it.

    Where another process works on the video by now, its outcomes count.
    """
    lock = store.video_lock(video_id)
    if lock.try_acquire():
        try:
            record_outcomes(store, video_id, outcomes)
            if "catalog" in stages:
                Cataloguing(store, events, wait_seconds=_CATALOG_SECONDS).show(video_id)
        finally:
            lock.release()


class _Child:
    """One child process: its messages as results, and how it ended."""

    def __init__(self, *, is_forked: bool = False) -> None:
        self.video_id: str | None = None  # the one it works on
        self.error: ThumbAssetsError | None = None  # how it died
        self.is_idle = True
        self.has_grown = False  # and left the rest to the next child
        self.has_died_idle = False  # between two jobs: the next child does this one
        self._step = _STARTING
        self._job: Job | None = None
        self._num_jobs = 0
        self._process = EngineProcess(is_forked=is_forked)

    @property
    def is_alive(self) -> bool:
        """True while it can take a job."""
        return self._process.is_alive

    def results(self, job: Job, events: Events, stop: threading.Event | None = None) -> Iterator[StageResult]:
        """Yields what the child reports of a job, until it is done; `error` says whether the child died."""
        self.is_idle, self.video_id, self.error, self._job = False, None, None, job
        self._step, self._num_jobs = _STARTING, self._num_jobs + 1
        with suppress(OSError):  # it died already, as reading from it will show
            self._process.connection.send(job)
        while True:
            message = self._next_message(job, stop)
            if isinstance(message, Told):
                if message.result.error is not None and message.trace is not None:
                    message.result.error.__cause__ = _ChildTrace(message.trace)
                yield message.result
            elif isinstance(message, Working):
                self.video_id = message.video_id
                events.video(message.video_id)
            elif isinstance(message, Step | Noted | Decoded):
                self._show(message, events)
            elif isinstance(message, Ended):
                if message.error is not None:
                    raise message.error
                self.is_idle, self.has_grown = not message.is_grown, message.is_grown
                return
            else:
                return

    def _show(self, message: Step | Noted | Decoded, events: Events) -> None:
        if isinstance(message, Step):
            self._step = message
            events.step(message.name, is_of_file=message.is_of_file)
        elif isinstance(message, Noted):
            events.note(message.note)
        else:
            events.frame(message.video_id, message.frame_index, message.num_frames)

    def stop(self) -> None:
        """Ends the child and what it started; what it had not finished is put right by the next run."""
        self._process.stop()

    def _next_message(self, job: Job, stop: threading.Event | None) -> Any:
        stall_seconds = job.settings.video.stall_seconds
        if self.video_id is None:  # it still imports, which a busy machine may take long over
            stall_seconds = max(stall_seconds, _START_SECONDS)
        if not self._is_heard_of(stall_seconds, stop):
            self.error = self._silence(stall_seconds)
            return None
        try:
            return self._process.connection.recv()
        except (EOFError, OSError):  # between two messages, or in the middle of one
            self.error = self._death(self._process.wait())
            self.has_died_idle = self._num_jobs > 1 and self.video_id is None
            return None

    def _is_heard_of(self, stall_seconds: float, stop: threading.Event | None) -> bool:
        """Waits for a message; False where none comes for that long, pauses of this process not counted."""
        silent_seconds = 0.0
        while silent_seconds < stall_seconds:
            _require_going(stop)
            piece = min(_WAIT_SECONDS, stall_seconds - silent_seconds)
            before = time.monotonic()
            if wait([self._process.connection], timeout=piece):
                return True
            silent_seconds += min(time.monotonic() - before, 2 * piece)
        return False

    def _silence(self, stall_seconds: float) -> ThumbAssetsError:
        programs = self._process.programs()
        what = f"{self._step.name}{', running ' + ', '.join(programs) if programs else ''}"
        silence = f"nothing happened for {stall_seconds:.0f} s (video.stall_seconds)"
        if self._step.is_of_file and not programs:
            return BadInputError(f"{self._place()}: {what}: {silence}; allow more, or replace the file")
        if self._step.is_of_file:  # a program that hangs may do so because of the file, or of the machine
            return ThumbAssetsError(f"{self._place()}: {what}: {silence}; look at what the program waits for")
        self.video_id = None  # no video is to blame: each would hang the same way
        return ThumbAssetsError(f"{what}: {silence}; this is not the video's fault: look at what it waits for")

    def _death(self, code: int) -> ThumbAssetsError:
        if self.video_id is None:
            return ThumbAssetsError(
                f"the engine's process ended with code {code} before it began; what it printed says why, and "
                "video.is_isolated=false does without it"
            )
        if -code in _CRASHES:
            name = signal.Signals(-code).name
            return BadInputError(f"{self._place()}: the process died on it ({name}); replace or convert the file")
        if code == -signal.SIGKILL:
            return OutOfMemoryError(
                f"{self._place()}: its process was killed, as systems do when memory runs out; "
                "use smaller batches or a machine with more"
            )
        return ThumbAssetsError(f"{self._place()}: its process ended with code {code} before it was done")

    def _place(self) -> str:
        """The file of the video the child works on, by which people know it."""
        try:
            return str(Library(self._job.data_dir).find(str(self.video_id)).path) if self._job else ""
        except ThumbAssetsError:
            return str(self.video_id)


class _Warm:
    """The child that waits between two jobs, where somebody asked for one to be kept."""

    def __init__(self) -> None:
        self.num_keepers = 0
        self._child: _Child | None = None

    def take(self) -> _Child:
        """The kept child, else a new one."""
        child, self._child = self._child, None
        if child is not None and child.is_alive:
            return child
        if child is not None:
            child.stop()
        return _Child()

    def give_back(self, child: _Child) -> None:
        """Keeps a child that is done and well; ends any other."""
        if self.num_keepers and child.is_idle and self._child is None:
            self._child = child
        else:
            child.stop()

    def fork(self) -> None:
        """Makes the child to keep a fork of this process, where that is safe."""
        if self._child is None and may_fork():
            # A pause that came before the parent can pass it on would leave the child at work. No room for a copy: a
            # new interpreter says so, or needs less.
            with held_keys(), suppress(OSError):
                self._child = _Child(is_forked=True)

    def drop(self) -> None:
        """Ends the kept child."""
        if self._child is not None:
            self._child.stop()
            self._child = None


_warm = _Warm()


@contextmanager
def warm_engine() -> Iterator[None]:
    """Inside, calls of `run_isolated` one after the other share a child, so that models are loaded once for all."""
    _warm.num_keepers += 1
    try:
        yield
    finally:
        _warm.num_keepers -= 1
        if not _warm.num_keepers:
            _warm.drop()


@contextmanager
def forked_engine(settings: Settings) -> Iterator[None]:
    """As `warm_engine`; the first child is a fork of this process where that is safe (see `forked`).

    For a command that has started no thread and read no table yet. The child holds what this process has imported, and
    any child after it is started as everywhere.
    """
    with warm_engine():
        if settings.video.is_isolated:
            _warm.fork()
        yield


def _lost_results(child: _Child, stages: tuple[str, ...], told: dict[str, Outcome]) -> list[StageResult]:
    """A failure for each stage of the child's video that has no result: the first with the cause."""
    source_path = next((outcome.source_path for outcome in told.values()), "")
    missing = [stage for stage in stages if stage not in told]
    results = []
    for stage in missing:
        is_first = stage == missing[0]
        results.append(
            StageResult(
                str(child.video_id),
                stage,
                "failed",
                source_path,
                message=str(child.error) if is_first else f"not run: {missing[0]} failed",
                error=child.error,
                blocked_by=None if is_first else missing[0],
            )
        )
    return results
