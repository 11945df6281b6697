"""The tables of a choice: from those of one video's candidates and scores to its selections and rejections."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from thumb_assets.select.diversify import Field
from thumb_assets.select.explain import places_in_shots, rejections_of, selection_reason
from thumb_assets.select.guidance import NO_GUIDANCE, Guidance
from thumb_assets.select.keyframes import Segments, choose_keyframes
from thumb_assets.select.measure import COVER, CandidateArrays, ScoreTables, arrays_from_tables, require_video
from thumb_assets.select.pick import Picks, field_of, pick
from thumb_assets.select.reject import DOUBTFUL, NO_RULE
from thumb_assets.select.score import COMPONENTS, used_components
from thumb_assets.settings import SelectionSettings
from thumb_assets.tables import conform, empty_table, table_from_rows


@dataclass(frozen=True)
class Choice:
    """What became of the candidates of one video; each is in exactly one of the two tables.

    Attributes:
        selections: table `selections`.
        rejections: table `rejections`.
        components: the scorers that were used, out of COMPONENTS and `faces`, in this order.
        doubtful: frame_index of the candidates that break a rule of degree beyond its share, ascending.
    """

    selections: pa.Table
    rejections: pa.Table
    components: tuple[str, ...]
    doubtful: tuple[int, ...] = ()


def choose(
    candidates: pa.Table, scores: ScoreTables, *, settings: SelectionSettings, guidance: Guidance = NO_GUIDANCE
) -> Choice:
    """The few frames of one video worth keeping, and why each of the others is not among them.

    A scorer that is absent, or failed on a frame, is neutral: it is left out and the other weights count for more. The
    order of rows changes nothing. A video with a candidate has a selection, unless people exclude all of them: where
    every candidate breaks a reject rule, the least bad are taken.

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
    picks = pick(measured, settings=settings, guidance=guidance)
    field = field_of(measured, 0, scores=picks.scores, verdicts=picks.verdicts, order=picks.order)
    segments = choose_keyframes(field, settings=settings)[1] if _has_segments(field, settings) else None
    place_of = {position: place for place, position in enumerate(field.positions.tolist())}
    chosen = [place_of[position] for position in picks.chosen[0]]
    rejections = rejections_of(
        field,
        chosen=chosen,
        scores=picks.scores,
        verdicts=picks.verdicts,
        segments=segments,
        settings=settings,
    )
    keys = candidates.select(["video_id", "frame_index"]).take(pa.array(rejections, pa.int64())).to_pylist()
    rows = [{**key, **vars(rejection)} for key, rejection in zip(keys, rejections.values(), strict=True)]
    clusters = _clusters(field, chosen=chosen, segments=segments)
    return Choice(
        _selections(candidates, measured, picks=picks, clusters=clusters, settings=settings),
        table_from_rows("rejections", rows),
        used_components(picks.scores, has_faces=scores.faces is not None, settings=settings),
        tuple(measured.frame_indices[picks.verdicts.tiers == DOUBTFUL].tolist()),
    )


def _has_segments(field: Field, settings: SelectionSettings) -> bool:
    return settings.strategy == "keyframes" and len(field.positions) > 0


def _clusters(field: Field, *, chosen: list[int], segments: Segments | None) -> list[int | None]:
    """The segment of each selection; None where there are none, or a pinned one is of none."""
    if segments is None:
        return [None] * len(chosen)
    of_place = dict(zip(field.in_time.tolist(), segments.indices.tolist(), strict=True))
    return [of_place.get(place) for place in chosen]


def _selections(
    candidates: pa.Table,
    measured: CandidateArrays,
    *,
    picks: Picks,
    clusters: list[int | None],
    settings: SelectionSettings,
) -> pa.Table:
    (chosen,) = picks.chosen
    (has_faces,) = measured.has_faces.tolist()
    scores = picks.scores
    places = places_in_shots(picks.order, measured.shot_indices)
    sizes = Counter(measured.shot_indices.tolist())
    used = used_components(scores, has_faces=False, settings=settings) or ("sharpness",)
    rows: list[dict[str, Any]] = []
    chosen_rows = candidates.take(pa.array(chosen, pa.int64())).to_pylist()
    for rank, (position, row, cluster) in enumerate(zip(chosen, chosen_rows, clusters, strict=True), start=1):
        del row["sampling_methods"]
        percentiles = {name: _or_none(scores.percentiles[name][position]) for name in COMPONENTS}
        bonus = float(scores.face_bonus[position]) if has_faces else None
        broken_rule = int(picks.verdicts.first_broken[position])
        reason = selection_reason(
            {name: percentiles[name] for name in used},
            rank=rank,
            num_selections=len(chosen),
            face_bonus=bonus,
            shot_index=row["shot_index"],
            place_in_shot=places[position],
            num_in_shot=sizes[row["shot_index"]],
            broken_rule=None if broken_rule == NO_RULE else picks.verdicts.rules[broken_rule].reason,
            is_pinned=bool(measured.is_pinned[position]),
            is_cover=bool(measured["decision"][position] == COVER),
        )
        row |= {f"{name}_percentile": value for name, value in percentiles.items()}
        row |= {"rank": rank, "combined_score": float(scores.combined[position]), "face_bonus": bonus}
        rows.append({**row, "cluster_index": cluster, "reason": reason})
    return table_from_rows("selections", rows)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
