"""Near pairs: all of them where few vectors are compared, nearly all where an index looks, and the same every time."""

import subprocess
import sys

import numpy as np
import pytest

from benchmarks.library_index import made_up_vectors, measure_index, render
from thumb_assets.survey.index import VectorIndex, near_pairs

NUM, DIMENSIONS = 3000, 32


def pairs_of(vectors, *, max_exact: int, min_cosine: float = 0.8) -> set[tuple[int, int]]:
    found = near_pairs(vectors, min_cosine=min_cosine, num_neighbours=40, max_exact=max_exact)
    pairs = [pair for left, right in found for pair in zip(left.tolist(), right.tolist(), strict=True)]
    assert len(pairs) == len(set(pairs))
    return set(pairs)


@pytest.fixture(scope="module")
def vectors():
    return made_up_vectors(NUM, DIMENSIONS)


def test_exactly_every_pair_that_is_near_enough(vectors) -> None:
    found = pairs_of(vectors, max_exact=NUM)
    left, right = np.nonzero(np.triu(vectors.astype(np.float64) @ vectors.T.astype(np.float64) >= 0.8, k=1))
    expected = set(zip(left.tolist(), right.tolist(), strict=True))
    assert expected
    assert expected <= found
    assert {(right, left) for left, right in expected} <= found
    cosines = [float(vectors[one] @ vectors[other]) for one, other in found]
    assert min(cosines) > 0.78, "what is looked at again is hardly more than what is near"


def test_the_index_finds_nearly_all_of_them(vectors) -> None:
    exact = pairs_of(vectors, max_exact=NUM)
    approximate = pairs_of(vectors, max_exact=0)
    assert len(approximate & exact) >= 0.98 * len(exact)
    assert len(approximate - exact) <= 0.01 * len(exact)


def test_several_indexes_answer_as_one(vectors) -> None:
    index = VectorIndex.of(vectors, num_per_part=700)
    assert len(index.parts) == 5
    positions, cosines = index.nearest(vectors[:50], number=10)
    assert (positions[:, 0] == np.arange(50)).all()
    assert (np.diff(cosines, axis=1) <= 0).all()
    exact = np.argsort(-(vectors[:50] @ vectors.T), axis=1)[:, :10]
    hits = [len(set(one) & set(other)) for one, other in zip(positions.tolist(), exact.tolist(), strict=True)]
    assert sum(hits) >= 0.98 * 500


def test_fewer_vectors_than_neighbours() -> None:
    vectors = made_up_vectors(3, 8)
    positions, cosines = VectorIndex.of(vectors).nearest(vectors, number=10)
    assert positions.shape[1] <= 10
    assert {frozenset(row) for row in np.where(np.isfinite(cosines), positions, -1).tolist()} >= {frozenset({0, 1, 2})}
    assert pairs_of(vectors[:1], max_exact=0) == set()
    assert pairs_of(vectors[:0], max_exact=0) == set()


def test_another_process_finds_the_same(vectors) -> None:
    code = (
        "import hashlib, sys; from thumb_assets.survey.index import VectorIndex\n"
        "from benchmarks.library_index import made_up_vectors\n"
        f"vectors = made_up_vectors({NUM}, {DIMENSIONS})\n"
        "positions, cosines = VectorIndex.of(vectors, num_per_part=700).nearest(vectors, number=20)\n"
        "print(hashlib.sha256(positions.tobytes() + cosines.tobytes()).hexdigest())"
    )
    outcomes = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(outcomes) == 1


def test_the_benchmark_measures_what_it_says() -> None:
    cost = measure_index(num_vectors=2000, num_dimensions=32)
    assert cost.recall > 0.95
    assert cost.build_seconds > 0
    assert render(cost).startswith("| 2,000 | 32 |")
