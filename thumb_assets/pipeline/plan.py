"""The one answer to what a run would do for a video: which stages it would make, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from thumb_assets.pipeline.job import VideoJob
from thumb_assets.pipeline.stages import table_inputs
from thumb_assets.store.outcomes import Outcome
from thumb_assets.tables.contracts import tables_of

Why = Literal["missing", "stale", "follows"]


@dataclass(frozen=True)
class Due:
    """A stage that a run would make.

    Attributes:
        why: `missing` where it was never done, or was skipped for a reason that no longer holds; `stale` where its
            inputs, settings or code have changed since; `follows` where a stage that it reads is due.
    """

    stage: str
    why: Why


def plan(job: VideoJob, outcomes: Mapping[str, Outcome], *, has_table: Mapping[str, bool]) -> tuple[Due, ...]:
    """The stages that a run of this job would make, in order; empty where it would find all of them unchanged.

    A stage that was skipped is not due while nothing has changed that may let it be made.

    Args:
        outcomes: what became of each stage when it was tried last.
        has_table: by table, whether it is stored.
    """
    due: list[Due] = []
    open_tables: set[str] = set()
    for stage in job.stages:
        why = _why(stage, job, outcomes.get(stage), has_table, open_tables)
        if why is not None:
            due.append(Due(stage, why))
            open_tables |= set(tables_of(stage))
    return tuple(due)


def _why(
    stage: str, job: VideoJob, outcome: Outcome | None, has_table: Mapping[str, bool], open_tables: set[str]
) -> Why | None:
    tables = tables_of(stage)
    is_stored = all(has_table[name] for name in tables)
    if tables and is_stored and not open_tables & set(table_inputs(stage)) and job.is_current(stage):
        return None
    if outcome is not None and outcome.status == "skipped":
        return None if outcome.attempt_key == job.attempt_key(stage) else "missing"
    if outcome is None or not is_stored:
        return "missing"
    if open_tables & set(table_inputs(stage)):
        return "follows"
    return "stale" if tables else None


def kind_of(due: Sequence[Due]) -> Literal["missing", "stale", "none"]:
    """The kind of a video: `missing` where any stage is, else `stale` where any is due."""
    if any(each.why == "missing" for each in due):
        return "missing"
    return "stale" if due else "none"
