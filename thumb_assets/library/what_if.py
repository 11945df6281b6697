"""Selections under other settings, from what is stored: nothing is decoded and no picture is scored."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.clip.scorer import Prompts, clip_scores_from_embeddings, greatest_similarity, load_clip_scorer
from thumb_assets.errors import MissingInputError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.pipeline.guidance import Guides, guides_sha256, require_known_words, require_same_model
from thumb_assets.pipeline.isolate import run_isolated
from thumb_assets.pipeline.remembered import Asked
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.stages import default_stages, nothing_to_read
from thumb_assets.select.choose import pick
from thumb_assets.select.guidance import Guidance
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.ranks import groups_of
from thumb_assets.select.rules import required_tables
from thumb_assets.settings.load import Settings
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.settings.stages import PROMPT_FIELDS
from thumb_assets.stages import STAGES, check_licences
from thumb_assets.store.candidate_cache import StoredCandidates
from thumb_assets.store.kept_candidates import KeptCandidates
from thumb_assets.store.parquet import TableStore

# What prompts decide of a candidate, in the order of `NewPrompts.scores`.
_OF_PROMPTS = ("positive_similarity", "clip_score", "title_card_similarity")
# Embeddings turned to float64 at a time: few enough to stay in the processor's cache.
_ROWS_PER_BLOCK = 256


@dataclass(frozen=True)
class NewPrompts:
    """Prompts as a model sees them.

    Attributes:
        prompts: their embeddings.
        footer: model_name, pretrained and prompts_sha256, as table `clip_scores` has them.
    """

    prompts: Prompts
    footer: Mapping[str, str]

    def are_theirs(self, footer: Mapping[str, str]) -> bool:
        """True when scores with that footer are of these prompts already."""
        return all(footer.get(key) == self.footer[key] for key in ("model_name", "pretrained", "prompts_sha256"))

    def scores(self, embeddings: NDArray[np.float16]) -> NDArray[np.float64]:
        """Computes the columns that depend on the prompts, of (N, D) embeddings: (N, 3), NaN where they are.

        The columns are positive_similarity, clip_score and title_card_similarity.
        """
        scores = np.empty((len(embeddings), 3))
        for start in range(0, len(embeddings), _ROWS_PER_BLOCK):
            block, rows = embeddings[start : start + _ROWS_PER_BLOCK], scores[start : start + _ROWS_PER_BLOCK]
            rows[:, 0], _, rows[:, 1] = clip_scores_from_embeddings(
                block, positive=self.prompts.positive, negative=self.prompts.negative
            )
            rows[:, 2] = greatest_similarity(block, self.prompts.title_card)
        return scores


@dataclass(frozen=True)
class VideoChange:
    """A video's selections now and then: (frame_index, seconds), best first."""

    video_id: str
    now: tuple[tuple[int, float], ...]
    then: tuple[tuple[int, float], ...]

    @property
    def is_change(self) -> bool:
        """True when other frames would be selected, or the same in another order."""
        return [frame for frame, _ in self.now] != [frame for frame, _ in self.then]


@dataclass(frozen=True)
class WhatIf:
    """The selections under other settings.

    Attributes:
        videos: those that were selected anew, ascending by id.
        rescored: those of them whose clip_score was computed from their embeddings and new prompts.
        missing: the stage to run first, by video that could not be.
        errors: why a video's tables cannot be read, one line, by video.
        table: a row per frame that is selected now or then: video_id, frame_index, pts_seconds, rank_now and rank_then
            (null where it is not selected), combined_score_then.
        num_judged: videos with a judge's scores, which are of the candidates that were best when it was asked.
        in_work: those of `missing` that a run works on now.
        in_vain: those of `missing` whose stage failed or was skipped.
    """

    videos: tuple[VideoChange, ...]
    rescored: frozenset[str]
    missing: Mapping[str, str]
    errors: Mapping[str, str]
    table: pa.Table
    num_judged: int = 0
    in_work: frozenset[str] = frozenset()
    in_vain: frozenset[str] = frozenset()

    @property
    def reasons_left_out(self) -> Mapping[str, list[str]]:
        """The videos of `missing`, ascending, by why they are."""
        by_reason: dict[str, list[str]] = defaultdict(list)
        for video_id, stage in sorted(self.missing.items()):
            if video_id in self.in_work:
                reason = "worked on now; it comes when that is done"
            elif video_id in self.in_vain:
                reason = f"the stage {stage} made nothing; `thumb-assets show VIDEO_ID` says why"
            else:
                reason = f"run the stage {stage} first"
            by_reason[reason].append(video_id)
        return by_reason

    @property
    def changes(self) -> tuple[VideoChange, ...]:
        """The videos that would change."""
        return tuple(video for video in self.videos if video.is_change)


