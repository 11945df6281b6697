"""Likeness of a video's candidates: one vector each, whose cosine mixes what they show with how they look."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.measure import BANNED, PINNED, CandidateArrays
from thumb_assets.select.once import Once
from thumb_assets.select.ranks import groups_of
from thumb_assets.settings.selection import SelectionSettings, SimilaritySettings

FloatArray = NDArray[np.float32]
# Cosine distance, and bits of the hash, below which two pictures show the same in any video.
_SAME_DISTANCE, _SAME_BITS = 0.01, 3.0
# Candidates that stand for the video where it is measured how well it is covered, evenly over its time.
_GROUND = 64
_RELATIVE = "similarity.is_relative"


def comparable_vectors(
    embeddings: NDArray[np.float16], descriptors: NDArray[np.float16], *, settings: SimilaritySettings
) -> FloatArray | None:
    """Vectors whose products are the weighted mean of the cosines of embeddings and of descriptors.

    Where only one of the two is known of every row, it alone counts; a row whose vector is not known is like no other.

    Args:
        embeddings, descriptors: (n, D) and (n, E) float16 of L2 norm 1; NaN in rows without one, D or E 0 where none.
        settings: descriptor_weight.

    Returns:
        (n, D + E) float32 of L2 norm 1, or 0 in rows that are not known; None where nothing is known.
    """
    weights = (1.0 - settings.descriptor_weight, settings.descriptor_weight)
    known = [part for part in zip(weights, (embeddings, descriptors), strict=True) if part[1].shape[1]]
    if not known:
        return None
    if len(known) == 1:  # it alone counts, whatever its weight
        known = [(1.0, known[0][1])]
    parts = [(weight, vectors) for weight, vectors in known if weight > 0]
    total = sum(weight for weight, _ in parts)
    joined: FloatArray = np.empty((len(embeddings), sum(vectors.shape[1] for _, vectors in parts)), np.float32)
    is_unknown = np.zeros(len(joined), dtype=np.bool_)
    start = 0
    for weight, vectors in parts:  # in place: arrays of their own for each step would take a third of the time
        own = joined[:, start : start + vectors.shape[1]]
        own[:] = vectors
        norms = np.sqrt(np.square(own).sum(axis=1, keepdims=True))  # rounded to float16 they are a little off 1
        own /= norms
        np.multiply(own, np.sqrt(weight / total), out=own, casting="same_kind")
        is_unknown |= ~((norms[:, 0] > 0) & np.isfinite(norms[:, 0]))
        start += vectors.shape[1]
    joined[is_unknown] = 0.0
    return joined


def known_rows(vectors: FloatArray) -> NDArray[np.bool_]:
    """(n,) which of `comparable_vectors` are known; the sum of squares, since it takes no array of its own."""
    return np.asarray(np.einsum("ij,ij->i", vectors, vectors) > 0)


def cosine_setting(
    embeddings: NDArray[np.float16], descriptors: NDArray[np.float16], *, settings: SimilaritySettings
) -> str:
    """Name of the setting that limits the cosine of `comparable_vectors`: embeddings alone are all near."""
    has_descriptors = descriptors.shape[1] and (settings.descriptor_weight > 0 or not embeddings.shape[1])
    return "max_embedding_cosine" if embeddings.shape[1] and not has_descriptors else "max_cosine"


def max_cosine_of(
    embeddings: NDArray[np.float16], descriptors: NDArray[np.float16], *, settings: SimilaritySettings
) -> float:
    """The cosine of `comparable_vectors` above which two of them are near-duplicates."""
    return float(getattr(settings, cosine_setting(embeddings, descriptors, settings=settings)))


def hash_distances(hashes: NDArray[np.uint64], other: np.uint64 | NDArray[np.uint64]) -> NDArray[np.int64]:
    """In how many of 64 bits each hash differs from another; of arrays every pair that they broadcast to.

    >>> hash_distances(np.array([0, 7], np.uint64), np.uint64(1)).tolist()
    [1, 2]
    """
    return np.asarray(np.bitwise_count(hashes ^ other), np.int64)


def mean_cosine(vectors: FloatArray) -> float:
    """Mean of the cosines of all pairs, of two vectors or more of L2 norm 1: what their sum has of itself.

    >>> mean_cosine(np.array([[1, 0], [0, 1], [1, 0]], np.float32))
    0.3333333333333333
    """
    num_vectors = len(vectors)
    exact = vectors.astype(np.float64)
    total = exact.sum(axis=0)
    own = float(np.square(exact, out=exact).sum())
    return (float(total @ total) - own) / (num_vectors * (num_vectors - 1))


def mean_hash_distance(hashes: NDArray[np.uint64]) -> float:
    """Mean over all pairs, of two hashes or more, of the bits in which they differ.

    >>> mean_hash_distance(np.array([0, 7, 7], np.uint64))
    2.0
    """
    num_hashes = len(hashes)
    num_set = np.unpackbits(np.ascontiguousarray(hashes).view(np.uint8).reshape(num_hashes, 8), axis=1).sum(axis=0)
    num_differing = (num_set * (num_hashes - num_set.astype(np.int64))).sum()
    return float(2 * num_differing / (num_hashes * (num_hashes - 1)))


@dataclass(frozen=True)
class Ground:
    """The candidates that stand for a video, as vectors.

    Attributes:
        vectors: (g, D) of L2 norm 1, g > 0.
    """

    vectors: FloatArray

    @cached_property
    def mean_cosine(self) -> float:
        """Mean cosine of all pairs; 1 where there is none."""
        return mean_cosine(self.vectors) if len(self.vectors) > 1 else 1.0

    def closeness(self, vectors: FloatArray, others: FloatArray) -> FloatArray:
        """(n, m): 1 for the same, 1/e for what is as far apart as the video's candidates are on the average.

        Args:
            vectors, others: (n, D) and (m, D) of L2 norm 1.
        """
        scale = np.float32(max(1 - self.mean_cosine, 1e-6))
        close: FloatArray = vectors @ others.T
        np.subtract(1, close, out=close)
        np.maximum(close, 0, out=close)
        close /= -scale
        return np.exp(close, out=close)


@dataclass(frozen=True)
class NearLimits:
    """Limits beyond which two candidates are near-duplicates, and the settings of `selection` they come from.

    Attributes:
        max_cosine: their cosine is above it.
        min_bits: or their hashes differ in fewer bits.
        cosine_setting, bits_setting: names of the settings.
    """

    max_cosine: float
    min_bits: float
    cosine_setting: str
    bits_setting: str = "similarity.min_hash_distance"


@dataclass(frozen=True)
class Field:
    """The candidates of one video that may be chosen, M of them, best first: the doubtful ones behind the others.

    Attributes:
        positions: (M,) int64, where each stands among the video's candidates.
        num_usable: how many of them are not doubtful; they are the first ones.
        combined, seconds: (M,) float64.
        shot_indices: (M,) int64.
        own_seconds: (M,) float64, how much of its shot's time each stands for; NaN where it is not known.
        hashes: (M,) uint64; None where they are not known.
        embeddings, descriptors: (n, D) and (n, E) float16 of all n candidates of the video; see `comparable_vectors`.
        once: remembers what is made of these.
        pinned: places in the field of those that are chosen whatever they are.
    """

    positions: NDArray[np.int64]
    num_usable: int
    combined: NDArray[np.float64]
    seconds: NDArray[np.float64]
    shot_indices: NDArray[np.int64]
    own_seconds: NDArray[np.float64]
    hashes: NDArray[np.uint64] | None
    embeddings: NDArray[np.float16]
    descriptors: NDArray[np.float16]
    pinned: tuple[int, ...] = ()
    once: Once = field(default_factory=Once)

    def vectors(self, places: NDArray[np.int64], *, settings: SelectionSettings) -> FloatArray | None:
        """Those of the candidates at these places; None where none are known."""
        own = self.positions[places]
        return comparable_vectors(
            self.embeddings.take(own, axis=0), self.descriptors.take(own, axis=0), settings=settings.similarity
        )

    def vectors_beside(self, ground: Ground, places: NDArray[np.int64], *, settings: SelectionSettings) -> FloatArray:
        """The same where those of the ground are made already: where few may be chosen, these are all of them.

        Args:
            ground: of this field and these settings.
            places: (n,) of the field's M.

        Returns:
            (n, D) float32 of L2 norm 1, or 0 in rows that are not known.
        """
        place_in_ground = np.full(len(self.positions), -1)
        place_in_ground[self.ground] = np.arange(len(self.ground))
        known = place_in_ground[places]
        vectors = ground.vectors.take(known, axis=0)
        is_new = known < 0
        if is_new.any():
            vectors[is_new] = self.vectors(places[is_new], settings=settings)
        return vectors

    def ground_vectors(self, *, settings: SelectionSettings) -> Ground | None:
        """Those of the ground; None where none are known."""
        similarity, own = settings.similarity, self.positions[self.ground]
        vectors = self.once(
            "ground",
            # These arrays live as long as `once`.
            (similarity.descriptor_weight, id(self.embeddings), id(self.descriptors), own.tobytes()),
            lambda: self.vectors(self.ground, settings=settings),
        )
        return None if vectors is None else Ground(vectors)

    @cached_property
    def in_time(self) -> NDArray[np.int64]:
        """Places of the candidates in the order of time; equal times by frame."""
        return np.lexsort((self.positions, self.seconds))

    @property
    def ground(self) -> NDArray[np.int64]:
        """Places of the candidates that stand for the video, in the order of time: all, or some at even steps of it."""
        return self._ground[0]

    @property
    def ground_shares(self) -> NDArray[np.float32]:
        """The share of the time that each of the ground stands for; alike where that is not known."""
        return self._ground[1]

    @cached_property
    def _ground(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        # By their number the candidates of a shot of a blink would count for as much as those of a long one.
        seconds = self.own_seconds[self.in_time]
        if not (seconds > 0).all():
            seconds = np.ones(len(seconds))
        if len(seconds) <= _GROUND:
            return self.in_time, np.asarray(seconds / seconds.sum(), np.float32)
        ends = np.cumsum(seconds)
        steps = (np.arange(_GROUND) + 0.5) / _GROUND * ends[-1]
        places, num_steps = np.unique(np.searchsorted(ends, steps), return_counts=True)
        return self.in_time[places], np.asarray(num_steps / _GROUND, np.float32)

    def coverage_gains(self, close: FloatArray, covered: FloatArray) -> NDArray[np.float32]:
        """The share of the video's time that each of some candidates covers beyond what is covered: (n,), 0..1.

        Args:
            close: (n, G) their closeness to the ground.
            covered: (G,) the closeness to it of what is taken.
        """
        gains = close - covered
        np.maximum(gains, 0, out=gains)
        gains *= self.ground_shares
        return np.asarray(gains.sum(axis=1))

    def near_limits(self, ground: Ground | None, *, settings: SelectionSettings) -> NearLimits:
        """Limits beyond which two candidates are near-duplicates.

        A camera that stands still sees one place throughout, and what differs is what passes by: where candidates are
        all much alike, those at half of their mean distance are told apart. What is nearly the same picture never is.

        Args:
            ground: the vectors of the ground.
        """
        similarity = settings.similarity
        name = cosine_setting(self.embeddings, self.descriptors, settings=similarity)
        limits = NearLimits(getattr(similarity, name), float(similarity.min_hash_distance), f"similarity.{name}")
        if not similarity.is_relative or len(self.ground) < 2:
            return limits
        if ground is not None:
            own = 1 - max((1 - ground.mean_cosine) / 2, _SAME_DISTANCE)
            if own > limits.max_cosine:
                limits = replace(limits, max_cosine=own, cosine_setting=_RELATIVE)
        if self.hashes is not None:
            own = max(mean_hash_distance(self.hashes[self.ground]) / 2, _SAME_BITS)
            if own < limits.min_bits:
                limits = replace(limits, min_bits=own, bits_setting=_RELATIVE)
        return limits


def fields_of(
    measured: CandidateArrays,
    own: NDArray[np.int64],
    *,
    offsets: NDArray[np.int64],
    combined: NDArray[np.float64] | None = None,
    num_usable: NDArray[np.int64] | None = None,
) -> Iterator[Field]:
    """A field of some candidates of each video; what they hold is looked up for all videos at once.

    Args:
        measured: one video or many.
        own: (M,) positions of the candidates through all videos, video by video, best first.
        offsets: (V + 1,) the candidates of video v are own[offsets[v] : offsets[v + 1]].
        combined: (N,) scores of the candidates of all videos; 0 where it does not matter how good they are.
        num_usable: (V,) so many of them are not doubtful; None for all.
    """
    positions = own - np.repeat(measured.offsets[:-1], np.diff(offsets))
    scores = np.zeros(len(own)) if combined is None else combined[own]
    seconds, own_seconds, entropy = (measured[name][own] for name in ("pts_seconds", "own_seconds", "luma_entropy"))
    shot_indices, hashes = measured.shot_indices[own], measured.difference_hash[own]
    usable = np.diff(offsets) if num_usable is None else num_usable
    without_hashes = set(groups_of(offsets)[np.isnan(entropy)].tolist())
    is_pinned = measured["decision"][own] >= PINNED
    for video, (start, end) in enumerate(pairwise(offsets.tolist())):
        of_video = slice(start, end)
        yield Field(
            positions=positions[of_video],
            num_usable=int(usable[video]),
            combined=scores[of_video],
            seconds=seconds[of_video],
            shot_indices=shot_indices[of_video],
            own_seconds=own_seconds[of_video],
            hashes=None if video in without_hashes else hashes[of_video],
            embeddings=measured.embeddings[video],
            descriptors=measured.descriptors[video],
            pinned=tuple(np.flatnonzero(is_pinned[of_video]).tolist()),
            once=measured.once_of_video(video),
        )


def like_banned(measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.bool_]:
    """(N,) marks near-duplicates of a banned candidate of the same video; the banned ones are not among them.

    Args:
        measured: one video or many.
        settings: `similarity`.
    """
    is_banned = measured["decision"] == BANNED
    is_like = np.zeros(len(is_banned), dtype=np.bool_)
    if not is_banned.any():
        return is_like
    for video, own in enumerate(fields_of(measured, np.arange(len(is_banned)), offsets=measured.offsets)):
        span = measured.span(video)
        banned = np.flatnonzero(is_banned[span])
        if len(banned):
            is_like[span] = _near_any(own, banned, settings=settings)
    return np.asarray(is_like & ~is_banned)


def _near_any(field: Field, banned: NDArray[np.int64], *, settings: SelectionSettings) -> NDArray[np.bool_]:
    limits = field.near_limits(field.ground_vectors(settings=settings), settings=settings)
    vectors = field.vectors(field.positions, settings=settings)
    is_near = np.zeros(len(field.positions), dtype=np.bool_)
    for place in banned.tolist():
        if vectors is not None:
            is_near |= vectors @ vectors[place] > limits.max_cosine
        if field.hashes is not None:
            is_near |= hash_distances(field.hashes, field.hashes[place]) < limits.min_bits
    return is_near
