"""The partitions: one per video, its key the `video_id`."""

from collections.abc import Sequence

import dagster as dg

from thumb_assets.defs.instance import open_instance
from thumb_assets.defs.internals import NOT_FINISHED_STATUSES, BulkActionsFilter, BulkActionStatus
from thumb_assets.errors import UnavailableError
from thumb_assets.settings.operation import BackfillSettings
from thumb_assets.store.parquet import TableStore

VIDEOS = dg.DynamicPartitionsDefinition(name="videos")


def known_videos(instance: dg.DagsterInstance) -> list[str]:
    """The partitions that the instance knows, in the order they were added."""
    return list(instance.get_dynamic_partitions(str(VIDEOS.name)))


def add_videos(instance: dg.DagsterInstance, video_ids: list[str]) -> list[str]:
    """Adds partitions that the instance does not know yet and returns those."""
    known = set(known_videos(instance))
    new = [video_id for video_id in dict.fromkeys(video_ids) if video_id not in known]
    if new:
        instance.add_dynamic_partitions(str(VIDEOS.name), new)
    return new


def under_way(instance: dg.DagsterInstance) -> str | None:
    """A backfill or run that is under way or waits, such as "run 0123abcd": Dagster ends those whose partitions go."""
    wanted = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING])
    for backfill in instance.get_backfills(filters=wanted, limit=1):
        return f"backfill {backfill.backfill_id}"
    for run_id in instance.get_run_ids(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES), limit=1):
        return f"run {run_id[:8]}"
    return None


def partitions_of(store: TableStore) -> list[str]:
    """The partitions that Dagster knows."""
    with open_instance(store) as instance:
        return known_videos(instance)


def require_idle(store: TableStore) -> None:
    """Refuses while Dagster is at work: it ends a backfill or run whose partitions go.

    Raises:
        UnavailableError: a backfill or run is under way.
    """
    with open_instance(store) as instance:
        work = under_way(instance)
    if work is not None:
        raise UnavailableError(
            f"Dagster is at work ({work}), and would give up where partitions go: wait until it is done, or cancel it "
            "in the UI, and prune again"
        )


def remove_partitions(store: TableStore, video_ids: Sequence[str]) -> None:
    """Removes partitions; what Dagster recorded of them stays in its history."""
    with open_instance(store) as instance:
        for video_id in video_ids:
            instance.delete_dynamic_partition(str(VIDEOS.name), video_id)


def run_tags(settings: BackfillSettings) -> dict[str, str]:
    """Tags for the longest time of a run and for the workers it is for, where the settings name them."""
    queue = {"dagster-celery/queue": settings.queue} if settings.queue else {}
    return {"dagster/max_runtime": str(settings.max_run_seconds)} | queue


def range_tags(video_ids: Sequence[str]) -> dict[str, str]:
    """The tags by which one run works on partitions that follow each other."""
    return {"dagster/asset_partition_range_start": video_ids[0], "dagster/asset_partition_range_end": video_ids[-1]}
