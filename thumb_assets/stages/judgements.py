"""The stage `judgements`: a vision-language model looks at the best candidates of each video."""

from dataclasses import replace
from functools import partial
from typing import Any

from thumb_assets.errors import ModelUnavailableError, NetworkError
from thumb_assets.judge.verdict import FrameJudge, RequestsUsedUpError, Verdict
from thumb_assets.select.choose import choose
from thumb_assets.select.rules import required_tables
from thumb_assets.settings.environment import judge_key
from thumb_assets.settings.judge import JudgeSettings
from thumb_assets.settings.load import Settings
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.stages.kit.declaration import (
    FromTables,
    Made,
    RunContext,
    SkippedError,
    Stage,
    VideoTables,
    skip_or_raise,
)
from thumb_assets.stages.kit.work import OF_CANDIDATES, bars_of, fetched_frames, score_tables
from thumb_assets.stages.selections import VERSION_OF_CHOICE
from thumb_assets.store.judge_cache import JudgeCache
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import Verdict as CheckVerdict
from thumb_assets.tables.checks import verify_judgements
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.tables.outputs import JUDGEMENTS


def judge_frames(job: VideoTables, run: RunContext) -> Made:
    """The table `judgements` of one video.

    Raises:
        SkippedError: no judge is set, or it cannot be had and the setting says to do without.
        NetworkError: it cannot be reached, and the setting says that this is an error.
        ModelUnavailableError: likewise, it refuses.
    """
    asked = run.settings.judge
    if asked.url is None:
        raise SkippedError("no judge is set: set judge.url and judge.model to have one look at the best candidates")
    wanted = _wanted(job, run)
    try:
        return _judged(job, run, wanted)
    except (NetworkError, ModelUnavailableError) as error:
        unavailable = error
    raise skip_or_raise(unavailable, asked.on_unavailable)


def judged_selection(settings: Settings) -> SelectionSettings:
    """Settings that choose the candidates for the judge: those of the best selections, but for their number."""
    unjudged = settings.selection.weights.model_copy(update={"judge": 0.0})
    asked = {"top_k": settings.judge.max_candidates, "strategy": "best", "weights": unjudged}
    return settings.selection.model_copy(update=asked)


def _wanted(job: VideoTables, run: RunContext) -> list[int]:
    """The candidates that the judge is asked about, best first."""
    tables = replace(score_tables(job), judgements=None)
    footer = None if tables.clip_scores is None else job.footer("clip_scores")
    choice = choose(
        job.table("candidate_frames"),
        tables,
        settings=judged_selection(run.settings),
        guidance=run.guidance(job.video_id, footer),
    )
    frame_indices: list[int] = choice.selections.column("frame_index").to_pylist()
    return frame_indices


def _judged(job: VideoTables, run: RunContext, wanted: list[int]) -> Made:
    asked = run.settings.judge
    judge = _judge_of_run(run)
    num_before = judge.num_requests
    rows: list[dict[str, Any]] = []
    left: set[int] = set()
    with fetched_frames(job, wanted, run.settings.video) as frames:
        for frame in frames:
            picture = frame.inside(bars_of(job)).rgb(asked.image_height)
            try:
                verdict = judge.judge(picture, on_wait=partial(run.events.video, job.video_id))
            except RequestsUsedUpError:  # a later one may be known already
                left.add(frame.frame_index)
                # A row, so that it does not count as one that was not worth a look.
                verdict = Verdict(None, None, "was not looked at: judge.max_requests was reached")
            rows.append(
                {
                    "video_id": job.video_id,
                    "frame_index": frame.frame_index,
                    "judge_score": verdict.score,
                    "reason": verdict.reason,
                    "model": asked.model,
                    "error": verdict.error,
                }
            )
    from thumb_assets.judge.question import prompt_sha256

    footer = {"model": asked.model, "prompt_sha256": prompt_sha256(asked)}
    metrics: dict[str, int | float | str] = {"num_requests": judge.num_requests - num_before}
    notes = _notes([row for row in rows if row["frame_index"] not in left], num_left=len(left), asked=asked)
    if notes:
        metrics["note"] = "; ".join(notes)
    return Made({"judgements": table_from_rows("judgements", rows)}, footer, metrics, is_complete=not left)


def _notes(rows: list[dict[str, Any]], *, num_left: int, asked: JudgeSettings) -> list[str]:
    errors = [str(row["error"]) for row in rows if row["error"] is not None]
    notes = []
    if errors:
        how_many = f"{len(errors)} of {len(rows)} rows have an error"
        notes.append(f"{how_many}, the first: {errors[0]} (--recompute tries them again)")
    if num_left:
        notes.append(
            f"{num_left} of {len(rows) + num_left} candidates were not judged: judge.max_requests "
            f"({asked.max_requests}) was reached; run again to go on, or raise it"
        )
    return notes


def _judge_of_run(run: RunContext) -> FrameJudge:
    """One judge for all videos: its requests are counted over them."""
    if "judgements" not in run.kept:
        from thumb_assets.judge.chat import ChatJudge

        cache = JudgeCache(run.store.judge_cache_path)
        run.kept["judgements"] = ChatJudge(run.settings.judge, key=judge_key(), cache=cache)
    judge: FrameJudge = run.kept["judgements"]
    return judge


def _judged_all(video_id: str, _stage: str, store: TableStore, _settings: Settings) -> CheckVerdict:
    """Every candidate that the judge was to look at has a score."""
    return verify_judgements(store.read("judgements", video_id))


STAGE = Stage(
    name="judgements",
    contracts=(JUDGEMENTS,),
    run=FromTables(judge_frames),
    reads=("videos", "frames", "candidate_frames"),
    needs=lambda s: required_tables(s.selection) if s.judge.url else (),
    uses=OF_CANDIDATES,
    section="judge",
    settings=lambda s: (s.judge, judged_selection(s)),
    is_on=lambda s: s.judge.url is not None,
    version=f"3.{VERSION_OF_CHOICE}",  # the picture between black bars
    tools=("pillow",),
    is_guided=True,
    checks={"covers_best_candidates": _judged_all},
    description="One row per candidate that a vision-language model (judge.url) looked at.",
)
