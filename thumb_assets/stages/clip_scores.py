"""The stage `clip_scores`: likeness of each candidate to prompts, and its embedding."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from thumb_assets.clip.loading import is_embedded
from thumb_assets.clip.scorer import load_clip_scorer
from thumb_assets.settings.load import Settings
from thumb_assets.settings.stages import PROMPT_FIELDS, ClipSettings
from thumb_assets.stages.kit.declaration import FromFrames, Stage
from thumb_assets.stages.kit.scorer import FrameScorer, Row
from thumb_assets.stages.kit.work import OF_FRAMES, covers_candidates
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.tables.measurements import CLIP_SCORES
from thumb_assets.weights.registry import ModelFile, find_model, open_clip_file


def _clip_scorer(settings: Settings) -> FrameScorer[Any, Any]:
    scorer = load_clip_scorer(settings.clip)

    def to_rows(video_id: str, frame_index: int, result: Any, error: str | None) -> list[Row]:
        return [
            {
                "video_id": video_id,
                "frame_index": frame_index,
                "positive_similarity": result and result.positive_similarity,
                "negative_similarity": result and result.negative_similarity,
                "clip_score": result and result.clip_score,
                "title_card_similarity": result and result.title_card_similarity,
                "embedding": None if result is None else result.embedding,
                "error": error,
            }
        ]

    def rescore(stored: pa.Table) -> pa.Table:
        keys = stored.select(["video_id", "frame_index", "error"]).to_pylist()
        embeddings = stored.column("embedding").to_pylist()
        vectors = np.array([embedding for embedding in embeddings if embedding is not None], dtype=np.float16)
        scores = iter(scorer.score_embeddings(vectors) if len(vectors) else ())
        rows = []
        for key, embedding in zip(keys, embeddings, strict=True):
            score = None if embedding is None else next(scores)
            rows += to_rows(key["video_id"], key["frame_index"], score, key["error"])
        return table_from_rows("clip_scores", rows)

    return FrameScorer(
        "clip_scores",
        lambda frame: frame.rgb(scorer.short_side),
        scorer.score,
        to_rows,
        batch_size=scorer.batch_size,
        footer=scorer.footer,
        rescore=rescore,
    )


def without_prompts(settings: Settings) -> Settings:
    """The settings with the prompts as by default: what the embeddings of pictures depend on."""
    usual = ClipSettings()
    prompts = {name: getattr(usual, name) for name in PROMPT_FIELDS}
    return settings.model_copy(update={"clip": settings.clip.model_copy(update=prompts)})


def _models(settings: Settings) -> tuple[ModelFile, ...]:
    name = settings.clip.model
    tag = f"{name}/{settings.clip.pretrained}" if settings.clip.pretrained else name
    # Only open_clip knows where the weights of the others are.
    unregistered = replace(open_clip_file(tag, ""), source="library", package="open-clip-torch", file_names=())
    return (find_model(name) or find_model(tag) or unregistered,)


def _tools(settings: Settings) -> tuple[str, ...]:
    """All that may compute the scores, so that a machine with a GPU and one without agree on what is outdated."""
    by_torch = ("open-clip-torch", "torch")
    return (*by_torch, "opencv-python-headless") if is_embedded(settings.clip) else by_torch


STAGE = Stage(
    name="clip_scores",
    contracts=(CLIP_SCORES,),
    run=FromFrames(_clip_scorer, without_texts=without_prompts),
    reads=OF_FRAMES,
    section="clip",
    version="5",  # of the picture between steady black bars
    tools=_tools,
    models=_models,
    model_files=lambda s: (s.clip.checkpoint,),
    kinds=frozenset({"parquet", "pytorch"}),
    checks={"covers_candidates": covers_candidates},
)
