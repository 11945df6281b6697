"""Runs videos each with the settings that hold for it: the library's, or those it was asked to be made with."""

from collections.abc import Iterable, Iterator

from thumb_assets.pipeline.isolate import run_isolated
from thumb_assets.pipeline.remembered import Group
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.retry import run_with_retries
from thumb_assets.store.parquet import TableStore


def run_groups(
    groups: Iterable[Group],
    stages: Iterable[str],
    store: TableStore,
    *,
    has_retries: bool = False,
    is_recomputed: bool = False,
) -> Iterator[StageResult]:
    """As `run_isolated`, or `run_with_retries`, for each group that `grouped` gives."""
    runner = run_with_retries if has_retries else run_isolated
    stages = tuple(stages)
    for group in groups:
        yield from runner(
            group.video_ids,
            stages,
            group.settings,
            store,
            asked=group.asked,
            is_recomputed=is_recomputed,
        )
