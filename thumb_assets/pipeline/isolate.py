"""The engine in a child process: a decoder that dies or hangs on a damaged file costs that file, not the run."""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from thumb_assets.errors import (
    BadInputError,
    OutOfMemoryError,
    SettingsError,
    ThumbAssetsError,
    as_thumb_assets_error,
)
from thumb_assets.pipeline.decode_pass import OnFrame
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.from_tables import show_outcomes
from thumb_assets.pipeline.job import StageResult, outcome_of
from thumb_assets.pipeline.process import in_engine_environment
from thumb_assets.pipeline.stages import ordered_stages
from thumb_assets.settings import Settings
from thumb_assets.store import BLOCKED, Library, Outcome, TableStore, record_outcomes

# What a child may take to begin.
_START_SECONDS = 300.0
# How often the child tells of frames; each is a message.
_SECONDS_BETWEEN_FRAMES = 0.1
# Signals a process gets for its own mistake, not from outside.
_KILLED = 9  # SIGKILL, which Windows does not name
_WINDOWS_ERRORS = 0xC0000000  # its codes of severity "error" begin here: access violation, stack overflow
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, getattr(signal, "SIGBUS", signal.SIGSEGV)}


@dataclass(frozen=True)
class _Job:
    """What a child is to do; see `run`."""

    video_ids: list[str]
    stages: tuple[str, ...]
    settings: Settings
    data_dir: Path
    is_recomputed: bool


@dataclass(frozen=True)
class _Working:
    """The child turns to a video."""

    video_id: str


@dataclass(frozen=True)
class _Decoded:
    """The child has come to a frame."""

    video_id: str
    frame_index: int
    num_frames: int | None


@dataclass(frozen=True)
class _Told:
    """A stage's result, and the trace of its error, which does not survive the way."""

    result: StageResult
    trace: str | None


@dataclass(frozen=True)
class _Ended:
    """The child is through, or the engine itself raised."""

    error: Exception | None = None


class _ChildTrace(Exception):  # noqa: N818 - never raised: it carries a trace into the message of the error it caused
    """The trace of an error in the child."""


def run_isolated(
    video_ids: Iterable[str],
    stages: Iterable[str],
    settings: Settings,
    store: TableStore,
    *,
    on_frame: OnFrame | None = None,
    is_recomputed: bool = False,
) -> Iterator[StageResult]:
    """As `run`, in a child process that is replaced when it dies; with `video.is_isolated` off, in this one.

    A video on which the child died, or for `video.stall_seconds` got nowhere, has failed; the others are done by the
    next child. A result is yielded once, also where its video had to be done again; a failure may follow what was done.

    Raises:
        SettingsError: an unknown stage, or this process may not have children.
        ThumbAssetsError: the child died before it turned to any video, or the engine itself raised.
    """
    wanted = ordered_stages(stages)
    pending = list(dict.fromkeys(video_ids))
    if not settings.video.is_isolated:
        yield from run(pending, wanted, settings, store, on_frame=on_frame, is_recomputed=is_recomputed)
        return
    if multiprocessing.current_process().daemon:
        raise SettingsError("a daemonic process may not have children; set video.is_isolated=false")
    told: dict[str, dict[str, Outcome]] = {}
    while pending:
        child = _warm.take()
        try:
            for result in child.results(_Job(pending, wanted, settings, store.data_dir, is_recomputed), on_frame):
                outcome, former = outcome_of(result), told.setdefault(result.video_id, {}).get(result.stage)
                # What was done can still fail to get to where other machines find it.
                if former is None or (outcome.status == "failed" and former.status != "failed"):
                    told[result.video_id][result.stage] = outcome
                    yield result
        finally:
            _warm.give_back(child)
        if child.error is None:
            return
        if child.video_id is None:
            raise child.error
        done = told.get(child.video_id, {})
        lost = _lost_results(child, wanted, done)
        # All of them: the engine had put all stages down as interrupted when it began with the video.
        record_outcomes(store, child.video_id, [*done.values(), *map(outcome_of, lost)])
        show_outcomes(child.video_id, wanted, store)
        yield from lost
        pending = [
            video_id for video_id in pending if video_id != child.video_id and len(told.get(video_id, ())) < len(wanted)
        ]


