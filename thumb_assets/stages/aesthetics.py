"""The stage `aesthetics`: how pleasing each candidate is, from the embedding that CLIP gave it."""

from collections.abc import Mapping

import numpy as np

from thumb_assets.clip.aesthetics import HEADS, AestheticHead
from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.select.measure import embedding_model_of
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import (
    FromTables,
    Made,
    RunContext,
    SkippedError,
    Stage,
    VideoTables,
    skip_or_raise,
)
from thumb_assets.stages.kit.work import covers_candidates
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.tables.pictures import AESTHETICS
from thumb_assets.weights.registry import ModelFile, check_models, get_model_file
from thumb_assets.weights.resolve import resolve_file

# The entry of the registry that says which setting names a file of one's own.
_OWN = HEADS["ViT-L-14", "openai"]


def rate_candidates(job: VideoTables, run: RunContext) -> Made:
    """The table `aesthetics`.

    Raises:
        SkippedError: it is not asked for, or the head cannot be had and the setting says to do without.
        ModelUnavailableError: likewise, and the setting says that this is an error.
        SettingsError: there is no head for the model of the embeddings.
    """
    settings = run.settings
    if not settings.aesthetics.is_on:
        raise SkippedError("aesthetics are not asked for: set aesthetics.is_on=true")
    rows = job.table("clip_scores").select(["frame_index", "embedding", "error"]).to_pylist()
    try:
        head = _head_for(job.footer("clip_scores"), run)
        embedded = [row["embedding"] for row in rows if row["embedding"] is not None]
        scores = iter(head.scores(np.array(embedded, np.float16)).tolist() if embedded else ())
    except ModelUnavailableError as error:
        raise skip_or_raise(error, settings.aesthetics.on_unavailable) from None
    made = [
        {
            "video_id": job.video_id,
            "frame_index": row["frame_index"],
            "aesthetic_score": None if row["embedding"] is None else next(scores),
            "error": row["error"],
        }
        for row in rows
    ]
    return Made({"aesthetics": table_from_rows("aesthetics", made)}, {"model_sha256": head.model_sha256})


def _head_for(footer: Mapping[str, str], run: RunContext) -> AestheticHead:
    """The head for embeddings whose table has that footer; each is read once.

    Whoever names a file of their own knows which embeddings it is for.
    """
    explicit = run.settings.aesthetics.model_path
    pair = footer.get("model_name", ""), footer.get("pretrained", "").partition("@")[0]
    if pair not in HEADS and explicit is None:
        raise SettingsError(
            f"no aesthetic head is for the embeddings of {embedding_model_of(footer)}; LAION's are for OpenAI's "
            "ViT-B-32 and ViT-L-14: set clip.model=ViT-L-14 and clip.pretrained=openai, or aesthetics.model_path "
            "to a head of your own, or aesthetics.is_on=false"
        )
    name = HEADS.get(pair, _OWN)
    key = f"aesthetics: {name}"
    if key not in run.kept:
        model = get_model_file(name)
        check_models([model], run.settings.models)
        run.kept[key] = AestheticHead(resolve_file(model, explicit=explicit))
    head: AestheticHead = run.kept[key]
    return head


def _models(settings: Settings) -> tuple[ModelFile, ...]:
    name = HEADS.get((settings.clip.model, settings.clip.pretrained or ""))
    return (get_model_file(name),) if settings.aesthetics.is_on and name else ()


STAGE = Stage(
    name="aesthetics",
    contracts=(AESTHETICS,),
    run=FromTables(rate_candidates),
    reads=("candidate_frames", "clip_scores"),
    columns={"candidate_frames": ()},
    section="aesthetics",
    is_on=lambda s: s.aesthetics.is_on,
    models=_models,
    model_files=lambda s: (s.aesthetics.model_path,),
    checks={"covers_candidates": covers_candidates},
)
