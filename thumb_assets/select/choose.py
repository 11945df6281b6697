"""The choice: judge, score, diversify, of one video or of many; of one video with tables around it."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.inference import one_thread
from thumb_assets.select.components import COMPONENTS
from thumb_assets.select.diversify import Notes, diversify, left_out
from thumb_assets.select.guidance import NO_GUIDANCE, Guidance
from thumb_assets.select.keyframes import choose_keyframes
from thumb_assets.select.measure import (
    COVER,
    FACE_VALUES,
    CandidateArrays,
    ScoreTables,
    arrays_from_tables,
    require_video,
)
from thumb_assets.select.ranks import groups_of, order_in_groups
from thumb_assets.select.reasons import selection_reason
from thumb_assets.select.rules import DOUBTFUL, LOOKS, RULES, Rejection
from thumb_assets.select.score import Scores, score_candidates, used_components
from thumb_assets.select.screens import choose_states
from thumb_assets.select.similarity import Field, fields_of
from thumb_assets.select.spoilers import told_cost
from thumb_assets.select.states import states_of_video
from thumb_assets.select.takes import groups_of_takes
from thumb_assets.select.traits import TRAIT_SOURCES, traits_of, words_of_traits
from thumb_assets.select.variants import choose_variants
from thumb_assets.select.verdicts import NO_RULE, Verdicts, judge
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.tables.conform import conform, empty_table, table_from_rows

# What no rule looks at: it is held against this instead.
_NOT_JUDGED = {name: getattr(SelectionSettings(), name) for name in ("weights", "top_k", "looking_for", "avoid")}


@dataclass(frozen=True)
class Choice:
    """The tables of one video's choice; each candidate is in exactly one of the two.

    Attributes:
        selections: table `selections`.
        rejections: table `rejections`.
        components: names of the components that were used, and `faces`.
        doubtful: frame_index of the candidates that break a rule of degree beyond its share, ascending.
        note: what `selection.spoiler_safe` costs, where it is on.
    """

    selections: pa.Table
    rejections: pa.Table
    components: tuple[str, ...]
    doubtful: tuple[int, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Picks:
    """The fate of every candidate of V videos, N in all; a position counts through all of them.

    Attributes:
        scores: components and combined scores.
        verdicts: which reject rules each breaks, and what follows.
        order: (N,) int64 positions, video by video, best first; those that may not be chosen among them.
        floors: by video the score that a selection needs.
        chosen: by video the chosen positions, best first; the cover that people chose before all others.
        noted: by video the field it was chosen from and the chooser's notes; empty where none were asked for.
    """

    scores: Scores
    verdicts: Verdicts
    order: NDArray[np.int64]
    floors: NDArray[np.float64]
    chosen: tuple[list[int], ...]
    noted: tuple[tuple[Field, Notes], ...] = ()


def choose(
    candidates: pa.Table, scores: ScoreTables, *, settings: SelectionSettings, guidance: Guidance = NO_GUIDANCE
) -> Choice:
    """The few frames of one video worth keeping, and why each of the others is not among them.

    A scorer that is absent, or failed on a frame, is neutral: it is left out and the other weights count for more. The
    order of rows changes nothing. A video with a candidate has a selection, unless people exclude all of them or none
    shows anything (`selection.keep_least_bad`): where every candidate breaks a reject rule, the least bad are taken.

    Args:
        candidates: table `candidate_frames` of one video.
        scores: what is known of them.
        settings: weights, thresholds, numbers.
        guidance: see `Guidance`.

    Raises:
        ContractError: `candidates` breaks its contract, a key repeats, a row belongs to another video, or the
            direction of a metric is not known.
        ValueError: there are faces and no frame size.
    """
    candidates = conform("candidate_frames", candidates)
    if not candidates.num_rows:
        return Choice(empty_table("selections"), empty_table("rejections"), ())
    video_id = candidates.column("video_id")[0].as_py()
    for name, table in {"candidate_frames": candidates, **scores.tables()}.items():
        require_video(table, name, video_id=video_id)
    measured = arrays_from_tables(candidates, scores)
    picks = pick(measured, settings=settings, guidance=guidance, is_noted=True)
    rejections = _rejections(picks, settings)
    keys = candidates.select(["video_id", "frame_index"]).take(pa.array(rejections, pa.int64())).to_pylist()
    rows = [{**key, **vars(rejection)} for key, rejection in zip(keys, rejections.values(), strict=True)]
    return Choice(
        _selections(candidates, measured, picks=picks, settings=settings, guidance=guidance),
        table_from_rows("rejections", rows),
        used_components(picks.scores, has_faces=scores.faces is not None, settings=settings),
        tuple(measured.frame_indices[picks.verdicts.tiers == DOUBTFUL].tolist()),
        _cost_of_safety(measured, picks, settings=settings, guidance=guidance) if settings.spoiler_safe else None,
    )


def _cost_of_safety(measured: CandidateArrays, picks: Picks, *, settings: SelectionSettings, guidance: Guidance) -> str:
    """Says how many candidates of one video are no longer there to choose from, and how well it is covered without."""
    free = pick(measured, settings=settings.model_copy(update={"spoiler_safe": False}), guidance=guidance)
    is_lost = free.verdicts.is_taken & ~picks.verdicts.is_taken
    return told_cost(
        measured, num_lost=int(is_lost.sum()), safe=picks.chosen[0], free=free.chosen[0], settings=settings
    )


def pick(
    measured: CandidateArrays,
    *,
    settings: SelectionSettings,
    guidance: Guidance = NO_GUIDANCE,
    is_noted: bool = False,
) -> Picks:
    """Chooses from the candidates of each video; no video has a say in another's.

    What people pinned or made the cover is chosen whatever it is. If it would be chosen anyway, the others stay.

    Args:
        measured: one video or many.
        settings: weights, thresholds, numbers, the strategy.
        guidance: what is looked for, the learned scorer, the library's distributions.
        is_noted: keep notes on the candidates that are left out; it takes longer.

    Raises:
        ThumbAssetsError: words are asked for that nothing of a video can be held against, see `Guidance`.
    """
    guidance.require_matched(measured)
    scores = score_candidates(measured, settings=settings, guidance=guidance)
    forced = np.zeros(len(measured.frame_indices), dtype=np.bool_)
    while True:
        picks = _picked(measured, scores, forced=forced, settings=settings, guidance=guidance, is_noted=is_noted)
        # A decision for a frame that is chosen anyway must not exchange the others: only what is missing is forced.
        missing = measured.is_pinned.copy()
        missing[[position for chosen in picks.chosen for position in chosen]] = False
        if not missing.any():
            break
        forced |= missing
    is_cover = measured["decision"] == COVER
    chosen = tuple(sorted(positions, key=lambda position: not is_cover[position]) for positions in picks.chosen)
    return replace(picks, chosen=chosen)


def _picked(
    measured: CandidateArrays,
    scores: Scores,
    *,
    forced: NDArray[np.bool_],
    settings: SelectionSettings,
    guidance: Guidance,
    is_noted: bool,
) -> Picks:
    """The same with these (N,) pinned candidates forced, and the cover not before the others."""
    is_pinned, measured = measured.is_pinned, measured.forcing(forced)
    videos = groups_of(measured.offsets)
    verdicts = _judged(measured, settings=settings, guidance=guidance)
    order = order_in_groups(scores.combined, offsets=measured.offsets)
    floors = _floors(measured, videos, scores=scores, verdicts=verdicts, settings=settings)
    has_score = np.zeros(len(videos), dtype=np.bool_)  # what is not measured is neutral
    for percentiles in scores.percentiles.values():
        has_score |= ~np.isnan(percentiles)
    is_far = (scores.combined < floors[videos]) & has_score & ~measured.is_pinned
    if settings.distinct_shots and settings.strategy == "best":  # the best of a take is no outlier of it
        takes = groups_of_takes(measured, settings=settings)
        is_far &= ~_is_best_of(takes, scores=scores, verdicts=verdicts)
    chosen, noted = [], []
    own, offsets, num_usable = _choosable(measured, verdicts, order, is_far=is_far)
    fields = fields_of(measured, own, offsets=offsets, combined=scores.combined, num_usable=num_usable)
    # A recording of screens, of which a state may be chosen.
    of_states = set(videos[own[scores.is_screen[own] & ~np.isnan(measured["state_seconds"][own])]].tolist())
    with one_thread():
        for video, field in enumerate(fields):
            at = field.positions + measured.offsets[video]
            notes = Notes(field, settings, np.flatnonzero(is_pinned[at])) if is_noted else None
            if video in of_states:
                places = choose_states(field, states_of_video(measured, video), settings=settings, notes=notes)
            elif settings.strategy == "keyframes" and len(field.positions):
                places = choose_keyframes(field, settings=settings, notes=notes)
            elif settings.strategy == "variants" and len(field.positions):
                traits = traits_of(measured, settings=settings)[at]
                places = choose_variants(field, traits, settings=settings, notes=notes)
            else:
                places = diversify(field, settings=settings, notes=notes)
            chosen.append(at[places].tolist())
            if notes is not None:
                noted.append((field, notes))
    return Picks(scores, verdicts, order, floors, tuple(chosen), tuple(noted))


def _judged(measured: CandidateArrays, *, settings: SelectionSettings, guidance: Guidance) -> Verdicts:
    """The verdicts; remembered, since neither weights nor numbers have a say in them."""
    own = settings.model_copy(update=_NOT_JUDGED)
    has_avoided = guidance.avoid is not None or "avoid" in guidance.words

    def make() -> Verdicts:
        said = guidance.said(measured, "avoid") if "avoid" in guidance.words else None
        return judge(measured, settings=own, avoided=guidance.avoided(measured), said=said)

    return measured.once("verdicts", (own, guidance if has_avoided else None), make)


def _is_best_of(takes: NDArray[np.unsignedinteger], *, scores: Scores, verdicts: Verdicts) -> NDArray[np.bool_]:
    """Marks the best of those of each take that may be chosen."""
    own = np.where(verdicts.is_taken & (verdicts.tiers != DOUBTFUL), scores.combined, -np.inf)
    best = np.full(int(takes[-1]) + 1 if len(takes) else 0, -np.inf)
    np.maximum.at(best, takes, own)
    return np.asarray((own == best[takes]) & np.isfinite(own))


def _floors(
    measured: CandidateArrays,
    videos: NDArray[np.unsignedinteger],
    *,
    scores: Scores,
    verdicts: Verdicts,
    settings: SelectionSettings,
) -> NDArray[np.float64]:
    """By video the least score of a selection; 0 with the strategy `keyframes`, which shows all that there is.

    In a single take all good frames are alike, so what is most different is what is worst. Not so in a recording of
    screens, where the score is the time that one is shown: 0 there too.
    """
    best = np.zeros(len(measured.video_ids))
    if settings.floor is None:
        return best
    # What people pinned says nothing of how good a candidate has to be.
    counts = verdicts.is_taken & (verdicts.tiers != DOUBTFUL) & ~measured.is_pinned & ~scores.is_screen
    np.maximum.at(best, videos[counts], scores.combined[counts])
    return np.asarray(getattr(settings, settings.floor) * best)


def _choosable(
    measured: CandidateArrays, verdicts: Verdicts, order: NDArray[np.int64], *, is_far: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The candidates that may be chosen, best first in each video, the doubtful ones last unless all are doubtful.

    Args:
        order: (N,) positions, video by video, best first.
        is_far: (N,) marks those that are too far below the best.

    Returns:
        (M,) their positions; (V + 1,) where each video's begin, and M; (V,) how many of each are not doubtful.
    """
    num_videos = len(measured.video_ids)
    own = order[(verdicts.is_taken & ~is_far)[order]]
    of_video, is_doubtful = groups_of(measured.offsets)[own], verdicts.tiers[own] == DOUBTFUL
    sizes = np.bincount(of_video, minlength=num_videos)
    num_doubtful = np.bincount(of_video[is_doubtful], minlength=num_videos)
    num_doubtful[num_doubtful == sizes] = 0
    is_last = is_doubtful & (num_doubtful > 0)[of_video]
    if is_last.any():
        own = own[np.lexsort((is_last, of_video))]
    return own, np.concatenate([[0], np.cumsum(sizes)]), sizes - num_doubtful


