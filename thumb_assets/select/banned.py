"""Candidates that look like a banned frame of their video, by the measure that tells near-duplicates."""

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.diversify import Field
from thumb_assets.select.measure import BANNED, CandidateArrays
from thumb_assets.select.similarity import hash_distances
from thumb_assets.settings import SelectionSettings


def like_banned(measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.bool_]:
    """(N,) which candidates are near-duplicates of a banned one of the same video; the banned ones are not among them.

    Args:
        measured: one video or many.
        settings: `similarity`.
    """
    is_banned = measured["decision"] == BANNED
    is_like = np.zeros(len(is_banned), dtype=np.bool_)
    for video in range(len(measured.video_ids)):
        span = measured.span(video)
        banned = np.flatnonzero(is_banned[span])
        if len(banned):
            is_like[span] = _near_any(_all_candidates(measured, video), banned, settings=settings)
    return np.asarray(is_like & ~is_banned)


def _near_any(field: Field, banned: NDArray[np.int64], *, settings: SelectionSettings) -> NDArray[np.bool_]:
    ground = field.vectors(field.ground, settings=settings)
    max_cosine, min_bits = field.near_limits(ground, settings=settings)
    vectors = field.vectors(field.positions, settings=settings)
    is_near = np.zeros(len(field.positions), dtype=np.bool_)
    for place in banned.tolist():
        if vectors is not None:
            is_near |= vectors @ vectors[place] > max_cosine
        if field.hashes is not None:
            is_near |= hash_distances(field.hashes, field.hashes[place]) < min_bits
    return is_near


def _all_candidates(measured: CandidateArrays, video: int) -> Field:
    """A field of all candidates of a video in their order, for what does not depend on how good they are."""
    span = measured.span(video)
    num_candidates = span.stop - span.start
    has_hashes = not np.isnan(measured["luma_entropy"][span]).any()
    return Field(
        positions=np.arange(num_candidates),
        num_usable=num_candidates,
        combined=np.zeros(num_candidates),
        seconds=measured["pts_seconds"][span],
        shot_indices=measured.shot_indices[span],
        own_seconds=measured["own_seconds"][span],
        hashes=measured.difference_hash[span] if has_hashes else None,
        embeddings=measured.embeddings[video],
        descriptors=measured.descriptors[video],
    )
