"""The stage `selections`: the few frames worth keeping, and why the others are not."""

import json
from collections import Counter
from collections.abc import Mapping

from thumb_assets.select.choose import choose, sources_of_selections
from thumb_assets.select.tell import DOUBTFUL, NOTHING_KEPT, SETTINGS, nothing_kept
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, Stage, VideoTables
from thumb_assets.stages.kit.work import OF_CANDIDATES, score_tables
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import Verdict, verify_coverage
from thumb_assets.tables.contracts import TABLES
from thumb_assets.tables.outputs import REJECTIONS, SELECTIONS

# Raised with every change of the choice: screens by states, nothing of a video that shows nothing, subjects, faces.
VERSION_OF_CHOICE = "14"


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
        if _scores_every_candidate(name) and not verify_coverage(job.table("candidate_frames"), table).is_passed
    ]
    notes = [f"{', '.join(unscored)} lack some of the candidates: run these stages again"] if unscored else []
    known = guidance.scorer.embedding_model if guidance.scorer else None
    if known is not None and tables.embedding_model not in {None, known}:
        notes.append(
            f"the learned scorer has no say: it knows embeddings of {known}, not of {tables.embedding_model}; run "
            "`thumb-assets learn` again"
        )
    if note := words_without_embeddings(settings, clip_footer):
        notes.append(note)
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


def _scores_every_candidate(table_name: str) -> bool:
    """True for the tables of scorers, which have rows for every candidate; a candidate may have no face."""
    of_candidates = TABLES[table_name].lineage.get("frame_index") == (("candidate_frames", "frame_index"),)
    return of_candidates and table_name not in {"faces", "judgements"}


def words_without_embeddings(settings: Settings, clip_footer: Mapping[str, str] | None) -> str | None:
    """Why words that are asked for have no say, one line; None where none are asked for, or they have."""
    asked = words_of(settings)
    if not asked or clip_footer:
        return None
    return f"selection.{' and selection.'.join(asked)} have no say without embeddings: run the stage clip_scores first"


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
    section="selection",
    version=f"{VERSION_OF_CHOICE}.1",  # rejections name the setting that decides
    is_guided=True,
    checks={"keeps_something": _keeps_something},
)
