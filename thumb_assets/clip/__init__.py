"""Scores pictures against prompts: embeddings of pictures and texts, and the arithmetic on their cosines.

What belongs here: the encoder behind one Protocol, its preprocessing, prompts, clip_score, and one loaded model per
process. What does not: which frames are scored (candidates), what a score is worth beside others (select), where
weights come from (weights). Only this room imports open_clip.
"""

from thumb_assets.clip.encoder import ImageTextEncoder, OpenClipEncoder
from thumb_assets.clip.mini import MINI_MODEL
from thumb_assets.clip.scorer import ClipScore, ClipScorer, Prompts, load_clip_scorer, score_images
from thumb_assets.clip.scores import clip_scores_from_embeddings, greatest_similarity

__all__ = [
    "MINI_MODEL",
    "ClipScore",
    "ClipScorer",
    "ImageTextEncoder",
    "OpenClipEncoder",
    "Prompts",
    "clip_scores_from_embeddings",
    "greatest_similarity",
    "load_clip_scorer",
    "score_images",
]
