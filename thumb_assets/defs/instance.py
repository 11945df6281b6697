"""Dagster's instance of a data folder: its home, its configuration and its connection."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import dagster as dg

from thumb_assets.defs.internals import InstanceRef, NoOpComputeLogManager
from thumb_assets.settings.environment import dagster_home
from thumb_assets.store.parquet import TableStore

_MAX_STATEMENT_MILLISECONDS = 60_000
_MAX_CONNECTION_SECONDS = 300
# What follows in the file is for Dagster's own tools in a checkout; its paths are relative to that, as is that of the
# records.
_OF_CHECKOUT = "# In a checkout only"
_RECORDS_OF_CHECKOUT, _RECORDS = "base_dir: data/dagster", "base_dir: {env: DAGSTER_HOME}"


def prepare_dagster_home(store: TableStore) -> Path:
    """DAGSTER_HOME where the user set one, else `data/dagster`; made, and given the project's dagster.yaml."""
    home = dagster_home() or store.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        text = _packaged_dagster_yaml().read_text(encoding="utf-8")
        own = text.partition(_OF_CHECKOUT)[0].replace(_RECORDS_OF_CHECKOUT, _RECORDS)
        (home / "dagster.yaml").write_text(own, encoding="utf-8")
    return home


# What steps print goes where this process prints. Dagster would send it to files, by programs of its own that copy it
# to the terminal and that Ctrl+C ends with a trace.
_AT_A_TERMINAL = {"compute_logs": {"module": NoOpComputeLogManager.__module__, "class": NoOpComputeLogManager.__name__}}


@contextmanager
def open_instance(store: TableStore) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of the data folder; DAGSTER_HOME is set to it meanwhile: Dagster reads it in many places."""
    home = prepare_dagster_home(store)
    before = os.environ.get("DAGSTER_HOME")
    os.environ["DAGSTER_HOME"] = str(home)
    try:
        with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=_AT_A_TERMINAL)) as instance:
            yield instance
    finally:
        # Else the next data folder of this process would be taken for one with its Dagster home elsewhere.
        if before is None:
            del os.environ["DAGSTER_HOME"]
        else:
            os.environ["DAGSTER_HOME"] = before


def keep_connection(instance: dg.DagsterInstance) -> None:
    """Keeps one connection to a database server open for the events of a run, as Dagster does in its web server.

    Otherwise each event opens one, which takes more than half of the time of a run on PostgreSQL. Nothing changes for
    SQLite.
    """
    instance.event_log_storage.optimize_for_webserver(
        statement_timeout=_MAX_STATEMENT_MILLISECONDS, pool_recycle=_MAX_CONNECTION_SECONDS, max_overflow=-1
    )


def _packaged_dagster_yaml() -> Path:
    packaged = Path(str(resources.files("thumb_assets.defs") / "dagster.yaml"))
    # In a checkout the file lies at the top level, where Dagster's own tools look for it.
    return packaged if packaged.exists() else Path(__file__).parents[2] / "dagster.yaml"