def has_new_prompts(settings: Settings) -> bool:
    """True when the settings were given prompts; those that are only defaults change no stored score."""
    return bool(settings.clip.model_fields_set & set(PROMPT_FIELDS))


def load_prompts(settings: Settings) -> NewPrompts:
    """The prompts of the settings, by the text encoder of their model.

    Raises:
        ModelUnavailableError: the model cannot be had here, or `models.licence` refuses it.
        SettingsError: there is no such model.
    """
    check_licences("clip_scores", settings)
    scorer = load_clip_scorer(settings.clip)
    return NewPrompts(scorer.prompts, scorer.footer)


def what_if(
    store: TableStore,
    settings: Settings,
    *,
    video_ids: Iterable[str] | None = None,
    prompts: NewPrompts | None = None,
    kept: KeptCandidates | None = None,
    events: Events = UNWATCHED,
) -> WhatIf:
    """Finds what the stage `selections` would choose with these settings, beside what is stored.

    Args:
        store: the tables; nothing in them is changed.
        settings: `selection` is used; of `clip` only what went into `prompts`.
        video_ids: None for all videos that have tables.
        prompts: clip_score is computed from the stored embeddings and these; None keeps the stored scores.
        kept: where the candidates stay in memory, for one who asks again and again.
        events: see `CandidateCache`; notes on what guides the choice.

    Raises:
        MissingInputError: no video can be selected anew; says which stage to run. Or none has embeddings for `prompts`.
        ModelUnavailableError: words are looked for, and their model cannot be had here.
        SettingsError: the embeddings are of another model than the prompts, or than words that are looked for; or the
            model does not know one of these words.
        StorageError: the disk does not answer.
        ThumbAssetsError: see `Guides`.
    """
    require_known_words(settings)
    candidates = kept or KeptCandidates(store)
    stored = candidates.candidates(video_ids, required=required_tables(settings.selection), events=events)
    measured = stored.measured
    if measured is None:
        if stored.errors:  # they say it themselves
            return WhatIf((), frozenset(), stored.missing, stored.errors, _table(()))
        if stored.missing and set(stored.missing) <= stored.in_work:
            raise MissingInputError("what is here is worked on now; ask again when that is done")
        raise nothing_to_read("can be selected anew", stored.missing.values())
    rescored: frozenset[str] = frozenset()
    footers = dict(stored.clip_footers)
    if prompts is not None:
        measured, rescored = _rescored(measured, footers, prompts)
        footers |= dict.fromkeys(rescored, prompts.footer)
    picks = _picked(measured, footers, settings, store, events)
    rows = sorted(_compared(measured, picks, stored), key=lambda pair: pair[0].video_id)
    num_judged = len(np.unique(groups_of(measured.offsets)[measured["is_judged"] > 0]))
    changes = tuple(video for video, _ in rows)
    in_work = stored.in_work & set(stored.missing)
    return WhatIf(changes, rescored, stored.missing, stored.errors, _table(rows), num_judged, in_work, stored.in_vain)


def apply_what_if(
    store: TableStore, settings: Settings, result: WhatIf, *, asked: Mapping[str, Asked] | None = None
) -> Iterator[StageResult]:
    """Selects the videos of a result with these settings for good, then makes what follows from selections.

    Where new prompts had a say, the stage `clip_scores` comes first. The stills decode the chosen frames.

    Raises:
        ThumbAssetsError: see `run_isolated`.
    """
    first = list(STAGES).index("selections")
    stages = [stage for stage in default_stages(settings) if list(STAGES).index(stage) >= first]
    rescored = [video.video_id for video in result.videos if video.video_id in result.rescored]
    others = [video.video_id for video in result.videos if video.video_id not in result.rescored]
    yield from run_isolated(rescored, ["clip_scores", *stages], settings, store, asked=asked)
    yield from run_isolated(others, stages, settings, store, asked=asked)


