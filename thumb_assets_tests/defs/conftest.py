"""A Dagster instance of this test alone, and runs over ranges of partitions as a backfill makes them."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.asset_graph_view.asset_graph_view import AssetGraphView, TemporalContext
from dagster._core.definitions.data_version import CachingStaleStatusResolver

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.partitions import add_videos
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets_tests.support.running import WITHOUT_MODELS

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


def stale_causes(instance: dg.DagsterInstance, data_dir: Path, video_id: str, *overrides: str) -> dict[str, set[str]]:
    """By stage, why Dagster calls the video's partition unsynced, where it does."""
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=["video.is_isolated=false", *overrides])
    graph = build_definitions(resource=resource).resolve_asset_graph()
    view = AssetGraphView(
        temporal_context=TemporalContext(effective_dt=datetime.now(UTC), last_event_id=None),
        instance=instance,
        asset_graph=graph,
    )
    resolver = CachingStaleStatusResolver(instance, graph, loading_context=view)
    causes = {stage: resolver.get_stale_causes(dg.AssetKey(stage), video_id) for stage in WITHOUT_MODELS}
    return {
        stage: {
            f"{each.dependency_asset_key.to_user_string() if each.dependency else stage} {each.reason}" for each in of
        }
        for stage, of in causes.items()
        if of
    }
