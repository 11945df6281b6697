"""The scorer of single frames: takes frames, batches them across videos, gives rows."""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

import pyarrow as pa

from thumb_assets.errors import ThumbAssetsError, as_thumb_assets_error
from thumb_assets.inference import use_cores

if TYPE_CHECKING:
    from thumb_assets.video.frame import Frame

# Batches of a scorer that may wait or be worked on while frames go on arriving; one more and the decoder waits.
_MAX_RUNNING_BATCHES = 2

Row = dict[str, Any]
Item = TypeVar("Item")
Result = TypeVar("Result")


def _unchanged(rows: list[Row], _frames: pa.Table) -> list[Row]:
    return rows


class FrameTaker(Protocol):
    """Takes the frames of a pass: all of them, or the candidates, as its `scope` says."""

    scope: Literal["candidates", "every_frame"]

    def add(self, video_id: str, frame: "Frame") -> None:
        """Takes a frame."""


@dataclass
class FrameScorer(Generic[Item, Result]):
    """One scoring stage.

    Attributes:
        stage: name of the stage and of its table.
        scope: which frames it wants.
        render: makes what the model needs of a frame, so that the frame itself need not be kept.
        score: the model, one result per item, whatever the batch.
        to_rows: (video_id, frame_index, result, error) to rows; exactly one of result and error is None.
        complete: gets a video's rows and its `frames` table before they are written.
        footer: what the stage's Parquet footer says besides the common keys.
        executor: where batches are scored while frames go on arriving; None scores them at once.
        rescore: the stage's table out of a stored one of which only the prompts have changed; None without prompts.
    """

    stage: str
    render: "Callable[[Frame], Item]"
    score: Callable[[Sequence[Item]], Sequence[Result]]
    to_rows: Callable[[str, int, Result | None, str | None], list[Row]]
    batch_size: int = 1
    scope: Literal["candidates", "every_frame"] = "candidates"
    complete: Callable[[list[Row], pa.Table], list[Row]] = _unchanged
    footer: dict[str, str] = field(default_factory=dict)
    executor: "ModelThread | None" = None
    rescore: Callable[[pa.Table], pa.Table] | None = None
    _first_shown: dict[str, dict[Hashable, int]] = field(default_factory=lambda: defaultdict(dict))
    _repeats: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    _pending: list[tuple[str, int, Item]] = field(default_factory=list)
    _running: deque["_Running[Result]"] = field(default_factory=deque)
    _rows: dict[str, dict[int, list[Row]]] = field(default_factory=lambda: defaultdict(dict))
    _errors: dict[str, ThumbAssetsError] = field(default_factory=dict)
    _raised: dict[str, list[ThumbAssetsError]] = field(default_factory=lambda: defaultdict(list))

    def add(self, video_id: str, frame: "Frame") -> None:
        """Takes a frame; a full batch is scored. A picture that this video showed before has the rows of that frame."""
        shown = frame.shown_by
        first = None if shown is None else self._first_shown[video_id].setdefault(shown, frame.frame_index)
        if first is not None and first != frame.frame_index:
            self._repeats[video_id][frame.frame_index] = first
            return
        self._pending.append((video_id, frame.frame_index, self.render(frame)))
        if len(self._pending) >= self.batch_size:
            self.flush()

    def has_pending(self, video_id: str) -> bool:
        """True while a frame of this video waits for its batch to fill, or for its score."""
        self._collect(_MAX_RUNNING_BATCHES)
        return any(pending == video_id for pending, _, _ in self._pending) or self._is_running(video_id)

    def flush(self) -> None:
        """Gives what waits to be scored."""
        batch, self._pending = self._pending, []
        if not batch:
            return
        keys: list[tuple[str, int] | None] = [(video_id, frame_index) for video_id, frame_index, _ in batch]
        items = [item for _, _, item in batch]
        score = self._score_beside if self.executor else self._score_safely
        self._running.append(_Running(keys, _submitted(self.executor, partial(score, items))))
        self._collect(_MAX_RUNNING_BATCHES if self.executor else 0)

    def _score_beside(self, items: list[Item]) -> "list[Result | Exception]":
        """In the models' thread: with all cores where the decoder waits for it, else with what the decoder leaves."""
        executor = self.executor
        if executor is not None:
            use_cores(is_shared=not executor.was_awaited)
            executor.was_awaited = False
        return self._score_safely(items)

    def _score_safely(self, items: list[Item]) -> "list[Result | Exception]":
        """A batch that fails is scored one by one, so that a bad frame costs itself alone."""
        try:
            return list(self.score(items))
        except Exception as error:  # noqa: BLE001 - whatever a model raises is recorded with its frame
            if len(items) == 1:
                return [error]
            return [result for item in items for result in self._score_safely([item])]

    def _is_running(self, video_id: str) -> bool:
        return any(key is not None and key[0] == video_id for running in self._running for key in running.keys)

    def _collect(self, num_left: int, *, video_id: str | None = None) -> None:
        """Takes in the batches that are done, and waits until at most `num_left` are not, or none of a video."""
        while self._running:
            must_wait = len(self._running) > num_left or (video_id is not None and self._is_running(video_id))
            if not must_wait and not self._running[0].future.done():
                return
            if must_wait and self.executor:
                self.executor.was_awaited = True
            running = self._running.popleft()
            for key, result in zip(running.keys, running.future.result(), strict=True):
                if key is not None:
                    self._take_in(*key, result)

    def _take_in(self, video_id: str, frame_index: int, result: "Result | Exception") -> None:
        message = None
        if isinstance(result, Exception):
            self._raised[video_id].append(as_thumb_assets_error(result, f"{video_id}: frame {frame_index}"))
            message = f"{type(result).__name__}: {next(iter(str(result).splitlines()), '')}"
        value = None if isinstance(result, Exception) else result
        try:
            self._rows[video_id][frame_index] = self.to_rows(video_id, frame_index, value, message)
        except ThumbAssetsError as error:
            self._errors[video_id] = error

    def take(self, video_id: str, wanted: Sequence[int] | None, frames: pa.Table, *, num_others: int = 0) -> list[Row]:
        """The rows of a video, which are then forgotten; waits for what is not scored yet.

        Args:
            wanted: frame indices whose rows are kept; None keeps all.
            frames: the video's `frames` table.
            num_others: frames of the video that were scored before: then the model did not fail on every frame.

        Raises:
            ThumbAssetsError: a frame failed whose table has no column to say so, the model failed on every frame or
                for want of memory, or a wanted frame never came: the rows are not to be taken for all.
        """
        if self.has_pending(video_id):
            self.flush()
            self._collect(_MAX_RUNNING_BATCHES, video_id=video_id)
        raised = self._raised.pop(video_id, [])
        transient = next((error for error in raised if not error.is_permanent), None)
        if transient or (raised and len(raised) == num_others + len(self._rows.get(video_id, {}))):
            self.forget(video_id)
            raise transient or raised[0]
        if video_id in self._errors:
            error = self._errors[video_id]
            self.forget(video_id)
            raise error
        scored = self._rows.pop(video_id, {})
        for index, first in self._repeats.pop(video_id, {}).items():
            if first in scored:
                scored[index] = [{**row, "frame_index": index} for row in scored[first]]
        self._first_shown.pop(video_id, None)
        if missing := set(wanted or ()) - scored.keys():
            how_many = f"{len(missing)} of {len(wanted or ())} candidate frames"
            raise ThumbAssetsError(f"{video_id}: {how_many} never came to stage {self.stage}; run it with --recompute")
        indices = sorted(scored) if wanted is None else [index for index in wanted if index in scored]
        return self.complete([row for index in indices for row in scored[index]], frames)

    def forget(self, video_id: str) -> None:
        """Drops everything of a video that failed."""
        self._pending = [pending for pending in self._pending if pending[0] != video_id]
        for running in self._running:
            running.keys = [key if key is not None and key[0] != video_id else None for key in running.keys]
        for kept in (self._rows, self._errors, self._raised, self._first_shown, self._repeats):
            kept.pop(video_id, None)


@dataclass
class _Running(Generic[Result]):
    """A batch under way: whose frames they are (None once nobody wants the answer), and what comes of it."""

    keys: list[tuple[str, int] | None]
    future: "Future[list[Result | Exception]]"


class ModelThread(ThreadPoolExecutor):
    """The thread in which models work while frames go on arriving; one, so that models do not compete.

    Attributes:
        was_awaited: whether somebody had to wait for it since its last batch began: then the cores are its own.
    """

    def __init__(self) -> None:
        super().__init__(1, thread_name_prefix="thumb-assets-models")
        self.was_awaited = False


def _submitted(executor: ModelThread | None, call: Callable[[], Any]) -> "Future[Any]":
    if executor is not None:
        return executor.submit(call)
    done: Future[Any] = Future()
    done.set_result(call())
    return done
