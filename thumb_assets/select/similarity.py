"""How alike two candidates of a video are: one vector each, whose cosine mixes what they show with how they look."""

import numpy as np
from numpy.typing import NDArray

from thumb_assets.settings import SimilaritySettings

FloatArray = NDArray[np.float32]


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
    parts = [(weight, vectors.astype(np.float32)) for weight, vectors in known if weight > 0]
    total = sum(weight for weight, _ in parts)
    joined = np.hstack([np.sqrt(weight / total) * _of_norm_1(vectors) for weight, vectors in parts])
    return np.asarray(np.where(np.isnan(joined).any(axis=1, keepdims=True), 0.0, joined), np.float32)


def known_rows(vectors: FloatArray) -> NDArray[np.bool_]:
    """(n,) which of `comparable_vectors` are known; the sum of squares, since it takes no array of its own."""
    return np.asarray(np.einsum("ij,ij->i", vectors, vectors) > 0)


def max_cosine_of(
    embeddings: NDArray[np.float16], descriptors: NDArray[np.float16], *, settings: SimilaritySettings
) -> float:
    """The cosine of `comparable_vectors` above which two of them are near-duplicates: embeddings alone are all near."""
    has_descriptors = descriptors.shape[1] and (settings.descriptor_weight > 0 or not embeddings.shape[1])
    return settings.max_embedding_cosine if embeddings.shape[1] and not has_descriptors else settings.max_cosine


def _of_norm_1(vectors: FloatArray) -> FloatArray:
    """Rounded to float16 they are a little off."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def hash_distances(hashes: NDArray[np.uint64], other: np.uint64) -> NDArray[np.int64]:
    """In how many of 64 bits each hash differs from another.

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
    total = vectors.sum(axis=0, dtype=np.float64)
    own = float(np.square(vectors, dtype=np.float64).sum())
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
