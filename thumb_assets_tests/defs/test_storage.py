"""Dagster's records in files that stay open: the same records, whoever reads them, none in a file that is lost."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from thumb_assets.defs.instance import open_instance
from thumb_assets.defs.storage import OpenFilesEventLog
from thumb_assets.store.parquet import TableStore

NUM_RUNS = 12  # more than files stay open


@dg.asset
def a_frame(context: dg.AssetExecutionContext) -> None:
    context.add_output_metadata({"pid": os.getpid()})


@contextmanager
def opened(folder: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(TableStore(folder)) as instance:
        assert isinstance(instance.event_log_storage, OpenFilesEventLog)
        yield instance


def materialized(instance: dg.DagsterInstance) -> str:
    result = dg.materialize([a_frame], instance=instance)
    assert result.success
    return result.run_id


def kinds(log: EventLogStorage, run_id: str) -> list[str]:
    events = (record.event_log_entry.dagster_event for record in log.get_records_for_run(run_id).records)
    return [event.event_type_value for event in events if event]


def open_files(folder: Path) -> set[str]:
    links = Path("/proc/self/fd")
    if not links.exists():
        pytest.skip("only Linux tells which files are open")
    targets = {str(link.readlink()) for link in links.iterdir() if link.exists()}
    return {path for path in targets if path.startswith(f"{folder}/dagster/history/runs/") and path.endswith(".db")}


def test_dagsters_own_storage_reads_while_the_files_are_open_and_afterwards(tmp_path: Path) -> None:
    with opened(tmp_path) as instance:
        run_id = materialized(instance)
        found = kinds(instance.event_log_storage, run_id)
        assert "ASSET_MATERIALIZATION" in found
        folder = Path(instance.root_directory) / "history" / "runs"
        assert kinds(SqliteEventLogStorage(str(folder)), run_id) == found
    assert kinds(SqliteEventLogStorage(str(folder)), run_id) == found


def test_few_files_stay_open_and_none_once_the_instance_is_closed(tmp_path: Path) -> None:
    with opened(tmp_path) as instance:
        run_ids = [materialized(instance) for _ in range(NUM_RUNS)]
        assert 0 < len(open_files(tmp_path)) <= 8
        assert all("ASSET_MATERIALIZATION" in kinds(instance.event_log_storage, run_id) for run_id in run_ids)
        records = instance.fetch_materializations(dg.AssetKey("a_frame"), limit=100).records
        assert [record.run_id for record in records] == run_ids[::-1]
    assert not open_files(tmp_path)


def test_a_file_that_was_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    with opened(tmp_path) as instance:
        materialized(instance)
        folder = Path(instance.root_directory) / "history" / "runs"
        for path in folder.glob("*.db*"):
            path.unlink()
        run_id = materialized(instance)
        assert {f"{run_id}.db", "index.db"} <= {path.name for path in folder.iterdir()}
    with opened(tmp_path) as instance:
        assert [
            record.run_id for record in instance.fetch_materializations(dg.AssetKey("a_frame"), limit=9).records
        ] == [run_id]


def test_wiped_records_are_gone_and_new_ones_are_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as instance:
        gone = materialized(instance)
        instance.event_log_storage.wipe()
        assert not kinds(instance.event_log_storage, gone)
        run_id = materialized(instance)
        assert "ASSET_MATERIALIZATION" in kinds(instance.event_log_storage, run_id)


def test_threads_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as instance:
        run_id = materialized(instance)
        before = len(instance.all_logs(run_id))

        def report(number: int) -> None:
            for place in range(20):
                instance.report_engine_event(f"{number} {place}", run_id=run_id, job_name="__ASSET_JOB")

        threads = [threading.Thread(target=report, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(instance.all_logs(run_id)) == before + 80
