"""The job of all stages, and the backfills that the daemon works off in chunks: by hand, or by a schedule."""

import time
from collections.abc import Sequence

import dagster as dg

from thumb_assets.defs.internals import (
    AssetGraphSubset,
    BulkActionsFilter,
    BulkActionStatus,
    PartitionBackfill,
    make_new_backfill_id,
)
from thumb_assets.defs.partitions import VIDEOS, add_videos, run_tags
from thumb_assets.defs.provenance import graph_stages, would_be_skipped
from thumb_assets.defs.resources import ThumbAssetsResource, one_line_failures
from thumb_assets.library.backlog import backlog_of
from thumb_assets.pipeline.remembered import Keep
from thumb_assets.settings.operation import BackfillSettings
from thumb_assets.wording import count

TITLE = "thumb_backfill"
_SETTING = "backfill.remake_stale=true"

THUMBNAILS = dg.define_asset_job(
    "thumbnails",
    selection=dg.AssetSelection.groups("thumbnails"),
    description="Every stage of the chosen videos, from the file to the stills.",
)


def launch_backfill(
    instance: dg.DagsterInstance,
    *,
    video_ids: Sequence[str],
    stages: Sequence[str],
    resource: ThumbAssetsResource,
) -> str:
    """Hands videos to the daemon, which runs them in chunks of `backfill.num_videos_per_run`.

    Args:
        resource: the runs get its configuration.

    Returns:
        The backfill's id.
    """
    settings = resource.settings
    add_videos(instance, list(video_ids))
    # Dagster takes what a backfill skipped for failed, and all that follows from it.
    targets = [stage for stage in stages if not would_be_skipped(stage, settings)]
    videos = VIDEOS.subset_with_partition_keys(list(video_ids))
    backfill = PartitionBackfill.from_asset_graph_subset(
        backfill_id=make_new_backfill_id(),
        # Not by partition names: stages whose inputs are not among the chosen ones would be left out.
        asset_graph_subset=AssetGraphSubset({dg.AssetKey(stage): videos for stage in targets}),  # type: ignore[call-arg]
        backfill_timestamp=time.time(),
        tags=run_tags(settings.backfill),
        dynamic_partitions_store=instance,
        title=TITLE,
        description=count(len(video_ids), "video"),
        run_config={"resources": {"thumb_assets": {"config": resource.model_dump()}}},
    )
    instance.add_backfill(backfill)
    return str(backfill.backfill_id)


def _is_under_way(instance: dg.DagsterInstance) -> bool:
    backfills = instance.get_backfills(filters=BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]))
    return any(backfill.title == TITLE for backfill in backfills)


@dg.op(
    description="Launches a backfill of all videos with a stage missing, or that failed for a reason that may pass; "
    "what is out of date only with backfill.remake_stale."
)
def launch_what_is_left(context: dg.OpExecutionContext, thumb_assets: ThumbAssetsResource) -> None:
    """Looks at the whole library, however long that takes: a schedule's own tick may not."""
    with one_line_failures():
        configuration = thumb_assets.configuration
    settings = configuration.settings
    if _is_under_way(context.instance):
        context.log.info(f"a backfill {TITLE} is still under way: nothing is launched beside it")
        return
    stages = graph_stages(settings)
    # Nothing that is done is replaced by itself, unless the library says so.
    keep: Keep = "asked" if settings.backfill.remake_stale else "made"
    wanted = {"missing", "failed", "stale"} if settings.backfill.remake_stale else {"missing", "failed"}
    videos = thumb_assets.library.all()
    backlog = list(backlog_of(videos, stages, settings, thumb_assets.store, configuration=configuration, keep=keep))
    chosen = [left.video.video_id for left in backlog if left.work in wanted and not left.is_permanent]
    num_stale = sum(left.work == "stale" for left in backlog) if "stale" not in wanted else 0
    num_permanent = sum(left.is_permanent is True for left in backlog)
    context.log.info(f"{len(chosen)} of {len(backlog)} videos have work left; {num_permanent} failed for good")
    if num_stale:
        context.log.info(
            f"{num_stale} are out of date and stay as they are: `thumb-assets backfill --stale`, or {_SETTING}"
        )
    if not chosen:
        return
    backfill_id = launch_backfill(
        context.instance,
        video_ids=chosen,
        stages=stages,
        resource=thumb_assets.keeping(keep),
    )
    context.log.info(f"launched backfill {backfill_id}")


@dg.job(
    name="thumb_backfill",
    description="Launches a backfill of what is left to do in the library; the schedule of that name runs it.",
)
def thumb_backfill_job() -> None:
    """One step: see `launch_what_is_left`."""
    launch_what_is_left()


def build_schedule(settings: BackfillSettings) -> dg.ScheduleDefinition:
    """`thumb_backfill`; stopped until somebody turns it on in the UI."""
    return dg.ScheduleDefinition(
        name="thumb_backfill",
        job=thumb_backfill_job,
        cron_schedule=settings.cron,
        execution_timezone=settings.timezone,
        description="Launches a backfill of all videos with a stage missing, or that failed for a reason that may "
        "pass, in chunks of backfill.num_videos_per_run. What is out of date stays (see backfill.remake_stale).",
    )
