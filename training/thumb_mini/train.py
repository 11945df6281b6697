"""Trains the model for a number of steps; the same seed and number of steps give the same weights."""

import copy
import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader

from thumb_assets.settings.stages import NEGATIVE_PROMPTS, POSITIVE_PROMPTS
from training.thumb_mini.batches import BatchPlan, SpoiledPairs
from training.thumb_mini.captions import CLEAN, KINDS, captions_of
from training.thumb_mini.losses import caption_loss, clip_scores, rank_loss, score_loss
from training.thumb_mini.model import fresh_model, normalised
from training.thumb_mini.sources import Picture


@dataclass(frozen=True)
class TrainingPlan:
    """Plan of one run; num_steps is the only thing that ends it."""

    num_steps: int
    seed: int = 20
    batch: BatchPlan = field(default_factory=BatchPlan)
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.02
    num_warmup_steps: int = 40
    ema_decay: float = 0.99
    num_workers: int = 1
    report_every: int = 238


def train(
    pictures: Sequence[Picture], plan: TrainingPlan, *, device: str, report: Callable[[int, float, Any], None]
) -> Any:
    """The averaged model after plan.num_steps.

    Args:
        report: called every report_every steps and at the end with the step, the mean loss and the averaged model.
    """
    model, tokenizer = fresh_model(plan.seed)
    model = model.to(device=device, memory_format=torch.channels_last)
    averaged = copy.deepcopy(model).eval().requires_grad_(False)
    optimizer = _optimizer(model, plan)
    pairs = SpoiledPairs(pictures, num_steps=plan.num_steps, seed=plan.seed, plan=plan.batch)
    loader = DataLoader(pairs, batch_size=None, shuffle=False, num_workers=plan.num_workers)
    captions = _Captions(tokenizer, plan.seed, device)
    recent: list[float] = []
    started = time.monotonic()
    for step, (images, kinds) in enumerate(loader):
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * _schedule(step, plan)
        loss = _loss(model.train(), images.to(device), kinds.to(device), captions, step=step, plan=plan)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        _average(averaged, model, min(plan.ema_decay, (1 + step) / (10 + step)))
        recent.append(float(loss.detach()))
        if (step + 1) % plan.report_every == 0 or step + 1 == plan.num_steps:
            print(
                f"step {step + 1}/{plan.num_steps}: loss {np.mean(recent):.4f}, {time.monotonic() - started:.0f} s",
                flush=True,
            )
            report(step + 1, float(np.mean(recent)), averaged)
            recent.clear()
    return averaged


@functools.cache
def has_fast_bfloat16(device: str) -> bool:
    """True if bfloat16 is quicker than float32 here: on a GPU, and on processors with instructions for it."""
    if device != "cpu":
        return device == "cuda"
    processor = Path("/proc/cpuinfo")
    flags = processor.read_text(encoding="utf-8") if processor.is_file() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


class _Captions:
    """Tokens of the prompts and, per step, of one caption of every kind."""

    def __init__(self, tokenizer: Any, seed: int, device: str) -> None:
        self._seed = seed
        self._per_kind = [tokenizer(list(captions_of(kind))).to(device) for kind in (CLEAN, *KINDS)]
        self._prompts = tokenizer([*POSITIVE_PROMPTS, *NEGATIVE_PROMPTS]).to(device)
        self._positive = [tokenizer([text]).to(device) for text in captions_of(CLEAN)]
        self.num_positive = len(POSITIVE_PROMPTS)
        prompt_of = [captions_of(kind)[0] for kind in (CLEAN, *KINDS)]
        # Kinds under one prompt share it: a caption of a neighbour is not quite wrong.
        same = torch.tensor([[0.06 if a == b else 0.0 for b in prompt_of] for a in prompt_of])
        own = torch.eye(len(prompt_of))
        similar = torch.maximum(same * (1 - own), own)
        self.similar = (similar / similar.sum(dim=1, keepdim=True)).to(device)

    def tokens(self, step: int) -> torch.Tensor:
        """(prompts + kinds, context) tokens: the prompts of the settings, then one caption per kind."""
        rng = np.random.default_rng([self._seed, step, 1])
        chosen = [tokens[int(rng.integers(len(tokens)))] for tokens in self._per_kind]
        return torch.cat([self._prompts, torch.stack(chosen)])

    @property
    def num_prompts(self) -> int:
        """Number of rows of tokens() that are prompts."""
        return len(self._prompts)


def _loss(
    model: Any, images: torch.Tensor, kinds: torch.Tensor, captions: _Captions, *, step: int, plan: TrainingPlan
) -> torch.Tensor:
    is_half = has_fast_bfloat16(images.device.type)
    with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=is_half):
        features = model.encode_image(normalised(images))
    features = functional.normalize(features.float(), dim=-1)
    texts = model.encode_text(captions.tokens(step), normalize=True)
    prompts, described = texts[: captions.num_prompts], texts[captions.num_prompts :]
    scores = clip_scores(features, prompts[: captions.num_positive], prompts[captions.num_positive :])
    # The same arithmetic on a paraphrase of each prompt, so that other words work as well.
    other = clip_scores(features, described[:1], described[1:])
    num_clean = plan.batch.num_clean
    scale = model.logit_scale.exp().clamp(max=30.0)
    return (
        score_loss(scores, kinds == 0)
        + 0.5 * rank_loss(scores, num_clean)
        + 0.3 * score_loss(other, kinds == 0)
        + 0.4 * caption_loss(features, described, kinds, scale, captions.similar)
    )


def _optimizer(model: Any, plan: TrainingPlan) -> torch.optim.AdamW:
    decayed: list[torch.nn.Parameter] = []
    plain: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        is_matrix = parameter.ndim >= 2 and "embedding" not in name
        (decayed if is_matrix else plain).append(parameter)
    groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=plan.learning_rate, betas=(0.9, 0.98))


def _schedule(step: int, plan: TrainingPlan) -> float:
    if step < plan.num_warmup_steps:
        return (step + 1) / plan.num_warmup_steps
    progress = (step - plan.num_warmup_steps) / max(1, plan.num_steps - plan.num_warmup_steps)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))


@torch.no_grad()
def _average(averaged: Any, model: Any, decay: float) -> None:
    for mean, value in zip(averaged.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)
