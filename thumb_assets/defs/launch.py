"""Runs videos through Dagster from the command line: same jobs, same records as the UI, no daemon needed."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path

import dagster as dg

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.partitions import add_videos
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.pipeline import warm_engine
from thumb_assets.settings import dagster_home
from thumb_assets.store import TableStore


def prepare_dagster_home(store: TableStore) -> Path:
    """DAGSTER_HOME where the user set one, else `data/dagster`; made, and given the project's dagster.yaml."""
    home = dagster_home() or store.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copyfile(_packaged_dagster_yaml(), home / "dagster.yaml")
    return home


def run_through_dagster(
    video_ids: Sequence[str],
    stages: Sequence[str],
    resource: ThumbAssetsResource,
    *,
    num_videos_per_run: int = 25,
    on_run: Callable[[int], None] | None = None,
) -> tuple[bool, list[str]]:
    """Runs stages of videos in this process as Dagster runs over ranges of partitions.

    Args:
        on_run: called with the number of videos of each run that ended.

    Returns:
        Whether every run succeeded, and what ended a run besides failed videos, one line each. A failed video does
        not stop the others; its reason is in the outcomes.
    """
    home = prepare_dagster_home(resource.store)
    os.environ["DAGSTER_HOME"] = str(home)  # dagster reads it in places that take no instance
    job = build_definitions(resource=resource).resolve_job_def("thumbnails")
    is_success, unexpected = True, []
    with dg.DagsterInstance.from_config(str(home)) as instance, warm_engine():
        add_videos(instance, list(video_ids))
        for chunk in _ranges(instance.get_dynamic_partitions("videos"), set(video_ids), num_videos_per_run):
            result = job.execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(stage) for stage in stages],
                tags={"dagster/asset_partition_range_start": chunk[0], "dagster/asset_partition_range_end": chunk[-1]},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )
            is_success &= result.success
            unexpected += _unexpected(result.all_events)
            if on_run:
                on_run(len(chunk))
    return is_success, unexpected


def _unexpected(events: Sequence[dg.DagsterEvent]) -> list[str]:
    """First line of each exception that ended a step, other than our own Failure, whose reasons are outcomes."""
    lines = []
    for event in events:
        if not event.is_step_failure or event.step_failure_data.user_failure_data is not None:
            continue
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        lines.append(error.message.splitlines()[0] if error is not None else "the run failed")
    return lines


def _ranges(all_keys: Sequence[str], wanted: set[str], size: int) -> Iterator[list[str]]:
    """Consecutive partitions that are all wanted, at most `size` together: what a range can name."""
    chunk: list[str] = []
    for key in all_keys:
        if key in wanted:
            chunk.append(key)
        if chunk and (key not in wanted or len(chunk) == size):
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _packaged_dagster_yaml() -> Path:
    packaged = Path(str(resources.files("thumb_assets.defs") / "dagster.yaml"))
    # In a checkout the file lies at the top level, where Dagster's own tools look for it.
    return packaged if packaged.exists() else Path(__file__).parents[2] / "dagster.yaml"
