"""What other settings would select, from what is stored: nothing is decoded and no picture is scored."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.clip import clip_scores_from_embeddings, load_clip_scorer
from thumb_assets.errors import MissingInputError, SettingsError
from thumb_assets.pipeline.isolate import run_isolated
from thumb_assets.pipeline.job import StageResult
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.select import Measured, Picks, pick
from thumb_assets.settings import Settings
from thumb_assets.store import CandidateCache, StoredCandidates, TableStore
from thumb_assets.tables import STAGES
from thumb_assets.weights import check_licences

_PROMPT_FIELDS = {"positive_prompts", "negative_prompts"}
# Embeddings turned to float64 at a time: few enough to stay in the processor's cache.
_ROWS_PER_BLOCK = 256


@dataclass(frozen=True)
class Prompts:
    """Prompts as a model sees them.

    Attributes:
        positive, negative: (P, D) and (M, D) float32 of L2 norm 1, P and M 1 or more.
        footer: model_name, pretrained and prompts_sha256, as table `clip_scores` has them.
    """

    positive: NDArray[np.float32]
    negative: NDArray[np.float32]
    footer: Mapping[str, str]

    def is_theirs(self, footer: Mapping[str, str]) -> bool:
        """Whether scores with that footer are of these prompts already."""
        return all(footer.get(key) == self.footer[key] for key in ("model_name", "pretrained", "prompts_sha256"))

    def scores(self, embeddings: NDArray[np.float16]) -> NDArray[np.float64]:
        """clip_score of (N, D) embeddings: (N,), NaN where they are."""
        scores = np.empty(len(embeddings))
        for start in range(0, len(embeddings), _ROWS_PER_BLOCK):
            block = embeddings[start : start + _ROWS_PER_BLOCK]
            *_, scores[start : start + len(block)] = clip_scores_from_embeddings(
                block, positive=self.positive, negative=self.negative
            )
        return scores


@dataclass(frozen=True)
class VideoChange:
    """A video's selections now and then: (frame_index, seconds), best first."""

    video_id: str
    now: tuple[tuple[int, float], ...]
    then: tuple[tuple[int, float], ...]

    @property
    def is_change(self) -> bool:
        """Whether other frames would be selected, or the same in another order."""
        return [frame for frame, _ in self.now] != [frame for frame, _ in self.then]


@dataclass(frozen=True)
class WhatIf:
    """What other settings would select.

    Attributes:
        videos: those that were selected anew, ascending by id.
        rescored: those of them whose clip_score was computed from their embeddings and new prompts.
        missing: the stage to run first, by video that could not be.
        errors: why a video's tables cannot be read, one line, by video.
        table: a row per frame that is selected now or then: video_id, frame_index, pts_seconds, rank_now and rank_then
            (null where it is not selected), combined_score_then.
    """

    videos: tuple[VideoChange, ...]
    rescored: frozenset[str]
    missing: Mapping[str, str]
    errors: Mapping[str, str]
    table: pa.Table

    @property
    def changes(self) -> tuple[VideoChange, ...]:
        """The videos that would change."""
        return tuple(video for video in self.videos if video.is_change)


def has_new_prompts(settings: Settings) -> bool:
    """Whether the settings were given prompts; those that are only defaults change no stored score."""
    return bool(settings.clip.model_fields_set & _PROMPT_FIELDS)


def load_prompts(settings: Settings) -> Prompts:
    """The prompts of the settings, by the text encoder of their model.

    Raises:
        ModelUnavailableError: the model cannot be had here, or `models.licence` refuses it.
        SettingsError: there is no such model.
    """
    check_licences("clip_scores", settings)
    scorer = load_clip_scorer(settings.clip)
    positive, negative = settings.clip.positive_prompts, settings.clip.negative_prompts
    embedded = scorer.encoder.encode_texts([*positive, *negative])
    return Prompts(embedded[: len(positive)], embedded[len(positive) :], scorer.footer)


def what_if(
    store: TableStore,
    settings: Settings,
    *,
    video_ids: Iterable[str] | None = None,
    prompts: Prompts | None = None,
    on_read: Callable[[str], None] | None = None,
) -> WhatIf:
    """What the stage `selections` would choose with these settings, beside what is stored.

    Args:
        store: the tables; nothing in them is changed.
        settings: `selection` is used; of `clip` only what went into `prompts`.
        video_ids: None for all videos that have tables.
        prompts: clip_score is computed from the stored embeddings and these; None keeps the stored scores.
        on_read: see `CandidateCache`.

    Raises:
        MissingInputError: no video can be selected anew; says which stage to run. Or none has embeddings for `prompts`.
        SettingsError: the embeddings are of another model than the prompts.
        StorageError: the disk does not answer.
    """
    cache = CandidateCache(store, video_ids, on_read=on_read)
    stored = cache.candidates()
    measured = stored.measured
    if measured is None:
        if stored.errors:  # they say it themselves
            return WhatIf((), frozenset(), stored.missing, stored.errors, _table(()))
        stage = min(stored.missing.values(), key=STAGES.index, default="selections")
        raise MissingInputError(f"no video here has selections to compare with; run the stage `{stage}` first")
    rescored: frozenset[str] = frozenset()
    if prompts is not None:
        clip_score, rescored = _rescored(measured, cache, prompts)
        measured = replace(measured, clip_score=clip_score)
    picks = pick(measured, settings=settings.selection)
    rows = sorted(_compared(measured, picks, stored), key=lambda pair: pair[0].video_id)
    return WhatIf(tuple(video for video, _ in rows), rescored, stored.missing, stored.errors, _table(rows))