def _rescored(
    measured: CandidateArrays, footers: Mapping[str, Mapping[str, str]], prompts: NewPrompts
) -> tuple[CandidateArrays, frozenset[str]]:
    """The candidates with the scores that these prompts give them, and the videos where those were computed anew."""
    scores = np.stack([measured[name] for name in _OF_PROMPTS], axis=1)
    if not footers:
        raise MissingInputError("no video here has embeddings for new prompts; run the stage `clip_scores` first")
    running = {}
    with ThreadPoolExecutor() as pool:  # numpy computes without holding the interpreter
        for video, video_id in enumerate(measured.video_ids):
            if video_id in footers and not prompts.are_theirs(footers[video_id]):
                require_same_model(video_id, footers[video_id], prompts.footer)
                running[video] = pool.submit(prompts.scores, measured.embeddings[video])
    for video, computed in running.items():
        scores[measured.span(video)] = computed.result()
    values = {**measured.values, **dict(zip(_OF_PROMPTS, scores.T, strict=True))}
    return replace(measured, values=values), frozenset(measured.video_ids[video] for video in running)


# By video the positions of the chosen candidates, best first, and their combined scores.
_Picked = tuple[list[int], list[float]]


def _picked(
    measured: CandidateArrays,
    footers: Mapping[str, Mapping[str, str]],
    settings: Settings,
    store: TableStore,
    events: Events,
) -> list[_Picked]:
    """Chooses from each video; guided as the engine would be, whatever its scores are of."""
    usual = SelectionSettings()
    unweighted = settings.selection.model_copy(update={"weights": usual.weights, "top_k": usual.top_k})
    depends_on = (settings.model_copy(update={"selection": unweighted}), guides_sha256(settings, store))
    guided = measured.once("guidance", depends_on, lambda: _guided(measured, footers, settings, store))
    for note in guided.notes:
        events.note(note)
    picks = {
        kind: pick(measured, settings=settings.selection, guidance=guidance)
        for kind, guidance in guided.by_kind.items()
    }
    return [
        (picks[kind].chosen[video], picks[kind].scores.combined[picks[kind].chosen[video]].tolist())
        for video, kind in enumerate(guided.kinds)
    ]


# All that the guidance of videos can differ in: whether words have a say, and whether the library's scores are of the
# same prompts.
_Kind = tuple[bool, bool]


@dataclass(frozen=True)
class _Guided:
    """The guidance of some videos by its kind, the kind of each video, and notes on damaged files."""

    by_kind: Mapping[_Kind, Guidance]
    kinds: Sequence[_Kind]
    notes: Sequence[str]


def _guided(
    measured: CandidateArrays, footers: Mapping[str, Mapping[str, str]], settings: Settings, store: TableStore
) -> _Guided:
    guides = Guides(settings, store)
    by_kind: dict[_Kind, Guidance] = {}
    kinds = []
    for video_id in measured.video_ids:
        guidance = guides.of_video(video_id, footers.get(video_id))
        kinds.append((video_id in footers, "clip" in guidance.library))
        by_kind[kinds[-1]] = guidance
    return _Guided(by_kind, kinds, guides.notes)


_Compared = tuple[VideoChange, tuple[float, ...]]


def _compared(measured: CandidateArrays, picked: Sequence[_Picked], stored: StoredCandidates) -> Iterator[_Compared]:
    """Each video with the combined scores of what it would select."""
    frame_indices, seconds = measured.frame_indices, measured["pts_seconds"]
    for video_id, (chosen, scores) in zip(measured.video_ids, picked, strict=True):
        selection = stored.selections[video_id]
        now = tuple(zip(selection.frame_indices, selection.pts_seconds, strict=True))
        then = tuple(zip(frame_indices[chosen].tolist(), seconds[chosen].tolist(), strict=True))
        yield VideoChange(video_id, now, then), tuple(scores)


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
