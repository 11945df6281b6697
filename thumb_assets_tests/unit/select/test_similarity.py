import numpy as np
import pytest

from thumb_assets.select.similarity import comparable_vectors, hash_distances, max_cosine_of
from thumb_assets.settings.selection import SimilaritySettings

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


def test_one_alone_counts_whatever_its_weight():
    assert comparable_vectors(NOTHING, NOTHING, settings=SimilaritySettings()) is None
    for weight in (0.0, 0.5, 1.0):
        settings = SimilaritySettings(descriptor_weight=weight)
        for alone in ((NOTHING, unit(0.0, 1.0)), (unit(0.0, 1.0), NOTHING)):
            vectors = comparable_vectors(*alone, settings=settings)
            assert vectors == pytest.approx(unit(0.0, 1.0).astype(np.float32), abs=1e-3)


@pytest.mark.parametrize(
    ("has_embeddings", "has_descriptors", "weight", "is_by_embedding"),
    [(True, True, 0.5, False), (True, True, 0.0, True), (True, False, 1.0, True), (False, True, 0.0, False)],
)
def test_embeddings_alone_have_a_limit_of_their_own(has_embeddings, has_descriptors, weight, is_by_embedding):
    settings = SimilaritySettings(descriptor_weight=weight)
    embeddings, descriptors = (unit(0.0, 1.0) if has_any else NOTHING for has_any in (has_embeddings, has_descriptors))
    limit = max_cosine_of(embeddings, descriptors, settings=settings)
    assert limit == (settings.max_embedding_cosine if is_by_embedding else settings.max_cosine)


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
