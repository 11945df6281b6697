"""Dagster's event files stay open, and what is in them is whole for whoever reads them beside."""

import sqlite3
from pathlib import Path

import dagster as dg
import pytest

from thumb_assets.defs import event_log

NUM_EVENTS = 5


@pytest.fixture(autouse=True)
def _sped_up() -> None:
    event_log.speed_up_event_log()


def stored_partitions(home: Path) -> list[str]:
    """By another reader, while the writer's connections are open."""
    with sqlite3.connect(home / "history" / "runs" / "index.db") as connection:
        rows = connection.execute('SELECT "partition" FROM event_logs WHERE asset_key IS NOT NULL ORDER BY id')
        return [row[0] for row in rows]


def test_events_are_there_for_other_readers_at_once(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for number in range(NUM_EVENTS):
            instance.report_runless_asset_event(dg.AssetMaterialization("a", partition=str(number)))
            assert stored_partitions(tmp_path) == [str(each) for each in range(number + 1)]
        assert instance.get_materialized_partitions(dg.AssetKey("a")) == {str(each) for each in range(NUM_EVENTS)}
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert len(instance.get_materialized_partitions(dg.AssetKey("a"))) == NUM_EVENTS


def test_no_more_than_a_few_files_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "_MAX_KEPT", 2)
    homes = [tmp_path / str(number) for number in range(4)]
    for _ in range(2):  # the second time around, each is opened again
        for home in homes:
            home.mkdir(exist_ok=True)
            with dg.DagsterInstance.local_temp(str(home)) as instance:
                instance.report_runless_asset_event(dg.AssetMaterialization("a", partition="x"))
            assert len(event_log._engines) <= 3
    assert [stored_partitions(home) for home in homes] == [["x", "x"]] * len(homes)
