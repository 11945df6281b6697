"""The cluster that the operations' tests share: PostgreSQL, Redis, Dagster's daemon and two workers."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from thumb_assets_tests.support.cluster import local_cluster

_WORKERS = ("worker-1", "worker-2")


@pytest.fixture(scope="session", autouse=True)
def asked_for(request: pytest.FixtureRequest) -> None:
    """These take minutes, so they run only where they are named."""
    if "operations" not in str(request.config.option.markexpr).replace("not operations", ""):
        pytest.skip("takes minutes: `uv run pytest -m operations`")


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Databases and the daemon; workers are started by the tests."""
    script = local_cluster()
    missing = script.missing_programs()
    if missing:
        message = f"not installed: {', '.join(missing)} (Debian's packages)"
        if os.environ.get("THUMB_ASSETS_REQUIRE_SERVERS") == "1":
            pytest.fail(message + ", and THUMB_ASSETS_REQUIRE_SERVERS=1 asks for them")
        pytest.skip(message)
    # Not below pytest's own folder, which only its owner may enter: as root, PostgreSQL runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="thumb-assets-cluster-"))
    folder.chmod(0o711)
    data_dir = folder / "data"
    (data_dir / "videos").mkdir(parents=True)
    running = script.Cluster(folder, data_dir, num_workers=2, start_timeout_seconds=60)
    before = {name: os.environ.get(name) for name in running.environ}
    try:
        running.start_databases()
        os.environ.update(running.environ)
        running.start_daemon()
        yield running
    finally:
        running.stop()
        if not request.session.testsfailed:
            shutil.rmtree(folder)
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@pytest.fixture
def workers(cluster: Any) -> Iterator[Any]:
    """The cluster with both workers at work."""
    for name in _WORKERS:
        if not cluster.is_running(name):
            cluster.start_worker(name)
    return cluster


@pytest.fixture
def instance(cluster: Any) -> Iterator[dg.DagsterInstance]:
    """Dagster's records, in PostgreSQL."""
    with dg.DagsterInstance.from_config(cluster.environ["DAGSTER_HOME"]) as opened:
        yield opened