def apply_what_if(store: TableStore, settings: Settings, result: WhatIf) -> Iterator[StageResult]:
    """Selects the videos of a result with these settings for good, then makes what follows from selections.

    Where new prompts had a say, the stage `clip_scores` comes first. The stills decode the chosen frames.

    Raises:
        ThumbAssetsError: see `run_isolated`.
    """
    first = STAGES.index("selections")
    stages = [stage for stage in default_stages(settings) if STAGES.index(stage) >= first]
    rescored = [video.video_id for video in result.videos if video.video_id in result.rescored]
    others = [video.video_id for video in result.videos if video.video_id not in result.rescored]
    yield from run_isolated(rescored, ["clip_scores", *stages], settings, store)
    yield from run_isolated(others, stages, settings, store)


def _rescored(
    measured: Measured, cache: CandidateCache, prompts: Prompts
) -> tuple[NDArray[np.float64], frozenset[str]]:
    """clip_score of every candidate under these prompts, and the videos where it was computed anew."""
    places = {video_id: place for place, video_id in enumerate(measured.video_ids)}
    scores = measured.clip_score.copy()
    has_embeddings, running = False, {}
    with ThreadPoolExecutor() as pool:  # numpy computes without holding the interpreter
        for video_id, embeddings in cache.embeddings():
            if video_id not in places:
                continue
            has_embeddings = True
            if not prompts.is_theirs(embeddings.footer):
                _require_same_model(video_id, embeddings.footer, prompts)
                running[video_id] = pool.submit(prompts.scores, embeddings.values)
    if not has_embeddings:
        raise MissingInputError("no video here has embeddings for new prompts; run the stage `clip_scores` first")
    for video_id, computed in running.items():
        start, end = measured.offsets[places[video_id] :][:2]
        scores[start:end] = computed.result()
    return scores, frozenset(running)


def _require_same_model(video_id: str, footer: Mapping[str, str], prompts: Prompts) -> None:
    stored, asked = (f"{of.get('model_name')} ({of.get('pretrained')})" for of in (footer, prompts.footer))
    if stored != asked:
        raise SettingsError(
            f"{video_id}: its embeddings are of the model {stored}, the prompts of {asked}; set clip.model and "
            "clip.pretrained (or the profile) to the stored one, or run the stage `clip_scores` again"
        )


_Compared = tuple[VideoChange, tuple[float, ...]]


def _compared(measured: Measured, picks: Picks, stored: StoredCandidates) -> Iterator[_Compared]:
    """Each video with the combined scores of what it would select."""
    frame_indices, seconds, scores = measured.frame_indices, measured.pts_seconds, picks.scores.combined
    for video_id, chosen in zip(measured.video_ids, picks.chosen, strict=True):
        selection = stored.selections[video_id]
        now = tuple(zip(selection.frame_indices, selection.pts_seconds, strict=True))
        then = tuple(zip(frame_indices[chosen].tolist(), seconds[chosen].tolist(), strict=True))
        yield VideoChange(video_id, now, then), tuple(scores[chosen].tolist())


def _table(compared: Iterable[_Compared]) -> pa.Table:
    rows = []
    for video, scores in compared:
        ranks_now = {frame: rank for rank, (frame, _) in enumerate(video.now, start=1)}
        ranks_then = {frame: rank for rank, (frame, _) in enumerate(video.then, start=1)}
        for frame, frame_seconds in sorted({*video.now, *video.then}):
            rank = ranks_then.get(frame)
            score = None if rank is None else scores[rank - 1]
            rows.append((video.video_id, frame, frame_seconds, ranks_now.get(frame), rank, score))
    columns = zip(*rows, strict=True) if rows else [()] * len(_SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)


_SCHEMA = pa.schema(
    {
        "video_id": pa.string(),
        "frame_index": pa.int64(),
        "pts_seconds": pa.float64(),
        "rank_now": pa.int64(),
        "rank_then": pa.int64(),
        "combined_score_then": pa.float64(),
    }
)
