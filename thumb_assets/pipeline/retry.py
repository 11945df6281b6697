"""Tries again what failed for a reason that may pass, and runs each video with the settings that hold for it."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from thumb_assets.events import Events
from thumb_assets.pipeline.isolate import run_isolated
from thumb_assets.pipeline.remembered import Asked, Group
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import Settings
from thumb_assets.store.parquet import TableStore

_LOGGER = logging.getLogger(__name__)


def run_with_retries(
    video_ids: Iterable[str],
    stages: Iterable[str],
    settings: Settings,
    store: TableStore,
    *,
    events: Events | None = None,
    asked: Mapping[str, Asked] | None = None,
    is_recomputed: bool = False,
    stop: threading.Event | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[StageResult]:
    """As `run_isolated`; videos that fail for a passing reason are tried again, after all the others.

    Failures are told once there is no further try: `backfill.retry_seconds` says how often and after how long. What
    was done is not done again. Failures that will not pass (`is_permanent`) are told at once.

    Args:
        stop: see `run_isolated`.
        sleep: waits before a try.
    """
    stages = tuple(stages)
    pending: Sequence[str] = list(dict.fromkeys(video_ids))
    told: dict[tuple[str, str], str] = {}
    for wait_seconds in (*settings.backfill.retry_seconds, None):
        held: dict[str, list[StageResult]] = {}
        results = run_isolated(
            pending, stages, settings, store, events=events, asked=asked, is_recomputed=is_recomputed, stop=stop
        )
        for result in results:
            key = (result.video_id, result.stage)
            if wait_seconds is not None and (result.video_id in held or _may_pass(result)):
                held.setdefault(result.video_id, []).append(result)
            elif key not in told or (result.status == "failed" and told[key] != "failed"):
                told[key] = result.status
                yield result
        if wait_seconds is None or not held:
            return
        reasons = [next(result.message for result in of_video if _may_pass(result)) for of_video in held.values()]
        _LOGGER.warning("%d videos are tried again in %g s; the first: %s", len(held), wait_seconds, reasons[0])
        sleep(wait_seconds)
        pending = list(held)


def _may_pass(result: StageResult) -> bool:
    return result.status == "failed" and result.error is not None and not result.error.is_permanent


def run_groups(
    groups: Iterable[Group],
    stages: Iterable[str] | None,
    store: TableStore,
    *,
    has_retries: bool = False,
    is_recomputed: bool = False,
    stop: threading.Event | None = None,
) -> Iterator[StageResult]:
    """As `run_isolated`, or `run_with_retries`, for each group that `grouped` gives.

    Args:
        stop: see `run_isolated`.
        stages: None: those that are on by the settings of each group, which an earlier run may have turned on.
    """
    runner = run_with_retries if has_retries else run_isolated
    named = None if stages is None else tuple(stages)
    for group in groups:
        yield from runner(
            group.video_ids,
            default_stages(group.settings) if named is None else named,
            group.settings,
            store,
            asked=group.asked,
            is_recomputed=is_recomputed,
            stop=stop,
        )
