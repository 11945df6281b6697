"""Batches of clean frames, each beside spoiled copies of itself; the same step always gives the same batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from training.thumb_mini.captions import KINDS
from training.thumb_mini.clean import crop_to, decorate, encode, make_frame, recolour, soften
from training.thumb_mini.sources import Picture, RgbImage
from training.thumb_mini.spoil import spoil

# Kinds that are hard to learn are drawn more often, easy ones less; 1 where none is said.
_SHARES = {
    "dissolve": 2.5,
    "wipe": 2.5,
    "defocus": 2.0,
    "compression": 1.5,
    "lower_third": 1.5,
    "motion": 1.5,
    "combing": 1.5,
    "subtitles": 1.3,
    "rolling_shutter": 1.5,
    "black": 0.6,
    "credits": 0.6,
    "slide": 0.7,
    "title_card": 0.7,
}


@dataclass(frozen=True)
class BatchPlan:
    """Sizes of a batch: num_clean frames, each with num_copies spoiled copies, at image_size x image_size pixels."""

    num_clean: int = 16
    num_copies: int = 2
    image_size: int = 256


class SpoiledPairs(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """One whole batch per item.

    An item is (images, kinds): images (num_clean * (1 + num_copies), 3, S, S) uint8, the clean ones first and then the
    copies in the same order, once per copy; kinds int64, 0 for clean and 1 + index in KINDS for a defect.
    """

    def __init__(self, pictures: Sequence[Picture], *, num_steps: int, seed: int, plan: BatchPlan) -> None:
        self._pictures = pictures
        self._num_steps = num_steps
        self._seed = seed
        self._plan = plan
        shares = np.array([_SHARES.get(kind, 1.0) for kind in KINDS])
        self._shares = shares / shares.sum()
        sources = [picture.source for picture in pictures]
        # Frames of one clip and wallpapers of one package are alike, so each weighs a little less than a photograph.
        weights = np.array([1.0 if sources.count(source) > 40 or source in _SINGLE else 0.8 for source in sources])
        self._weights = weights / weights.sum()

    def __len__(self) -> int:
        return self._num_steps

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng([self._seed, step])
        plan = self._plan
        clean, copies = [], []
        num_spoiled = plan.num_clean * plan.num_copies
        kinds = self._kinds(num_spoiled, rng)
        for number in range(plan.num_clean):
            frame = make_frame(self._picture(rng), rng)
            quality = 100 if rng.random() < 0.3 else int(rng.integers(38, 96))
            noise = float(rng.uniform(0, 5)) if rng.random() < 0.3 else 0.0
            soft = decorate(soften(frame, rng), rng)
            clean.append(to_input(encode(soft, quality=quality, noise=noise, rng=rng), plan.image_size, rng))
            for copy in range(plan.num_copies):
                kind = KINDS[kinds[copy * plan.num_clean + number]]
                strength = float(rng.uniform(0.25, 1.0))
                spoiled = spoil(soft, self._other(frame, kind, rng), kind=kind, strength=strength, rng=rng)
                spoiled = encode(spoiled, quality=quality, noise=noise, rng=rng)
                copies.append((copy, number, to_input(spoiled, plan.image_size, rng)))
        ordered = clean + [image for _, _, image in sorted(copies, key=lambda entry: entry[:2])]
        labels = np.concatenate([np.zeros(plan.num_clean, np.int64), kinds + 1])
        return torch.from_numpy(np.stack(ordered)), torch.from_numpy(labels)

    def _kinds(self, count: int, rng: np.random.Generator) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        # Systematic sampling keeps every batch balanced.
        ticks = (np.arange(count) + rng.random()) / count
        drawn = np.searchsorted(np.cumsum(self._shares), ticks).clip(0, len(KINDS) - 1)
        return rng.permutation(drawn).astype(np.int64)

    def _picture(self, rng: np.random.Generator) -> RgbImage:
        return self._pictures[int(rng.choice(len(self._pictures), p=self._weights))].pixels

    def _other(self, frame: RgbImage, kind: str, rng: np.random.Generator) -> RgbImage:
        """A frame of another shot, same shape; only transitions need one."""
        if kind not in {"dissolve", "wipe"}:
            return frame
        height, width = frame.shape[:2]
        other = crop_to(self._picture(rng), height=height, aspect=width / height, rng=rng)
        if other.shape != frame.shape:
            other = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
        return recolour(other, rng)


_SINGLE = {"scikit-image", "matplotlib"}


def to_input(
    frame: RgbImage, size: int, rng: np.random.Generator | None = None
) -> "np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]":
    """A frame squashed to the model's size, (3, S, S) uint8, as the package's preprocessing does.

    The engine first reduces a frame to the model's short side; half of the training frames take that way too.
    """
    height, width = frame.shape[:2]
    if rng is not None and rng.random() < 0.5 and min(height, width) > size:
        scale = size / min(height, width)
        frame = cv2.resize(frame, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA).astype(
            np.uint8
        )
    squashed = Image.fromarray(frame).resize((size, size), Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(squashed).transpose(2, 0, 1))
