"""What dagster.yaml lets run at the same time."""

import shutil
from pathlib import Path

import dagster as dg
from dagster._core.op_concurrency_limits_counter import GlobalOpConcurrencyLimitsCounter

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.resources import ThumbAssetsResource

DAGSTER_YAML = Path(__file__).resolve().parents[2] / "dagster.yaml"


def test_one_run_at_a_time_uses_a_pool(tmp_path: Path, data_dir: Path) -> None:
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=["backfill.pool=gpu"])
    job = build_definitions(resource=resource).resolve_job_def("thumbnails")
    shutil.copyfile(DAGSTER_YAML, tmp_path / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        instance.event_log_storage.initialize_concurrency_limit_to_default("gpu")
        first = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        second = instance.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED)
        pools = instance.get_concurrency_config().pool_config

        def is_blocked(in_progress: list[dg.RunRecord]) -> bool:
            counter = GlobalOpConcurrencyLimitsCounter(
                instance,
                [second],
                in_progress,
                {"gpu"},
                instance.event_log_storage.get_pool_limits(),
                pool_granularity=pools.pool_granularity,
            )
            return counter.is_blocked(second)

        assert is_blocked(instance.get_run_records(dg.RunsFilter(run_ids=[first.run_id])))
        assert not is_blocked([])
