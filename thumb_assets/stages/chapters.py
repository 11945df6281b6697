"""The stage `chapters`: spans of like content out of the tables of one video, with titles where a model knows words."""

import hashlib
import json
from functools import lru_cache, partial

from thumb_assets.clip.mini import MINI_MODEL
from thumb_assets.clip.scorer import load_clip_scorer
from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.select.chapters import Labels, chapters_of, verify_chapters
from thumb_assets.settings.load import Settings
from thumb_assets.settings.stages import ClipSettings
from thumb_assets.stages import clip_scores
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, SkippedError, Stage, VideoTables
from thumb_assets.stages.kit.work import OF_CANDIDATES, score_tables
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.stored_files import FILES, FILES_SHA256
from thumb_assets.tables.checks import Verdict
from thumb_assets.tables.outputs import CHAPTERS
from thumb_assets.weights.registry import check_models

# CLIP was trained on captions of pictures: a label alone is less like one.
_CAPTION = "a photo of {}"


def make_chapters(job: VideoTables, run: RunContext) -> Made:
    """The table `chapters` and the files that say the same.

    Raises:
        SkippedError: they are not asked for.
    """
    settings, store = run.settings, run.store
    if not settings.chapters.is_on:
        raise SkippedError("chapters are not asked for: set chapters.is_on=true")
    from thumb_assets.export.chapters import export_chapters

    labels, reason, is_final = _labels(job, settings, store)
    (video,) = job.table("videos").to_pylist()
    chapters = chapters_of(
        job.table("candidate_frames"),
        score_tables(job),
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
        metrics["titles"] = f"none of labels: {reason}"
    return Made({"chapters": chapters}, {FILES: json.dumps(sizes), FILES_SHA256: json.dumps(hashes)}, metrics, is_final)


def _labels(job: VideoTables, settings: Settings, store: TableStore) -> tuple[Labels | None, str, bool]:
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
        check_models(clip_scores.STAGE.models(settings), settings.models)
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


def _tiles(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """The chapters tile the video, each begins with a shot, and the frame that stands for it is in it."""
    return verify_chapters(store.read("chapters", video_id), store.read("shots", video_id))


STAGE = Stage(
    name="chapters",
    contracts=(CHAPTERS,),
    run=FromTables(make_chapters),
    reads=("videos", "frames", "shots", "candidate_frames"),
    uses=tuple(name for name in OF_CANDIDATES if name not in {"frames", "shots"}),
    section="chapters",
    settings=lambda s: (s.chapters, s.selection),
    is_on=lambda s: s.chapters.is_on,
    version="3",  # titles of subtitles
    tools=("scikit-learn",),
    checks={"tiles_video": _tiles},
    description="Spans of like content that tile the video, as a table, WebVTT and FFmpeg metadata.",
)
