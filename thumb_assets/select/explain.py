"""Says why a frame was chosen, and of every other candidate why it was not."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.combine import Scores
from thumb_assets.select.diversify import Field, nearest_distance
from thumb_assets.select.keyframes import Segments
from thumb_assets.select.reject import NO_RULE, Rejection, Verdicts
from thumb_assets.select.similarity import hash_distances
from thumb_assets.settings import SelectionSettings


def selection_reason(
    percentiles: Mapping[str, float | None],
    *,
    rank: int,
    num_selections: int,
    face_bonus: float | None,
    shot_index: int,
    place_in_shot: int,
    num_in_shot: int,
    broken_rule: str | None = None,
    is_pinned: bool = False,
) -> str:
    """The text of the column `reason` of a selection.

    Args:
        percentiles: the components that count in this video, in their order; None where this candidate has no value.
        rank: 1..num_selections.
        num_selections: of this video.
        face_bonus: what a clear face added; None or 0.0 goes unsaid.
        shot_index: the shot it is from.
        place_in_shot: 1 where no candidate of its shot has a better score.
        num_in_shot: candidates of its shot.
        broken_rule: the reject rule it breaks, where it was taken because better ones did not suffice.
        is_pinned: whether people pinned it.

    >>> selection_reason({"sharpness": 0.93, "clip": None, "iqa": 0.8}, rank=1, num_selections=3, face_bonus=0.05,
    ...                  shot_index=4, place_in_shot=1, num_in_shot=1)
    'rank 1 of 3: sharpness 0.93, iqa 0.80 (no clip); +0.05 clear face; only candidate of shot 4'
    """
    scores = [f"{name} {value:.2f}" for name, value in percentiles.items() if value is not None]
    missing = [name for name, value in percentiles.items() if value is None]
    head = ", ".join(scores) or "no score"
    if missing:
        head += f" (no {', '.join(missing)})"
    parts = [f"rank {rank} of {num_selections}: {head}"]
    if face_bonus:
        parts.append(f"+{face_bonus:.2f} clear face")
    if num_in_shot == 1:
        parts.append(f"only candidate of shot {shot_index}")
    elif place_in_shot == 1:
        parts.append(f"best of {num_in_shot} candidates of shot {shot_index}")
    else:
        parts.append(f"place {place_in_shot} of {num_in_shot} candidates of shot {shot_index}")
    if is_pinned:
        parts.append("pinned")
    if broken_rule:
        parts.append(f"kept though {broken_rule.replace('_', ' ')}: there were not enough better ones")
    return "; ".join(parts)


def rejections_of(
    field: Field,
    *,
    chosen: list[int],
    scores: Scores,
    verdicts: Verdicts,
    segments: Segments | None,
    settings: SelectionSettings,
) -> dict[int, Rejection]:
    """Why each candidate of one video that was not chosen was not; every reason is true of the final selections.

    Args:
        field: the video's candidates that might have been chosen, positions counted from 0.
        chosen: places in the field.
        scores, verdicts: of this video alone.
        segments: of strategy `keyframes`, over the field's usable candidates in time.
        settings: as the choice was made with.

    Returns:
        By position.
    """
    positions = field.positions.tolist()
    chosen_positions = {positions[place] for place in chosen}
    rejections = {}
    for position in range(len(scores.combined)):
        rule = int(verdicts.first_broken[position])
        if position not in chosen_positions and rule != NO_RULE:
            rejections[position] = verdicts.rules[rule].rejection(position)
    unchosen = _Unchosen(field, chosen, segments, settings)
    for place, position in enumerate(positions):
        if position not in chosen_positions and position not in rejections:
            rejections[position] = unchosen.why(place)
    return rejections


class _Unchosen:
    """Holds a candidate against the selections, rule by rule."""

    def __init__(self, field: Field, chosen: list[int], segments: Segments | None, settings: SelectionSettings) -> None:
        self._field, self._chosen, self._settings = field, np.array(chosen, np.int64), settings
        self._seconds = sorted(field.seconds[self._chosen].tolist())
        self._is_compared = settings.strategy == "best" and settings.diversify != "none"
        every = np.arange(len(field.positions))
        self._vectors = field.vectors(every, settings=settings) if self._is_compared else None
        self._limits = field.near_limits(field.vectors(field.ground, settings=settings), settings=settings)
        self._segment_of: dict[int, tuple[int, float, float]] = {}
        if segments is not None:
            in_time = np.argsort(field.seconds[: len(segments.indices)], kind="stable").tolist()
            columns = (segments.indices.tolist(), segments.similarities.tolist(), segments.thresholds.tolist())
            self._segment_of = dict(zip(in_time, zip(*columns, strict=True), strict=True))
        self._segments_taken = {self._segment_of[place][0] for place in chosen if place in self._segment_of}

    def why(self, place: int) -> Rejection:
        """The first that is true: too close, a near-duplicate, of a segment or shot that is taken, or not as good."""
        field, settings = self._field, self._settings
        distance = nearest_distance(float(field.seconds[place]), self._seconds)
        if distance < settings.min_gap_seconds:
            return Rejection("diversify", "too_close_to_selection", distance, settings.min_gap_seconds)
        alike = self._near_duplicate(place)
        if alike is not None:
            return alike
        if place in self._segment_of:
            segment, similarity, threshold = self._segment_of[place]
            if segment in self._segments_taken:
                return Rejection("diversify", "same_content", similarity, threshold)
        score = float(field.combined[place])
        scores = field.combined[self._chosen]
        is_same_shot = field.shot_indices[self._chosen] == field.shot_indices[place]
        # Without segments the strategy `keyframes` goes by the shots.
        is_by_shot = settings.distinct_shots if settings.strategy == "best" else not self._segment_of
        if is_by_shot and is_same_shot.any():
            return Rejection("diversify", "shot_already_selected", score, float(scores[is_same_shot].max()))
        if len(scores) and score > scores.min():
            return Rejection("diversify", "less_different", score, float(scores.min()))
        return Rejection("rank", "lower_score", score, float(scores.min()) if len(scores) else None)

    def _near_duplicate(self, place: int) -> Rejection | None:
        field = self._field
        if not self._is_compared or not len(self._chosen):
            return None
        if self._vectors is not None:
            cosine = float((self._vectors[self._chosen] @ self._vectors[place]).max())
            if cosine > self._limits[0]:
                return Rejection("diversify", "near_duplicate", cosine, self._limits[0])
        if field.hashes is not None:
            distance = int(hash_distances(field.hashes[self._chosen], field.hashes[place]).min())
            if distance < self._limits[1]:
                return Rejection("diversify", "near_duplicate", float(distance), self._limits[1])
        return None


def places_in_shots(order: NDArray[np.int64], shot_indices: NDArray[np.int64]) -> dict[int, int]:
    """Position -> place by score among all candidates of its shot, 1 for the best; of one video, best first."""
    seen: dict[int, int] = {}
    places = {}
    for position in order.tolist():
        shot_index = int(shot_indices[position])
        seen[shot_index] = seen.get(shot_index, 0) + 1
        places[position] = seen[shot_index]
    return places