def _rejections(picks: Picks, settings: SelectionSettings) -> dict[int, Rejection]:
    """Reason for each candidate of one video that was not chosen, by position."""
    ((field, notes),), (chosen,), verdicts = picks.noted, picks.chosen, picks.verdicts
    floor = float(picks.floors[0])
    rejections = {
        position: verdicts.rules[rule].rejection(position)
        for position, rule in enumerate(verdicts.first_broken.tolist())
        if rule != NO_RULE and position not in chosen
    }
    positions = field.positions.tolist()
    is_known = np.zeros(len(picks.order), dtype=np.bool_)
    is_known[[*rejections, *positions]] = True
    far_below = {
        position: left_out("far_below_best", str(settings.floor), float(picks.scores.combined[position]), floor)
        for position in np.flatnonzero(~is_known).tolist()
    }
    others = [place for place, at in enumerate(positions) if at not in rejections and at not in chosen]
    return rejections | far_below | {positions[place]: each for place, each in notes.rejections(others).items()}


def _selections(
    candidates: pa.Table,
    measured: CandidateArrays,
    *,
    picks: Picks,
    settings: SelectionSettings,
    guidance: Guidance,
) -> pa.Table:
    (chosen,), ((field, notes),) = picks.chosen, picks.noted
    (has_faces,) = measured.has_faces.tolist()
    scores = picks.scores
    places = _places_in_shots(picks.order, measured.shot_indices)
    segments = {int(field.positions[place]): segment for place, (segment, _, _) in notes.segments.items()}
    sizes = Counter(measured.shot_indices.tolist())
    used = used_components(scores, has_faces=False, settings=settings) or ("sharpness",)
    traits = traits_of(measured, settings=settings) if settings.strategy == "variants" else None
    rows: list[dict[str, Any]] = []
    chosen_rows = candidates.take(pa.array(chosen, pa.int64())).to_pylist()
    for rank, (position, row) in enumerate(zip(chosen, chosen_rows, strict=True), start=1):
        for name in ("sampling_methods", "state_start_frame_index", "state_exclusive_end_frame_index"):
            del row[name]
        percentiles = {each.name: _or_none(scores.percentiles[each.name][position]) for each in COMPONENTS}
        bonus = float(scores.face_bonus[position]) if has_faces else None
        broken_rule = int(picks.verdicts.first_broken[position])
        named = None if traits is None else words_of_traits(traits[position]) or None
        reason = selection_reason(
            {name: percentiles[name] for name in used},
            rank=rank,
            num_selections=len(chosen),
            num_asked=settings.top_k if settings.strategy != "keyframes" and settings.top_k != "auto" else None,
            face_bonus=bonus,
            shot_index=row["shot_index"],
            place_in_shot=places[position],
            num_in_shot=sizes[row["shot_index"]],
            said=guidance.quoted(measured, position) if percentiles["words"] else None,
            traits=named,
            broken_rule=None if broken_rule == NO_RULE else picks.verdicts.rules[broken_rule].reason,
            is_pinned=bool(measured.is_pinned[position]),
            is_cover=bool(measured["decision"][position] == COVER),
        )
        row |= {f"{name}_percentile": value for name, value in percentiles.items()}
        row |= {"rank": rank, "combined_score": float(scores.combined[position]), "face_bonus": bonus}
        rows.append({**row, "cluster_index": segments.get(position), "traits": named, "reason": reason})
    return table_from_rows("selections", rows)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _places_in_shots(order: NDArray[np.int64], shot_indices: NDArray[np.int64]) -> dict[int, int]:
    """Position -> place by score among all candidates of its shot, 1 for the best; of one video, best first."""
    seen: dict[int, int] = {}
    places = {}
    for position in order.tolist():
        shot_index = int(shot_indices[position])
        seen[shot_index] = seen.get(shot_index, 0) + 1
        places[position] = seen[shot_index]
    return places


def sources_of_selections() -> dict[str, tuple[str, ...]]:
    """By column of the table `selections` that is made of others: these, as `table.column`."""
    of_faces = tuple(f"faces.{name}" for name in FACE_VALUES)
    of_scores = {component.column: component.sources for component in COMPONENTS} | {"face_bonus": of_faces}
    of_score = tuple(dict.fromkeys(source for sources in of_scores.values() for source in sources))
    of_rules = [source for rule in RULES for source in rule.sources]
    return {
        **{name: (f"candidate_frames.{name}",) for name in ("frame_index", "pts", "pts_seconds", "shot_index")},
        **of_scores,
        "combined_score": of_score,
        "rank": tuple(dict.fromkeys((*of_score, *of_rules))),
        "cluster_index": LOOKS[:2],
        "traits": TRAIT_SOURCES,
    }
