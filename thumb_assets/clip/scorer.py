"""Scores pictures against the prompts of the settings; the arithmetic needs no model."""

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thumb_assets.clip.embedded import EmbeddedEncoder, is_for_opencv
from thumb_assets.clip.encoder import ImageTextEncoder, OpenClipEncoder
from thumb_assets.inference import cpu_batch_size
from thumb_assets.settings.stages import PROMPT_FIELDS, ClipSettings

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class ClipScore:
    """Values of the `clip_scores` table for one picture.

    Attributes:
        positive_similarity: greatest cosine to a positive prompt, -1..1.
        negative_similarity: mean cosine to the negative prompts, -1..1.
        clip_score: their difference, -2..2.
        title_card_similarity: greatest cosine to a title card prompt, -1..1.
        embedding: (D,) float16, L2 norm 1.
    """

    positive_similarity: float
    negative_similarity: float
    clip_score: float
    title_card_similarity: float
    embedding: npt.NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Prompts:
    """The prompts of the settings as the model sees them: (P, D), (M, D) and (T, D) float32, L2 norm 1."""

    positive: npt.NDArray[np.float32]
    negative: npt.NDArray[np.float32]
    title_card: npt.NDArray[np.float32]


class ClipScorer:
    """An encoder and the prompts, which are encoded once.

    No trial at the start finds out if an embedding depends on its batch, as for the metrics of the iqa room: every
    tower that open_clip builds treats its pictures one by one outside training (normalisation by stored statistics,
    attention within a picture), and the tests hold that on a convolutional and a transformer tower.

    Args:
        encoder: the model.
        settings: prompts, and batch_size: how many pictures the encoder gets at once, at most.

    Attributes:
        batch_size: pictures that are worth waiting for on the encoder's device.
    """

    def __init__(self, encoder: ImageTextEncoder, settings: ClipSettings) -> None:
        self.encoder = encoder
        num_pixels = encoder.short_side**2  # or more
        is_on_cpu = encoder.device == "cpu"
        self.batch_size = cpu_batch_size(num_pixels, at_most=settings.batch_size) if is_on_cpu else settings.batch_size
        prompts = {name: getattr(settings, name) for name in PROMPT_FIELDS}
        embedded = iter(encoder.encode_texts([text for texts in prompts.values() for text in texts]))
        self.prompts = Prompts(*(np.stack([next(embedded) for _ in texts]) for texts in prompts.values()))
        self.short_side = encoder.short_side
        self.footer: dict[str, str] = {
            "model_name": encoder.model_name,
            "pretrained": encoder.pretrained,
            "prompts_sha256": hashlib.sha256(json.dumps(prompts, sort_keys=True).encode()).hexdigest(),
            "precision": encoder.precision,
        }

    def score(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[ClipScore]:
        """One score per picture, in order; a score does not depend on the pictures beside it.

        Args:
            images: (H, W, 3) uint8 RGB each; sizes may differ. A shorter side of `short_side` px is enough.

        Raises:
            BadInputError: an array of another shape or type; OutOfMemoryError: even one does not fit the device.
        """
        scores: list[ClipScore] = []
        for start in range(0, len(images), self.batch_size):
            embeddings = self.encoder.encode_images(images[start : start + self.batch_size])
            scores += self.score_embeddings(embeddings.astype(np.float16))
        return scores

    def score_embeddings(self, embeddings: npt.NDArray[np.float16]) -> list[ClipScore]:
        """One score per embedding as it is stored, so that a stored one scores the same again.

        Args:
            embeddings: (N, D) float16, L2 norm 1.
        """
        prompts = self.prompts
        columns = clip_scores_from_embeddings(embeddings, positive=prompts.positive, negative=prompts.negative)
        title_cards = greatest_similarity(embeddings, prompts.title_card)
        return [
            ClipScore(float(positive), float(negative), float(score), float(title_card), embedding)
            for positive, negative, score, title_card, embedding in zip(*columns, title_cards, embeddings, strict=True)
        ]


# What another encoder is made for; the others concern what is done with its embeddings.
_ENCODER_SETTINGS = {"model", "pretrained", "checkpoint", "device", "precision", "compile"}
_encoders: dict[str, ImageTextEncoder] = {}
_scorers: dict[ClipSettings, ClipScorer] = {}
_lock = threading.Lock()


def load_clip_scorer(settings: ClipSettings) -> ClipScorer:
    """The scorer of the settings; a model is loaded once per process, also for several sets of prompts.

    Raises:
        ModelUnavailableError: no trained weights can be had; the message says how to supply them.
        SettingsError: no such model, tag or device, or a precision or compiler that it does not have.
    """
    encoder_key = settings.model_dump_json(include=_ENCODER_SETTINGS)
    with _lock:
        if settings not in _scorers:
            if encoder_key not in _encoders:
                encoder = EmbeddedEncoder if is_for_opencv(settings) else OpenClipEncoder
                _encoders[encoder_key] = encoder(settings)
            _scorers[settings] = ClipScorer(_encoders[encoder_key], settings)
        return _scorers[settings]


def score_images(images: Sequence[npt.NDArray[np.uint8]], *, settings: ClipSettings | None = None) -> list[float]:
    """clip_score of pictures: how much better they fit the positive prompts than the negative ones.

    Args:
        images: (H, W, 3) uint8 RGB each.
        settings: model and prompts; the defaults where None.

    Returns:
        One float per picture, -2..2, greater is better.

    Raises:
        ModelUnavailableError: no trained weights can be had here.
    """
    return [score.clip_score for score in load_clip_scorer(settings or ClipSettings()).score(images)]


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
