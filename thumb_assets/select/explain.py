"""Says why a frame was chosen, and of every other candidate why it was not."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.diversify import Field, closeness, nearest_distance
from thumb_assets.select.keyframes import Segments
from thumb_assets.select.reject import NO_RULE, Rejection, Verdicts
from thumb_assets.select.score import Scores
from thumb_assets.select.similarity import hash_distances
from thumb_assets.settings import SelectionSettings

_LAST_RESORT = "kept though "


def is_last_resort(reason: str) -> bool:
    """True if the reason of a selection says that a rule rejects the frame, and nothing better was there.

    >>> is_last_resort("rank 1 of 1: sharpness 0.53; kept though too dark: there were not enough better ones")
    True
    """
    return f"; {_LAST_RESORT}" in reason


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
    is_cover: bool = False,
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
        is_pinned: whether people pinned it, or made it the cover.
        is_cover: whether they made it the cover.

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
        parts.append("chosen as the cover" if is_cover else "pinned")
    if broken_rule:
        parts.append(f"{_LAST_RESORT}{broken_rule.replace('_', ' ')}: there were not enough better ones")
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
        self._of_ground = field.vectors(field.ground, settings=settings) if self._is_compared else None
        self._limits = field.near_limits(self._of_ground, settings=settings)
        # What people pinned says nothing of how good a candidate had to be.
        self._by_score = np.setdiff1d(self._chosen, field.pinned)
        self._segment_of: dict[int, tuple[int, float, float]] = {}
        if segments is not None:
            columns = (segments.indices.tolist(), segments.similarities.tolist(), segments.thresholds.tolist())
            self._segment_of = dict(zip(field.in_time.tolist(), zip(*columns, strict=True), strict=True))
        self._segments_taken = {self._segment_of[place][0] for place in chosen if place in self._segment_of}

    def why(self, place: int) -> Rejection:
        """The first that is true.

        Too close, a near-duplicate, of a segment that is taken, nothing new, behind others of its shot, not as good.
        """
        for rule in (self._too_close, self._near_duplicate, self._same_content, self._covered):
            told = rule(place)
            if told is not None:
                return told
        field = self._field
        score = float(field.combined[place])
        scores = field.combined[self._by_score]
        is_same_shot = field.shot_indices[self._chosen] == field.shot_indices[place]
        if is_same_shot.any() and self._is_behind_other_shots(score, int(field.shot_indices[place])):
            best = float(field.combined[self._chosen[is_same_shot]].max())
            return Rejection("diversify", "shot_already_selected", score, best)
        if len(scores) and score > scores.min():
            return Rejection("diversify", "less_different", score, float(scores.min()))
        return Rejection("rank", "lower_score", score, float(scores.min()) if len(scores) else None)

    def _too_close(self, place: int) -> Rejection | None:
        distance = nearest_distance(float(self._field.seconds[place]), self._seconds)
        least = self._settings.min_gap_seconds
        return Rejection("diversify", "too_close_to_selection", distance, least) if distance < least else None

    def _same_content(self, place: int) -> Rejection | None:
        segment, similarity, threshold = self._segment_of.get(place, (-1, 0.0, 0.0))
        is_taken = segment in self._segments_taken
        return Rejection("diversify", "same_content", similarity, threshold) if is_taken else None

    def _is_behind_other_shots(self, score: float, shot_index: int) -> bool:
        """Whether it is the rule of the shots that kept it out: a worse one of another shot was chosen."""
        if self._settings.strategy == "keyframes":
            return not self._segment_of  # then the strategy goes by the shots
        if not self._settings.distinct_shots:
            return False
        is_other = self._field.shot_indices[self._by_score] != shot_index
        return bool((self._field.combined[self._by_score[is_other]] < score).any())

    def _covered(self, place: int) -> Rejection | None:
        """With `top_k=auto`: whether it would not cover the video noticeably better than the selections do."""
        settings, field = self._settings, self._field
        if settings.top_k != "auto" or self._vectors is None or self._of_ground is None or not len(self._chosen):
            return None
        rows = self._vectors[[place, *self._chosen.tolist()]]
        close = closeness(rows, self._of_ground, of_ground=self._of_ground)
        gain = float(field.coverage_gains(close[:1], close[1:].max(axis=0))[0])
        if gain >= settings.min_coverage_gain:
            return None
        return Rejection("diversify", "already_covered", gain, settings.min_coverage_gain)

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
