"""The stages that score single frames, behind one interface: take frames, batch them across videos, give rows."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import pyarrow as pa

from thumb_assets.appearance import COLOUR_HEIGHT, measure_appearance
from thumb_assets.candidates import seconds_stood_for
from thumb_assets.clip import load_clip_scorer
from thumb_assets.errors import ModelUnavailableError, ThumbAssetsError, as_thumb_assets_error
from thumb_assets.faces import load_face_detector, scale_boxes
from thumb_assets.inference import use_cores
from thumb_assets.iqa import IqaScore, load_iqa_scorer
from thumb_assets.settings import Settings
from thumb_assets.sharpness import (
    EVAL_HEIGHT,
    LumaMeasures,
    box_laplacian_variance,
    measure_luma,
    percentile_in_video,
    tenengrad,
)
from thumb_assets.tables import TABLES, table_from_rows
from thumb_assets.video import Frame
from thumb_assets.weights import check_licences
from thumb_assets.writing import passing_shares

# Batches of a scorer that may wait or be worked on while frames go on arriving; one more and the decoder waits.
_MAX_RUNNING_BATCHES = 2

Row = dict[str, Any]
Item = TypeVar("Item")
Result = TypeVar("Result")


def _unchanged(rows: list[Row], _frames: pa.Table) -> list[Row]:
    return rows


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
    render: Callable[[Frame], Item]
    score: Callable[[Sequence[Item]], Sequence[Result]]
    to_rows: Callable[[str, int, Result | None, str | None], list[Row]]
    batch_size: int = 1
    scope: Literal["candidates", "every_frame"] = "candidates"
    complete: Callable[[list[Row], pa.Table], list[Row]] = _unchanged
    footer: dict[str, str] = field(default_factory=dict)
    executor: "ModelThread | None" = None
    rescore: Callable[[pa.Table], pa.Table] | None = None
    _pending: list[tuple[str, int, Item]] = field(default_factory=list)
    _running: deque["_Running[Result]"] = field(default_factory=deque)
    _rows: dict[str, dict[int, list[Row]]] = field(default_factory=lambda: defaultdict(dict))
    _errors: dict[str, ThumbAssetsError] = field(default_factory=dict)
    _raised: dict[str, list[ThumbAssetsError]] = field(default_factory=lambda: defaultdict(list))

    def add(self, video_id: str, frame: Frame) -> None:
        """Takes a frame; a full batch is scored."""
        self._pending.append((video_id, frame.frame_index, self.render(frame)))
        if len(self._pending) >= self.batch_size:
            self.flush()

    def has_pending(self, video_id: str) -> bool:
        """Whether a frame of this video still waits for its batch to fill, or for its score."""
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

    def take(self, video_id: str, wanted: Sequence[int] | None, frames: pa.Table) -> list[Row]:
        """The rows of a video, which are then forgotten; waits for what is not scored yet.

        Args:
            wanted: frame indices whose rows are kept; None keeps all.
            frames: the video's `frames` table.

        Raises:
            ThumbAssetsError: a frame failed whose table has no column to say so, the model failed on every frame or
                for want of memory, or a wanted frame never came: the rows are not to be taken for all.
        """
        if self.has_pending(video_id):
            self.flush()
            self._collect(_MAX_RUNNING_BATCHES, video_id=video_id)
        raised = self._raised.pop(video_id, [])
        transient = next((error for error in raised if not error.is_permanent), None)
        if transient or (raised and len(raised) == len(self._rows.get(video_id, {}))):
            self.forget(video_id)
            raise transient or raised[0]
        if video_id in self._errors:
            self._rows.pop(video_id, None)
            raise self._errors.pop(video_id)
        scored = self._rows.pop(video_id, {})
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
        self._rows.pop(video_id, None)
        self._errors.pop(video_id, None)
        self._raised.pop(video_id, None)


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


def on_unavailable(stage: str, settings: Settings) -> str:
    """What a scorer's settings say is to be done where its model cannot be had: `skip` or `error`."""
    return {
        "faces": settings.faces.on_unavailable,
        "clip_scores": settings.clip.on_unavailable,
        "iqa_scores": settings.iqa.on_unavailable,
    }.get(stage, "error")


def build_scorer(stage: str, settings: Settings, executor: "ModelThread | None" = None) -> "FrameScorer[Any, Any]":
    """The scorer of a stage; loads its model, once per process.

    Args:
        executor: where models work while frames go on arriving.

    Raises:
        ModelUnavailableError: the weights or the package cannot be had here, `models.licence` refuses the model, or
            the setting turns the stage off.
    """
    check_licences(stage, settings)
    builders: dict[str, Callable[[Settings], FrameScorer[Any, Any]]] = {
        "sharpness": _sharpness_scorer,
        "appearance": _appearance_scorer,
        "faces": _face_scorer,
        "clip_scores": _clip_scorer,
        "iqa_scores": _iqa_scorer,
    }
    scorer = builders[stage](settings)
    if stage != "sharpness":  # its luma lies ready: measuring costs less than handing it over
        scorer.executor = executor
    return scorer


