"""The stage `chapters`: spans of like content out of the tables of one video, with titles where a model knows words."""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache, partial

from thumb_assets.clip import MINI_MODEL, load_clip_scorer
from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.export import export_chapters
from thumb_assets.pipeline.from_tables import score_tables
from thumb_assets.pipeline.job import Made, SkippedError, VideoJob
from thumb_assets.select.chapters import Labels, chapters_of
from thumb_assets.settings import ClipSettings, Settings
from thumb_assets.store import FILES, FILES_SHA256, TableStore
from thumb_assets.weights import check_licences

# CLIP was trained on captions of pictures: a label alone is less like one.
_CAPTION = "a photo of {}"


def make_chapters(job: VideoJob, settings: Settings, store: TableStore, iqa_footer: Mapping[str, str]) -> Made:
    """The table `chapters` and the files that say the same.

    Args:
        iqa_footer: see `score_tables`.

    Raises:
        SkippedError: they are not asked for.
    """
    if not settings.chapters.is_on:
        raise SkippedError("chapters are not asked for: set chapters.is_on=true")
    labels, reason, is_final = _labels(job, settings, store)
    (video,) = job.table("videos").to_pylist()
    chapters = chapters_of(
        job.table("candidate_frames"),
        score_tables(job, iqa_footer),
        duration_seconds=video["duration_seconds"],
        settings=settings.chapters,
        selection=settings.selection,
        labels=labels,
    )
    folder = store.chapters_dir(job.video_id)
    files = export_chapters(chapters, folder=folder, on_swap=partial(store.delete, "chapters", job.video_id))
    sizes = {name: len(content) for name, content in files.items()}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    metrics: dict[str, int | float | str] = {"num_bytes": sum(sizes.values())}
    if reason:
        metrics["titles"] = f"none: {reason}"
    return Made({"chapters": chapters}, {FILES: json.dumps(sizes), FILES_SHA256: json.dumps(hashes)}, metrics, is_final)


def _labels(job: VideoJob, settings: Settings, store: TableStore) -> tuple[Labels | None, str, bool]:
    """The titles as the model of the stored embeddings sees them, or why there are none, and whether that may pass.

    What the stage is made from holds no setting of `clip`: where the reason lies in these, the next run tries again.
    """
    if not settings.chapters.labels:
        return None, "chapters.labels is empty", True
    if job.optional_table("clip_scores") is None:
        return None, "there are no embeddings (stage clip_scores)", True
    footer = store.footer("clip_scores", job.video_id) or {}
    if footer.get("model_name") == MINI_MODEL:
        return None, f"{MINI_MODEL} knows clean from spoiled and no other words; set clip.model to another", True
    try:
        check_licences("clip_scores", settings)
        scorer = load_clip_scorer(settings.clip)
    except (ModelUnavailableError, SettingsError) as error:
        return None, str(error), False
    if any(footer.get(key) != scorer.footer[key] for key in ("model_name", "pretrained")):
        model = f"{footer.get('model_name')} ({footer.get('pretrained')})"
        return None, f"the embeddings are of {model}, another model than clip.model and clip.pretrained", False
    return _encoded(settings.clip, settings.chapters.labels), "", True


@lru_cache(maxsize=4)
def _encoded(settings: ClipSettings, texts: tuple[str, ...]) -> Labels:
    encoder = load_clip_scorer(settings).encoder
    return Labels(texts, encoder.encode_texts([_CAPTION.format(text) for text in texts]))
