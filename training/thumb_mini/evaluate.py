"""Separation of clean from spoiled frames of unseen sources, by scores."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from thumb_assets.settings.stages import NEGATIVE_PROMPTS, POSITIVE_PROMPTS
from training.thumb_mini.batches import to_input
from training.thumb_mini.captions import KINDS
from training.thumb_mini.clean import whole_frame
from training.thumb_mini.losses import clip_scores
from training.thumb_mini.model import IMAGE_SIZE, normalised
from training.thumb_mini.sources import Picture, RgbImage
from training.thumb_mini.spoil import STRENGTHS, spoil

Scorer = Callable[[Sequence[RgbImage]], npt.NDArray[np.float64]]
EVALUATION_SEED = 99


def auc(clean: npt.NDArray[np.float64], spoiled: npt.NDArray[np.float64]) -> float:
    """Chance that a clean frame scores above a spoiled one; a tie counts half.

    >>> auc(np.array([0.9, 0.5]), np.array([0.5, 0.1]))
    0.875
    """
    difference = clean[:, None] - spoiled[None, :]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


def spoiled_copies(pictures: Sequence[Picture]) -> Iterator[tuple[str, str, list[RgbImage]]]:
    """Per kind and name of a strength one spoiled copy of each clean frame; always the same ones."""
    frames = clean_frames(pictures)
    rng = np.random.default_rng(EVALUATION_SEED)
    for kind in KINDS:
        for name, strength in STRENGTHS.items():
            yield (
                kind,
                name,
                [
                    spoil(frame, _other(frames, pictures, number, rng), kind=kind, strength=strength, rng=rng)
                    for number, frame in enumerate(frames)
                ],
            )


def clean_frames(pictures: Sequence[Picture]) -> list[RgbImage]:
    """The whole frames, 360 lines high."""
    return [whole_frame(picture.pixels) for picture in pictures]


def _other(frames: Sequence[RgbImage], pictures: Sequence[Picture], number: int, rng: np.random.Generator) -> RgbImage:
    """A frame of another source, or of the same one far away, in this frame's shape."""
    others = [index for index, picture in enumerate(pictures) if picture.source != pictures[number].source]
    if not others:
        others = [index for index in range(len(frames)) if abs(index - number) > len(frames) // 4] or [number]
    height, width = frames[number].shape[:2]
    return cv2.resize(frames[others[int(rng.integers(len(others)))]], (width, height)).astype(np.uint8)


def evaluate(pictures: Sequence[Picture], scorers: dict[str, Scorer]) -> dict[str, list[dict[str, Any]]]:
    """Per scorer one row per kind and strength: auc, and share of copies below their own clean frame."""
    frames = clean_frames(pictures)
    clean = {name: scorer(frames) for name, scorer in scorers.items()}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in scorers}
    for kind, strength, copies in spoiled_copies(pictures):
        for name, scorer in scorers.items():
            scores = scorer(copies)
            is_below = (scores < clean[name]) + 0.5 * (scores == clean[name])
            rows[name].append(
                {
                    "kind": kind,
                    "strength": strength,
                    "auc": auc(clean[name], scores),
                    "pair_accuracy": float(is_below.mean()),
                    "clean_mean": float(clean[name].mean()),
                    "spoiled_mean": float(scores.mean()),
                }
            )
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean AUC over kinds per strength, and the worst kind over the visible and strong ones."""
    result = {}
    for strength in STRENGTHS:
        result[f"mean_auc_{strength}"] = float(np.mean([row["auc"] for row in rows if row["strength"] == strength]))
    result["worst_auc"] = min(row["auc"] for row in rows if row["strength"] != "slight")
    return result


def model_scorer(model: Any, tokenizer: Any, *, device: str, batch_size: int = 64) -> Scorer:
    """clip_score of the model with the prompts of the settings."""
    with torch.inference_mode():
        texts = model.encode_text(tokenizer([*POSITIVE_PROMPTS, *NEGATIVE_PROMPTS]).to(device), normalize=True)
    positive, negative = texts[: len(POSITIVE_PROMPTS)].float(), texts[len(POSITIVE_PROMPTS) :].float()

    def score(images: Sequence[RgbImage]) -> npt.NDArray[np.float64]:
        scores = []
        with torch.inference_mode():
            for start in range(0, len(images), batch_size):
                batch = np.stack([to_input(image, IMAGE_SIZE) for image in images[start : start + batch_size]])
                inputs = normalised(torch.from_numpy(batch).to(device))
                features = functional.normalize(model.encode_image(inputs).float(), dim=-1)
                scores.append(clip_scores(features, positive, negative).cpu().numpy().astype(np.float64))
        return np.concatenate(scores)

    return score


def laplacian_scorer(images: Sequence[RgbImage]) -> npt.NDArray[np.float64]:
    """Variance of the Laplacian of the luma."""
    luma = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    return np.array([float(cv2.Laplacian(plane, cv2.CV_64F).var()) for plane in luma])


def luma_scorer(images: Sequence[RgbImage]) -> npt.NDArray[np.float64]:
    """Mean luma."""
    return np.array([float(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean()) for image in images])


def piqe_scorer(images: Sequence[RgbImage]) -> npt.NDArray[np.float64]:
    """Minus PIQE of pyiqa, where that package is installed; lower PIQE is better."""
    import pyiqa

    metric = pyiqa.create_metric("piqe", device="cpu")
    scores = []
    for image in images:
        tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        scores.append(-float(metric(tensor).reshape(-1)[0]))
    return np.array(scores)