def _sharpness_scorer(_settings: Settings) -> "FrameScorer[Any, Any]":
    def score(lumas: Sequence[Any]) -> list[tuple[LumaMeasures, float]]:
        return [(measure_luma(luma), tenengrad(luma)) for luma in lumas]

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        measures, gradient = result or (None, None)
        return [
            {
                "video_id": video_id,
                "frame_index": frame_index,
                "laplacian_variance": measures and measures.laplacian_variance,
                "tenengrad": gradient,
                "luma_mean": measures and measures.luma_mean,
                "luma_std": measures and measures.luma_std,
                "eval_height": measures.eval_height if measures else EVAL_HEIGHT,
                "percentile_in_video": None,
                "error": error,
            }
        ]

    def complete(rows: list[Row], frames: pa.Table) -> list[Row]:
        values = np.sort(frames.column("laplacian_variance").drop_null().to_numpy())
        for row in rows:
            if len(values) and row["laplacian_variance"] is not None:
                row["percentile_in_video"] = percentile_in_video(row["laplacian_variance"], values)
        return rows

    return FrameScorer("sharpness", lambda frame: frame.luma(EVAL_HEIGHT), score, to_rows, complete=complete)


# Goes with a row of `appearance` until all of the video are there.
_WRITING = "writing"


def _appearance_scorer(_settings: Settings) -> "FrameScorer[Any, Any]":
    names = [column.name for column in TABLES["appearance"].columns if column.name not in {*TABLES["appearance"].key}]

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        values = {name: getattr(result, name, None) for name in names} | {"error": error}
        return [{"video_id": video_id, "frame_index": frame_index, **values, _WRITING: getattr(result, _WRITING, None)}]

    def complete(rows: list[Row], frames: pa.Table) -> list[Row]:
        writings = [row.pop(_WRITING) for row in rows]
        known = [row for row, writing in zip(rows, writings, strict=True) if writing is not None]
        seconds = frames.column("pts_seconds").to_numpy()
        own_seconds = seconds_stood_for(seconds, [row["frame_index"] for row in known])
        shares = passing_shares([writing for writing in writings if writing is not None], own_seconds)
        for row, share in zip(known, shares, strict=True):
            row["text_share"] = share
        return rows

    return FrameScorer(
        "appearance",
        lambda frame: (frame.luma(EVAL_HEIGHT), frame.rgb(COLOUR_HEIGHT)),
        lambda pictures: [measure_appearance(luma, rgb) for luma, rgb in pictures],
        to_rows,
        complete=complete,
    )


def _face_scorer(settings: Settings) -> "FrameScorer[Any, Any]":
    detector = load_face_detector(settings.faces)
    if detector is None:
        raise ModelUnavailableError("faces are not looked for: set faces.detector=yunet to find them")

    def render(frame: Frame) -> tuple[Any, float]:
        rgb = frame.rgb(settings.faces.working_height)
        return rgb, frame.geometry.display_size[0] / rgb.shape[1]

    def score(items: Sequence[Any]) -> list[Any]:
        found = []
        for rgb, factor in items:
            boxes = detector.detect(rgb)
            variances = [box_laplacian_variance(rgb, (box.x, box.y, box.width, box.height)) for box in boxes]
            found.append(list(zip(scale_boxes(boxes, factor), variances, strict=True)))
        return found

    def to_rows(video_id: str, frame_index: int, faces: Any, error: str | None) -> list[Row]:
        if error is not None:  # the table has no error column: a frame without a verdict must not look like one
            raise ThumbAssetsError(f"{video_id}: frame {frame_index}: the face detector failed: {error}")
        return [
            {
                "video_id": video_id,
                "frame_index": frame_index,
                "face_index": face_index,
                "x": box.x,
                "y": box.y,
                "width": box.width,
                "height": box.height,
                "confidence": box.confidence,
                "laplacian_variance": variance,
                "frontality": box.frontality,
                "detector": detector.name,
            }
            for face_index, (box, variance) in enumerate(faces)
        ]

    return FrameScorer("faces", render, score, to_rows, footer={"model_sha256": detector.model_sha256})


def _clip_scorer(settings: Settings) -> "FrameScorer[Any, Any]":
    scorer = load_clip_scorer(settings.clip)

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        return [
            {
                "video_id": video_id,
                "frame_index": frame_index,
                "positive_similarity": result and result.positive_similarity,
                "negative_similarity": result and result.negative_similarity,
                "clip_score": result and result.clip_score,
                "title_card_similarity": result and result.title_card_similarity,
                "embedding": None if result is None else result.embedding,
                "error": error,
            }
        ]

    def rescore(stored: pa.Table) -> pa.Table:
        keys = stored.select(["video_id", "frame_index", "error"]).to_pylist()
        embeddings = stored.column("embedding").to_pylist()
        vectors = np.array([embedding for embedding in embeddings if embedding is not None], dtype=np.float16)
        scores = iter(scorer.score_embeddings(vectors) if len(vectors) else ())
        rows = []
        for key, embedding in zip(keys, embeddings, strict=True):
            score = None if embedding is None else next(scores)
            rows += to_rows(key["video_id"], key["frame_index"], score, key["error"])
        return table_from_rows("clip_scores", rows)

    return FrameScorer(
        "clip_scores",
        lambda frame: frame.rgb(scorer.short_side),
        scorer.score,
        to_rows,
        batch_size=settings.clip.batch_size,
        footer=scorer.footer,
        rescore=rescore,
    )


def _iqa_scorer(settings: Settings) -> "FrameScorer[Any, Any]":
    scorer = load_iqa_scorer(settings.iqa)

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        scores = result or [IqaScore(metric, None, error) for metric in settings.iqa.metrics]
        return [{"video_id": video_id, "frame_index": frame_index, **asdict(score)} for score in scores]

    return FrameScorer(
        "iqa_scores",
        lambda frame: frame.rgb(settings.iqa.working_height),
        scorer.score,
        to_rows,
        batch_size=settings.iqa.batch_size,
        scope=settings.iqa.scope,
        footer=scorer.footer,
    )
