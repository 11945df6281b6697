"""dagster.yaml: what may run at the same time, and where the records are."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
from dagster._cli.utils import get_possibly_temporary_instance_for_cli
from dagster._core.op_concurrency_limits_counter import GlobalOpConcurrencyLimitsCounter

from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.instance import open_instance, prepare_dagster_home
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.store.parquet import TableStore

REPOSITORY = Path(__file__).resolve().parents[2]


def test_dagsters_own_tools_in_a_checkout_keep_their_records_where_ours_do(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path
    assert data_dir == checkout / "data"
    home = prepare_dagster_home(TableStore(data_dir))
    with monkeypatch.context() as with_home:
        with_home.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.get() as ours:
            ours.add_dynamic_partitions("videos", ["clip-00000000"])
    shutil.copyfile(REPOSITORY / "dagster.yaml", checkout / "dagster.yaml")
    monkeypatch.chdir(checkout)
    with get_possibly_temporary_instance_for_cli("dagster dev") as theirs:
        assert theirs.root_directory != str(home)
        assert theirs.get_dynamic_partitions("videos") == ["clip-00000000"]


def test_each_data_folder_of_a_process_has_its_own_records(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with open_instance(TableStore(tmp_path / name)) as instance:
            assert instance.get_dynamic_partitions("videos") == []
            instance.add_dynamic_partitions("videos", [f"{name}-00000000"])


def test_one_run_at_a_time_uses_a_pool(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=["backfill.pool=gpu"])
    job = build_definitions(resource=resource).resolve_job_def("thumbnails")
    home = prepare_dagster_home(TableStore(data_dir))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as instance:
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
