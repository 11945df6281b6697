"""The arithmetic of clip_score: numpy on embeddings, no model."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]


def clip_scores_from_embeddings(
    images: FloatArray, *, positive: FloatArray, negative: FloatArray
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Similarity to the positive and negative prompts, and their difference.

    `clip_score = max(cosine to positive) - mean(cosine to negative)` on cosines that are not multiplied by the model's
    logit scale, so that it does not depend on how the model was trained to sharpen them.

    Args:
        images: (N, D), L2 norm 1.
        positive: (P, D), L2 norm 1, P >= 1.
        negative: (M, D), L2 norm 1, M >= 1.

    Returns:
        positive_similarity (-1..1), negative_similarity (-1..1) and clip_score (-2..2), each (N,) float64.

    Raises:
        ValueError: no positive or no negative prompt, or the lengths D differ.

    >>> image = np.array([[1.0, 0.0]])
    >>> positive = np.array([[0.6, 0.8], [0.8, 0.6]])
    >>> negative = np.array([[0.0, 1.0], [0.6, -0.8]])
    >>> columns = clip_scores_from_embeddings(image, positive=positive, negative=negative)
    >>> [round(float(column[0]), 6) for column in columns]
    [0.8, 0.3, 0.5]
    """
    if len(positive) == 0 or len(negative) == 0:
        raise ValueError("clip_score needs at least one positive and one negative prompt")
    pictures = images.astype(np.float64)
    positive_similarity = (pictures @ positive.astype(np.float64).T).max(axis=1)
    negative_similarity = (pictures @ negative.astype(np.float64).T).mean(axis=1)
    return positive_similarity, negative_similarity, positive_similarity - negative_similarity


def greatest_similarity(images: FloatArray, prompts: FloatArray) -> npt.NDArray[np.float64]:
    """The greatest cosine of each picture to any of the prompts.

    Args:
        images: (N, D), L2 norm 1.
        prompts: (P, D), L2 norm 1, P >= 1.

    Returns:
        (N,) float64, -1..1.

    >>> greatest_similarity(np.array([[1.0, 0.0]]), np.array([[0.6, 0.8], [0.0, 1.0]])).tolist()
    [0.6]
    """
    similarity: npt.NDArray[np.float64] = (images.astype(np.float64) @ prompts.astype(np.float64).T).max(axis=1)
    return similarity
