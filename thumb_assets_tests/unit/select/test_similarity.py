import numpy as np
import pytest

from thumb_assets.select.similarity import comparable_vectors, hash_distances
from thumb_assets.settings import SimilaritySettings

NOTHING = np.zeros((2, 0), np.float16)


def unit(*angles: float) -> np.ndarray:
    return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], np.float16)


@pytest.mark.parametrize("weight", [0.0, 0.25, 0.5, 1.0])
def test_the_product_is_the_weighted_mean_of_the_two_cosines(weight):
    embeddings, descriptors = unit(0.0, 0.3), unit(0.0, 1.2)
    vectors = comparable_vectors(embeddings, descriptors, settings=SimilaritySettings(descriptor_weight=weight))
    expected = (1 - weight) * np.cos(0.3) + weight * np.cos(1.2)
    assert float(vectors[0] @ vectors[1]) == pytest.approx(expected, abs=2e-3)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)
    assert vectors.dtype == np.float32


def test_one_of_the_two_alone_counts_for_both():
    settings = SimilaritySettings(descriptor_weight=0.5)
    for parts in ((unit(0.0, 0.3), NOTHING), (NOTHING, unit(0.0, 0.3))):
        vectors = comparable_vectors(*parts, settings=settings)
        assert float(vectors[0] @ vectors[1]) == pytest.approx(np.cos(0.3), abs=1e-3)


def test_without_either_or_without_weight_nothing_is_known():
    assert comparable_vectors(NOTHING, NOTHING, settings=SimilaritySettings()) is None
    only_descriptors = SimilaritySettings(descriptor_weight=0.0)
    assert comparable_vectors(NOTHING, unit(0.0, 1.0), settings=only_descriptors) is None
    only_embeddings = SimilaritySettings(descriptor_weight=1.0)
    assert comparable_vectors(unit(0.0, 1.0), NOTHING, settings=only_embeddings) is None


def test_a_row_that_is_not_known_is_like_no_other():
    embeddings = unit(0.0, 0.0)
    embeddings[1] = np.nan
    vectors = comparable_vectors(embeddings, unit(0.0, 0.0), settings=SimilaritySettings())
    assert vectors[1].tolist() == [0.0] * 4
    assert float(vectors[0] @ vectors[1]) == 0.0


def test_hashes_differ_in_so_many_bits():
    hashes = np.array([0, 2**64 - 1, 0b1011], np.uint64)
    assert hash_distances(hashes, hashes[0]).tolist() == [0, 64, 3]
    assert hash_distances(hashes, hashes[1]).tolist() == [64, 0, 61]
