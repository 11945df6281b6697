"""A Dagster instance of this test alone, and runs over ranges of partitions as a backfill makes them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.partitions import add_videos
from thumb_assets.defs.resources import ThumbAssetsResource

RunRange = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def run_range(instance: dg.DagsterInstance, data_dir: Path) -> RunRange:
    """`run_range(video_ids, stages)` runs one range of partitions over the data folder."""

    def run(
        video_ids: Sequence[str], stages: Sequence[str], overrides: Sequence[str] = ()
    ) -> dg.ExecuteInProcessResult:
        add_videos(instance, list(video_ids))
        # What is tested is Dagster: a child process would load the models for every run.
        in_this_process = ["video.is_isolated=false", "backfill.retry_seconds=[]", *overrides]
        resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=in_this_process)
        job = build_definitions(resource=resource, named=stages).resolve_job_def("thumbnails")
        return job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(stage) for stage in stages],
            tags={
                "dagster/asset_partition_range_start": video_ids[0],
                "dagster/asset_partition_range_end": video_ids[-1],
            },
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )

    return run
