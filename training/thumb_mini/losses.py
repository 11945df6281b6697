"""Losses of the training: captions, the real clip_score, and the order of a frame and its own spoiled copies."""

import torch
from torch.nn import functional

# A clip_score times this is read as the log-odds of "clean"; with the smoothed targets below the optimum lies at
# about +0.07 for clean frames and -0.10 for spoiled ones.
SCORE_SCALE = 40.0
_CLEAN_TARGET, _SPOILED_TARGET = 0.943, 0.018
_RANK_MARGIN = 0.06


def clip_scores(images: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """max cosine to the positive prompts - mean cosine to the negative ones, per image.

    >>> axes = torch.eye(2)
    >>> clip_scores(axes, axes[:1], axes[1:]).tolist()
    [1.0, -1.0]
    """
    return (images @ positive.T).amax(dim=1) - (images @ negative.T).mean(dim=1)


def score_loss(scores: torch.Tensor, is_clean: torch.Tensor) -> torch.Tensor:
    """Cross entropy of the scores as log-odds, with clean and spoiled frames weighing the same."""
    targets = torch.where(is_clean, _CLEAN_TARGET, _SPOILED_TARGET)
    losses = functional.binary_cross_entropy_with_logits(scores * SCORE_SCALE, targets, reduction="none")
    return 0.5 * (losses[is_clean].mean() + losses[~is_clean].mean())


def rank_loss(scores: torch.Tensor, num_clean: int) -> torch.Tensor:
    """Shortfall of spoiled copies from a margin below their own clean frame."""
    clean, copies = scores[:num_clean], scores[num_clean:].reshape(-1, num_clean)
    return functional.softplus((copies - clean[None] + _RANK_MARGIN) * SCORE_SCALE).mean() / 2


def caption_loss(
    images: torch.Tensor, captions: torch.Tensor, kinds: torch.Tensor, scale: torch.Tensor, similar: torch.Tensor
) -> torch.Tensor:
    """Contrastive loss over one caption per kind, in both directions.

    Args:
        images: (N, D); captions: (K, D), one per kind, both L2 norm 1; kinds: (N,) index into captions.
        scale: multiplies the cosines; similar: (K, K) rows of soft targets, how well each caption fits each kind.
    """
    logits = scale * images @ captions.T
    to_text = functional.cross_entropy(logits, similar[kinds])
    columns = similar[kinds].T
    columns = columns / columns.sum(dim=1, keepdim=True).clamp_min(1e-6)
    has_image = similar[kinds].sum(dim=0) > 0.5
    to_image = functional.cross_entropy(logits.T[has_image], columns[has_image])
    return 0.7 * to_text + 0.3 * to_image
