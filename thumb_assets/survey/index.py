"""Finds near neighbours: exhaustively for few vectors, by an HNSW index for many."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thumb_assets.events import UNWATCHED, Events

FloatArray = NDArray[np.float32]
Positions = NDArray[np.int64]

# Products that are held at a time, in exact search.
_PRODUCTS_PER_BLOCK = 1 << 23
# Vectors of one index. What one thread adds one after the other gives the same index each time, and what several add
# does not; so the cores are kept busy by several indexes, and each further one makes a question dearer.
_VECTORS_PER_INDEX = 500_000
_QUESTIONS_AT_A_TIME = 10_000
# Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using HNSW graphs", 2016: links per
# vector, and how many vectors are kept in sight while adding and asking. benchmarks/library_index.py has the recall.
_CONNECTIVITY, _EXPANSION_ADD, _EXPANSION_SEARCH = 16, 64, 192
# In sight while an index in a file is asked: single questions, for which more can be done than for all of a survey's.
_EXPANSION_IN_FILES = 512
# How far the index's cosines of float16 may be off.
_ROUNDING = 0.01


@dataclass(frozen=True)
class VectorIndex:
    """An approximate index of vectors (HNSW), the same in every process that adds the same vectors in the same order.

    Attributes:
        parts: usearch's indexes, each of a part of the vectors.
    """

    parts: tuple[Any, ...]

    @classmethod
    def of(cls, vectors: FloatArray, *, num_per_part: int = _VECTORS_PER_INDEX) -> "VectorIndex":
        """Builds the index of (N, D) float32 vectors of L2 norm 1; their keys are their positions."""
        parts = [range(len(vectors))[start : start + num_per_part] for start in range(0, len(vectors), num_per_part)]
        with ThreadPoolExecutor() as pool:
            return cls(tuple(pool.map(lambda part: _built(vectors, part), parts)))

    @classmethod
    def in_file(cls, path: Path) -> "VectorIndex":
        """Opens an index that `write` wrote; its vectors stay in the file, mapped into memory.

        Raises:
            ValueError: the file holds no such index.
        """
        from usearch.index import Index

        part = Index.restore(str(path), view=True)
        if part is None:
            raise ValueError("it holds no index")
        part.expansion_search = _EXPANSION_IN_FILES  # type: ignore[misc] # the file does not say, and mypy sees no setter
        return cls((part,))

    def write(self, path: Path) -> None:
        """Writes an index of one part into a file, which is replaced.

        Raises:
            OSError: the disk is full, read-only or gone.
        """
        (part,) = self.parts
        try:
            part.save(str(path))
        except RuntimeError as error:  # usearch's own, for whatever the system says
            raise OSError(str(error)) from error

    def __len__(self) -> int:
        """The number of vectors."""
        return sum(len(part) for part in self.parts)

    def nearest(self, questions: FloatArray, *, number: int) -> tuple[Positions, FloatArray]:
        """The nearest to each question, nearest first.

        Args:
            questions: (Q, D) float32 of L2 norm 1.
            number: how many of each, k.

        Returns:
            (Q, k) positions, -1 where there are fewer, and (Q, k) cosines, -inf there.
        """
        found = [_asked(part, questions, number) for part in self.parts]
        positions, cosines = (np.concatenate(arrays, axis=1) for arrays in zip(*found, strict=True))
        best = np.lexsort((positions, -cosines), axis=1)[:, :number]
        return np.take_along_axis(positions, best, axis=1), np.take_along_axis(cosines, best, axis=1)


def near_pairs(
    vectors: FloatArray,
    *,
    min_cosine: float,
    num_neighbours: int,
    max_exact: int,
    events: Events = UNWATCHED,
) -> Iterator[tuple[Positions, Positions]]:
    """Pairs of positions whose cosine may be as great as asked for, in blocks; the caller computes it.

    Up to `max_exact` vectors all such pairs are found, in both directions; above, of each vector those among its
    `num_neighbours` nearest, as far as the index finds them.

    Args:
        vectors: (N, D) float32, L2 norm 1.
        events: `progress` for how many vectors were compared with the others.
    """
    search = _exact if len(vectors) <= max_exact else _approximate
    num_compared = 0
    for num_rows, left, right in search(vectors, min_cosine, num_neighbours):
        other = left != right
        yield left[other], right[other]
        num_compared += num_rows
        events.progress("comparing", num_compared, len(vectors))


def _exact(vectors: FloatArray, min_cosine: float, _: int) -> Iterator[tuple[int, Positions, Positions]]:
    num_rows = max(1, _PRODUCTS_PER_BLOCK // max(1, len(vectors)))
    for start in range(0, len(vectors), num_rows):
        block = vectors[start : start + num_rows]
        left, right = np.nonzero(block @ vectors.T >= min_cosine - _ROUNDING)
        yield len(block), left + start, right


def _approximate(vectors: FloatArray, min_cosine: float, number: int) -> Iterator[tuple[int, Positions, Positions]]:
    index = VectorIndex.of(vectors)
    for start in range(0, len(vectors), _QUESTIONS_AT_A_TIME):
        block = vectors[start : start + _QUESTIONS_AT_A_TIME]
        positions, cosines = index.nearest(block, number=number + 1)  # itself among them
        left, place = np.nonzero(cosines >= min_cosine - _ROUNDING)
        yield len(block), left + start, positions[left, place]


def _built(vectors: FloatArray, part: range) -> Any:
    from usearch.index import Index

    index = Index(
        ndim=vectors.shape[1],
        metric="cos",
        dtype="f16",
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION_ADD,
        expansion_search=_EXPANSION_SEARCH,
    )
    index.add(np.asarray(part), vectors[part.start : part.stop], threads=1)
    return index


def _asked(part: Any, questions: FloatArray, number: int) -> tuple[Positions, FloatArray]:
    found = part.search(questions, min(number, len(part)))
    keys = found.keys.reshape(len(questions), -1)
    cosines = np.asarray(1.0 - found.distances.reshape(len(questions), -1), np.float32)
    counts = np.asarray(getattr(found, "counts", np.full(len(questions), keys.shape[1]))).reshape(-1, 1)
    is_found = np.arange(keys.shape[1]) < counts
    positions = np.where(is_found, keys.astype(np.int64), -1)
    return positions, np.where(is_found, cosines, -np.inf).astype(np.float32)
