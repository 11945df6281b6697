"""Videos of the library that have work left, the stages that a run would make of each, and the reason."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from thumb_assets.errors import ContractError
from thumb_assets.pipeline.guidance import guides_sha256
from thumb_assets.pipeline.job import VideoJob
from thumb_assets.pipeline.remembered import Difference, Keep, differences, settings_of_video
from thumb_assets.pipeline.stages import ordered_stages, table_inputs
from thumb_assets.settings.config import Configuration
from thumb_assets.settings.load import Settings
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.outcomes import Outcome, read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.contracts import tables_of

Why = Literal["missing", "stale", "follows"]
Work = Literal["missing", "failed", "stale", "none"]


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
    is_open = bool(open_tables & set(table_inputs(stage, job.settings)))
    if tables and is_stored and not is_open and job.is_current(stage):
        return None
    if outcome is not None and outcome.status == "skipped":
        return None if outcome.attempt_key == job.attempt_key(stage) else "missing"
    if outcome is None or not is_stored:
        return "missing"
    if is_open:
        return "follows"
    return "stale" if tables else None


def kind_of(due: Sequence[Due]) -> Literal["missing", "stale", "none"]:
    """The kind of a video: `missing` where any stage is, else `stale` where any is due."""
    if any(each.why == "missing" for each in due):
        return "missing"
    return "stale" if due else "none"


@dataclass(frozen=True)
class Backlog:
    """The work that is left to do of one video.

    Attributes:
        work: `failed` where a stage failed when it was tried last, else `missing` where one was never done, else
            `stale` where the inputs, the settings or the code of one have changed since. A stage that was skipped
            counts as missing once the reason no longer holds: its package, model or setting is there now.
        is_permanent: of a failure: whether trying again is of no use until somebody puts something right.
        message: of the failure; None for others.
        due: the stages that a run would make, in order; of a failed video it is not worked out.
        differences: settings that it was made with and that are others now.
    """

    video: LibraryVideo
    work: Work
    is_permanent: bool | None = None
    message: str | None = None
    due: tuple[Due, ...] = ()
    differences: tuple[Difference, ...] = ()


def backlog_of(
    videos: Iterable[LibraryVideo],
    stages: Iterable[str],
    settings: Settings,
    store: TableStore,
    *,
    configuration: Configuration | None = None,
    keep: Keep = "asked",
) -> Iterator[Backlog]:
    """Yields the work that is left of each video, in order; from outcomes and footers alone. A table is read only
    where it was made before its footer said the hashes of its columns.

    Args:
        stages: only these count.
        configuration: has each video held against the settings that it would be worked on with, see `remembered`;
            None against `settings`.
        keep: which settings of earlier runs stay with a video.

    Raises:
        SettingsError: an unknown stage.
        StorageError: the disk does not answer.
    """
    wanted = ordered_stages(stages)
    guides = guides_sha256(settings, store)
    for video in videos:
        own = settings
        if configuration is not None:
            own = settings_of_video(video.video_id, configuration, store, keep=keep).settings
        left = _backlog(video, wanted, own, store, guides if own == settings else guides_sha256(own, store))
        yield replace(left, differences=differences(video.video_id, wanted, settings, store))


def _backlog(
    video: LibraryVideo,
    stages: Sequence[str],
    settings: Settings,
    store: TableStore,
    guides: Mapping[str, str | None],
) -> Backlog:
    try:
        outcomes = {outcome.stage: outcome for outcome in read_outcomes(store, video.video_id)}
    except ContractError as error:  # a diary that cannot be read says nothing; trying again writes it anew
        return Backlog(video, "failed", False, str(error))
    tried = {stage: outcomes[stage] for stage in stages if stage in outcomes}
    cause = _cause([outcome for outcome in tried.values() if outcome.status == "failed"])
    if cause is not None:
        return Backlog(video, "failed", cause.is_permanent, cause.message)
    job = VideoJob(video, stages=tuple(stages), settings=settings, store=store, guides=guides)
    has_table = {name: store.has(name, video.video_id) for stage in stages for name in tables_of(stage)}
    due = plan(job, tried, has_table=has_table)
    return Backlog(video, kind_of(due), due=due)


def _cause(failed: Sequence[Outcome]) -> Outcome | None:
    """The failure that the others follow from."""
    own = [outcome for outcome in failed if outcome.blocked_by is None]
    return next(iter([*own, *failed]), None)
