"""Spoilers: where a candidate stands in the story, whether it gives away the end, and what it costs to leave it out."""

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.similarity import FloatArray, comparable_vectors, fields_of, known_rows
from thumb_assets.settings.selection import SelectionSettings

# By so much a candidate has to be more like the end than like the rest: less is chance. In real films with planted ends
# (docs/selection.md) a teaser of the end is above .1, 6 of 133 frames of the story above .02; a drawn teaser is at .03.
LEAST_FORETELLING = 0.02
# Cosine of the centred vectors from which on two pictures count as alike, the more the nearer to 1.
_ALIKE = 0.5
# Part of the typical distance to the mean that stands for what all have in common: of a video that is the same
# throughout, nothing is unlike the rest.
_COMMON = 0.1


def story_places(measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.float64]:
    """The place of each candidate in the story, which is what lies between the intro and the credits.

    Intro and credits are what other videos of the library show as well, at the video's two ends.

    Args:
        measured: one video or many.
        settings: reject.max_recurrences.

    Returns:
        (N,) float64: 0 at the first candidate of the story, 1 at the last; below and above are intro and credits.
    """
    seconds, is_own = measured["pts_seconds"], ~_recurs(measured, settings)
    places = np.zeros(len(seconds))
    for video in range(len(measured.video_ids)):
        span = measured.span(video)
        own = seconds[span][is_own[span]] if is_own[span].any() else seconds[span]
        if len(own) and own.max() > own.min():
            places[span] = (seconds[span] - own.min()) / (own.max() - own.min())
    return places


def likeness_to_end(measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.float64]:
    """By how much each candidate is more like the story's end than like the rest of it: -1..1.

    A flash-forward shows a few pictures of the end before it: there are many like it at the end, and few elsewhere. A
    place to which the story returns is like both. Its own shot counts on neither side: it is like itself.

    Args:
        measured: one video or many.
        settings: spoiler_share, reject.max_recurrences, similarity.

    Returns:
        (N,) float64; NaN at the end itself, and where looks are not known.
    """
    places, is_own = story_places(measured, settings=settings), ~_recurs(measured, settings)
    values = np.full(len(places), np.nan)
    for video in range(len(measured.video_ids)):
        span = measured.span(video)
        vectors = comparable_vectors(
            measured.embeddings[video], measured.descriptors[video], settings=settings.similarity
        )
        if vectors is None:
            continue
        is_known = known_rows(vectors)
        is_end = places[span] > settings.spoiler_share
        asked = np.flatnonzero(is_known & ~is_end)
        if not len(asked):
            continue
        looks = _centred(vectors, is_known)
        likeness = np.clip((looks[asked] @ looks.T - _ALIKE) / (1 - _ALIKE), 0, 1)
        shots = measured.shot_indices[span]
        counts = (shots[asked][:, None] != shots) & is_known & is_own[span]
        of_end, of_rest = (_mean(likeness, counts & is_part) for is_part in (is_end, ~is_end))
        values[span.start + asked] = of_end - of_rest
    return values


def told_cost(
    measured: CandidateArrays, *, num_lost: int, safe: list[int], free: list[int], settings: SelectionSettings
) -> str:
    """A line on what leaving out spoilers costs one video.

    Args:
        measured: its candidates.
        num_lost: candidates that might be chosen otherwise.
        safe, free: positions of the selections with and without spoilers left out.
        settings: similarity.
    """
    lost = f"selection.spoiler_safe: {num_lost} of {len(measured.frame_indices)} candidates are left out"
    covered = [_coverage(measured, chosen, settings=settings) for chosen in (safe, free)]
    if any(share is None for share in covered):
        return lost
    return f"{lost}; the selections cover {covered[0]:.0%} of the video's looks, {covered[1]:.0%} without it"


def _coverage(measured: CandidateArrays, chosen: list[int], *, settings: SelectionSettings) -> float | None:
    """Share of the video, 0..1, that is like a selection; None where looks are not known."""
    (field,) = fields_of(measured, np.arange(len(measured.frame_indices)), offsets=measured.offsets)
    ground = field.ground_vectors(settings=settings)
    vectors = field.vectors(np.array(chosen, np.int64), settings=settings)
    if ground is None or vectors is None:
        return None
    if not chosen:
        return 0.0
    closeness = ground.closeness(vectors, ground.vectors).max(axis=0, keepdims=True)
    return float(field.coverage_gains(closeness, np.zeros(len(ground.vectors), np.float32))[0])


def _recurs(measured: CandidateArrays, settings: SelectionSettings) -> NDArray[np.bool_]:
    """(N,) marks what other videos show as well."""
    return np.asarray(measured["num_recurrences"] > settings.reject.max_recurrences)


def _centred(vectors: FloatArray, is_known: NDArray[np.bool_]) -> FloatArray:
    """Vectors without the video's mean, and of norm 1 with a part that all have in common."""
    centred = vectors - vectors[is_known].mean(axis=0)
    spread = np.square(centred[is_known]).sum(axis=1).mean()
    joined = np.hstack([centred, np.full((len(centred), 1), np.sqrt(_COMMON * spread + 1e-9))])
    return np.asarray(joined / np.linalg.norm(joined, axis=1, keepdims=True), np.float32)


def _mean(values: FloatArray, counts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean along the rows of what counts; 0 where nothing does."""
    return np.asarray((values * counts).sum(axis=1) / np.maximum(counts.sum(axis=1), 1), np.float64)