class _Child:
    """One child process: its messages as results, and how it ended."""

    def __init__(self) -> None:
        self.video_id: str | None = None  # the one it works on
        self.error: ThumbAssetsError | None = None  # how it died
        self.is_idle = True
        self._job: _Job | None = None
        context = multiprocessing.get_context("spawn")  # fork copies threads' locks in whatever state they are
        self._connection, theirs = context.Pipe()
        # As a daemon it ends with this process, even where it is kept for a next job that never comes.
        self._process: BaseProcess = context.Process(
            target=_work, args=(theirs,), name="thumb-assets-engine", daemon=True
        )
        with in_engine_environment():
            self._process.start()
        theirs.close()  # else the child's end of the pipe would never be the last

    @property
    def is_alive(self) -> bool:
        """Whether it can take a job."""
        return self._process.is_alive()

    def results(self, job: _Job, on_frame: OnFrame | None) -> Iterator[StageResult]:
        """What the child tells of a job, until it is done; `error` says whether the child died."""
        self.is_idle, self.video_id, self.error, self._job = False, None, None, job
        with suppress(OSError):  # it died already, as reading from it will show
            self._connection.send(job)
        while True:
            message = self._next_message(job)
            if isinstance(message, _Told):
                if message.result.error is not None and message.trace is not None:
                    message.result.error.__cause__ = _ChildTrace(message.trace)
                yield message.result
            elif isinstance(message, _Working):
                self.video_id = message.video_id
            elif isinstance(message, _Decoded):
                if on_frame:
                    on_frame(message.video_id, message.frame_index, message.num_frames)
            elif isinstance(message, _Ended):
                if message.error is not None:
                    raise message.error
                self.is_idle = True
                return
            else:
                return

    def stop(self) -> None:
        """Ends the child and what it started; what it had not finished is put right by the next run."""
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):  # it is gone, or did not get as far as its own group
                os.killpg(int(self._process.pid or 0), signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self._connection.close()

    def _next_message(self, job: _Job) -> Any:
        stall_seconds = job.settings.video.stall_seconds
        if self.video_id is None:  # it still imports, which a busy machine may take long over
            stall_seconds = max(stall_seconds, _START_SECONDS)
        if not wait([self._connection], timeout=stall_seconds):
            self.error = BadInputError(
                f"{self._place()}: nothing happened for {stall_seconds:.0f} s (video.stall_seconds); "
                "allow more, or replace the file"
            )
            return None
        try:
            return self._connection.recv()
        except (EOFError, OSError):  # between two messages, or in the middle of one
            self._process.join()
            self.error = self._death()
            return None

    def _death(self) -> ThumbAssetsError:
        code = self._process.exitcode or 0
        if self.video_id is None:
            return ThumbAssetsError(
                f"the engine's process ended with code {code} before it began; a script that runs it needs "
                "`if __name__ == '__main__':`, or video.is_isolated=false"
            )
        if -code in _CRASHES or code >= _WINDOWS_ERRORS:
            name = signal.Signals(-code).name if code < 0 else hex(code)
            return BadInputError(f"{self._place()}: the process died on it ({name}); replace or convert the file")
        if code == -_KILLED:
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
                message=str(child.error) if is_first else f"{BLOCKED} {missing[0]} was failed",
                error=child.error,
                blocked_by=None if is_first else missing[0],
            )
        )
    return results


# In the child


def _work(connection: "Connection[Any, Any]") -> None:
    """Does the jobs that come, until nobody can send one any more."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # a group of its own, so that whatever it starts can be ended with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches both on Windows; the parent ends the child
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        _do(job, connection)


def _do(job: _Job, connection: "Connection[Any, Any]") -> None:
    """Runs the engine and tells the parent of everything."""
    last = 0.0

    def on_frame(video_id: str, frame_index: int, num_frames: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_FRAMES:
            last = time.monotonic()
            connection.send(_Decoded(video_id, frame_index, num_frames))

    def on_video(video_id: str) -> None:
        connection.send(_Working(video_id))

    try:
        results = run(
            job.video_ids,
            job.stages,
            job.settings,
            TableStore(job.data_dir),
            on_frame=on_frame,
            on_video=on_video,
            is_recomputed=job.is_recomputed,
        )
        for result in results:
            error = result.error
            connection.send(_Told(result, "".join(traceback.format_exception(error)) if error else None))
    except Exception as error:  # noqa: BLE001 - told by the parent, who can; here it would be a trace and an exit code
        connection.send(_Ended(as_thumb_assets_error(error, "the engine")))
    else:
        connection.send(_Ended())


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        if hasattr(os, "killpg"):
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os._exit(1)
