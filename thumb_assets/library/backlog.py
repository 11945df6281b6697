"""Videos of the library that have work left, and the reason: never run, failed, out of date, or none."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from thumb_assets.errors import ContractError
from thumb_assets.pipeline.guidance import guides_sha256
from thumb_assets.pipeline.job import VideoJob
from thumb_assets.pipeline.plan import Due, kind_of, plan
from thumb_assets.pipeline.remembered import Difference, Keep, differences, settings_of_video
from thumb_assets.pipeline.stages import ordered_stages
from thumb_assets.settings.config import Configuration
from thumb_assets.settings.load import Settings
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.outcomes import Outcome, read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.contracts import tables_of

Work = Literal["missing", "failed", "stale", "none"]


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
    """Yields the work that is left of each video, in order; from outcomes and footers alone, no table is read.

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
