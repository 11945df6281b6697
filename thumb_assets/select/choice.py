"""The tables of a choice: from those of one video's candidates and scores to its selections and rejections."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from thumb_assets.select.align import require_video
from thumb_assets.select.combine import COMPONENTS, used_components
from thumb_assets.select.diversify import explain_unchosen
from thumb_assets.select.explain import selection_reason
from thumb_assets.select.measured import Measured, measured_from_tables
from thumb_assets.select.pick import Picks, pick
from thumb_assets.select.reject import NO_RULE, Rejection
from thumb_assets.settings import SelectionSettings
from thumb_assets.tables import conform, empty_table, table_from_rows


@dataclass(frozen=True)
class Choice:
    """What became of the candidates of one video; each is in exactly one of the two tables.

    Attributes:
        selections: table `selections`.
        rejections: table `rejections`.
        components: the scorers that were used, a subset of sharpness, clip, iqa, faces, in this order.
    """

    selections: pa.Table
    rejections: pa.Table
    components: tuple[str, ...]


def choose(
    candidates: pa.Table,
    *,
    sharpness: pa.Table | None,
    clip_scores: pa.Table | None,
    iqa_scores: pa.Table | None,
    iqa_lower_better: Mapping[str, bool],
    faces: pa.Table | None,
    frame_size: tuple[int, int] | None,
    settings: SelectionSettings,
) -> Choice:
    """The few frames of one video worth keeping, and why each of the others is not among them.

    A scorer that is absent, or failed on a frame, is neutral: it is left out and the other weights count for more. The
    order of rows changes nothing. A video with a candidate has a selection: where every candidate breaks a reject
    rule, none is rejected by it.

    Args:
        candidates: table `candidate_frames` of one video.
        sharpness: table `sharpness` of its candidates; None where the stage did not run. So are the next two.
        clip_scores: table `clip_scores`; only frame_index, clip_score and error are read.
        iqa_scores: table `iqa_scores`; rows of frames that are no candidates are passed over.
        iqa_lower_better: by metric of iqa_scores, from that table's footer.
        faces: table `faces`; None where faces were not looked for, no rows where none was found.
        frame_size: (width, height) of the displayed frame, the scale of the faces; needed where there are faces.
        settings: weights, thresholds, numbers.

    Raises:
        ContractError: `candidates` breaks its contract, a key repeats, a row belongs to another video, or the
            direction of a metric is not known.
        ValueError: there are faces and no frame size.
    """
    candidates = conform("candidate_frames", candidates)
    if not candidates.num_rows:
        return Choice(empty_table("selections"), empty_table("rejections"), ())
    video_id = candidates.column("video_id")[0].as_py()
    named = ("candidate_frames", "sharpness", "clip_scores", "iqa_scores", "faces")
    for name, table in zip(named, (candidates, sharpness, clip_scores, iqa_scores, faces), strict=True):
        if table is not None:
            require_video(table, name, video_id=video_id)
    measured = measured_from_tables(
        candidates,
        sharpness=sharpness,
        clip_scores=clip_scores,
        iqa_scores=iqa_scores,
        iqa_lower_better=iqa_lower_better,
        faces=faces,
        frame_size=frame_size,
    )
    picks = pick(measured, settings=settings)
    return Choice(
        _selections(candidates, measured, picks=picks, settings=settings),
        _rejections(candidates, measured, picks=picks, settings=settings),
        used_components(picks.scores, has_faces=faces is not None, settings=settings),
    )


def _selections(candidates: pa.Table, measured: Measured, *, picks: Picks, settings: SelectionSettings) -> pa.Table:
    (chosen,) = picks.chosen
    (has_faces,) = measured.has_faces.tolist()
    scores = picks.scores
    places = _places_in_shots(picks, measured=measured)
    sizes = Counter(measured.shot_indices.tolist())
    rows: list[dict[str, Any]] = []
    for rank, (position, row) in enumerate(zip(chosen, candidates.take(chosen).to_pylist(), strict=True), start=1):
        del row["sampling_methods"]
        percentiles = {name: _or_none(scores.percentiles[name][position]) for name in COMPONENTS}
        bonus = float(scores.face_bonus[position]) if has_faces else None
        broken_rule = int(picks.broken_rules[position])
        reason = selection_reason(
            {name: value for name, value in percentiles.items() if getattr(settings.weights, name) > 0},
            rank=rank,
            num_selections=len(chosen),
            face_bonus=bonus,
            shot_index=row["shot_index"],
            place_in_shot=places[position],
            num_in_shot=sizes[row["shot_index"]],
            broken_rule=None if broken_rule == NO_RULE else picks.rules[broken_rule].reason,
        )
        row |= {f"{name}_percentile": value for name, value in percentiles.items()}
        row |= {"rank": rank, "combined_score": float(scores.combined[position]), "face_bonus": bonus}
        rows.append({**row, "cluster_index": None, "reason": reason})
    return table_from_rows("selections", rows)


def _rejections(candidates: pa.Table, measured: Measured, *, picks: Picks, settings: SelectionSettings) -> pa.Table:
    (chosen,) = picks.chosen
    dropped = {
        position: picks.rules[picks.broken_rules[position]].rejection(position)
        for position in np.flatnonzero(picks.is_dropped).tolist()
    }
    unchosen = explain_unchosen(
        picks.order[~picks.is_dropped[picks.order]],
        chosen=chosen,
        combined=picks.scores.combined,
        pts_seconds=measured.pts_seconds,
        shot_indices=measured.shot_indices,
        settings=settings,
    )
    rejections: dict[int, Rejection] = {**dropped, **unchosen}
    positions = pa.array(rejections, pa.int64())  # the type is said because there may be none to infer it from
    keys = candidates.select(["video_id", "frame_index"]).take(positions).to_pylist()
    pairs = zip(keys, rejections.values(), strict=True)
    return table_from_rows("rejections", [{**key, **vars(rejection)} for key, rejection in pairs])


def _places_in_shots(picks: Picks, *, measured: Measured) -> dict[int, int]:
    """Position -> place by score among all candidates of its shot, 1 for the best; of one video."""
    seen: Counter[int] = Counter()
    places = {}
    for position in picks.order.tolist():
        shot_index = int(measured.shot_indices[position])
        seen[shot_index] += 1
        places[position] = seen[shot_index]
    return places


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
