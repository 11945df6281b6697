"""The stage `selections`: the few frames worth keeping, and why the others are not."""

import json
from collections import Counter
from collections.abc import Mapping

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.select.choose import choose, sources_of_selections
from thumb_assets.select.guidance import Guidance
from thumb_assets.select.measure import ScoreTables
from thumb_assets.select.rules import required_tables
from thumb_assets.select.tell import DOUBTFUL, NOTHING_KEPT, SETTINGS, nothing_kept
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, Stage, VideoTables
from thumb_assets.stages.kit.work import OF_CANDIDATES, score_tables
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import Verdict, scores_every_candidate, verify_coverage
from thumb_assets.tables.outputs import REJECTIONS, SELECTIONS
from thumb_assets.weights.registry import ModelFile, get_model_file

# Weights and vocabulary, by their names in the weights room.
MODELS_OF_WORDS = ("all-minilm-l6-v2", "all-minilm-l6-v2-vocabulary")
# Raised with every change of the choice: states of screens, nothing kept, subjects, faces, words.
VERSION_OF_CHOICE = "17"


def select_frames(job: VideoTables, run: RunContext) -> Made:
    """The tables `selections` and `rejections`."""
    settings, tables = run.settings, score_tables(job)
    clip_footer = job.footer("clip_scores") if tables.clip_scores is not None else {}
    guidance = run.guidance(job.video_id, clip_footer)
    choice = choose(job.table("candidate_frames"), tables, settings=settings.selection, guidance=guidance)
    metrics: dict[str, int | float | str] = {
        "num_rejections": choice.rejections.num_rows,
        "components": ", ".join(choice.components) or "none",
    }
    unscored = [
        name
        for name, table in tables.tables().items()
        if scores_every_candidate(name) and not verify_coverage(job.table("candidate_frames"), table).is_passed
    ]
    notes = [f"{', '.join(unscored)} lack some of the candidates: run these stages again"] if unscored else []
    known = guidance.scorer.embedding_model if guidance.scorer else None
    if known is not None and tables.embedding_model not in {None, known}:
        notes.append(
            f"the learned scorer has no say: it knows embeddings of {known}, not of {tables.embedding_model}; run "
            "`thumb-assets learn` again"
        )
    has_text = any(table is not None and table.num_rows for table in (tables.subtitles, tables.texts))
    if note := words_without_say(settings, clip_footer, guidance.unread, has_text=has_text):
        notes.append(note)
    notes += _why_plain(settings, guidance, tables)
    notes += [choice.note] if choice.note else []
    if notes:
        metrics["note"] = "; ".join(notes)
    made = {"selections": choice.selections, "rejections": choice.rejections}
    footer = {
        "components": json.dumps(choice.components),
        SETTINGS: settings.selection.model_dump_json(),
        DOUBTFUL: json.dumps(choice.doubtful),
    }
    if not choice.selections.num_rows:
        footer[NOTHING_KEPT] = nothing_kept(Counter(choice.rejections.column("reason").to_pylist()))
        metrics[NOTHING_KEPT] = footer[NOTHING_KEPT]
    return Made(made, footer, metrics)


def _why_plain(settings: Settings, guidance: Guidance, tables: ScoreTables) -> list[str]:
    """A note where words are asked for and subtitles and writing are not compared with them by meaning."""
    known = [table for table in (tables.subtitles, tables.texts) if table is not None and table.num_rows]
    if not known or settings.selection.words_by == "letters":
        return []
    texts = [text for table in known for text in table.column("text").to_pylist()]
    reasons = {name: guidance.why_plain(text, texts) for name, text in words_of(settings).items()}
    return [
        f"selection.{name} was compared with subtitles and writing letter by letter, not by meaning: {reason}"
        for name, reason in reasons.items()
        if reason
    ]


def words_without_say(
    settings: Settings, clip_footer: Mapping[str, str] | None, unread: ThumbAssetsError | None, *, has_text: bool
) -> str | None:
    """A note where looking_for and avoid cannot be held against the pictures, one line; None where they are, or unset.

    Args:
        clip_footer: of the video's embeddings; None or empty where there are none.
        unread: see `Guidance`.
        has_text: whether the video has subtitles, or writing that was read.
    """
    asked = words_of(settings)
    if not asked or (clip_footer and unread is None):
        return None
    names = f"selection.{' and selection.'.join(asked)}"
    if not has_text:
        return f"{names} have no say without embeddings: run the stage clip_scores first"
    reason = "there are no embeddings (stage clip_scores)" if unread is None else str(unread)
    return f"only subtitles and writing were searched for {names}: {reason}"


def models_of_words(settings: Settings) -> tuple[ModelFile, ...]:
    """The files of the model by which words are compared with what is heard or read."""
    has_words = settings.selection.words_by == "meaning" and words_of(settings)
    return tuple(map(get_model_file, MODELS_OF_WORDS)) if has_words else ()


def words_of(settings: Settings) -> dict[str, str]:
    """The words that are looked for or avoided, by their setting."""
    names = ("looking_for", "avoid")
    return {name: text for name in names if (text := getattr(settings.selection, name)) is not None}


def _keeps_something(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> Verdict:
    """A frame of the video is worth keeping; a black one, for example, has none."""
    footer = store.footer("selections", video_id) or {}
    problems = [footer[NOTHING_KEPT]] if NOTHING_KEPT in footer else []
    about = "A frame of the video is worth keeping."
    return Verdict.of(about, num_checked=1, problems=problems, is_warning=True)


STAGE = Stage(
    name="selections",
    contracts=(SELECTIONS.made_of(sources_of_selections()), REJECTIONS),
    run=FromTables(select_frames),
    reads=("videos", "candidate_frames"),
    uses=(*OF_CANDIDATES, "judgements"),
    needs=lambda s: required_tables(s.selection),
    section="selection",
    optional_models=models_of_words,
    version=f"{VERSION_OF_CHOICE}.1",  # rejections name the setting that decides
    is_guided=True,
    checks={"keeps_something": _keeps_something},
)
