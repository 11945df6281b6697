"""A library on one machine: `thumb-assets ui` and nothing else; a new upload is worked on, and a cancelled run ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.operations.clips import long_clip, users_of
from thumb_assets_tests.robustness.whole import leftovers, table_problems
from thumb_assets_tests.support.cluster import wait_for
from thumb_assets_tests.support.web import ask, free_port

pytestmark = pytest.mark.operations

MakeVideo = Callable[[str], Path]
SECONDS_TO_END = 15


@pytest.fixture
def environ(data_dir: Path) -> dict[str, str]:
    """Without the folders of other tests."""
    return {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"} | {
        "THUMB_ASSETS_DATA_DIR": str(data_dir)
    }


@pytest.fixture
def url(data_dir: Path, environ: dict[str, str]) -> Iterator[str]:
    """The UI over the data folder."""
    port = free_port()
    with (data_dir / "ui.log").open("wb") as log:
        command = [sys.executable, "-m", "thumb_assets.cli", "ui", "--port", str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environ)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=180)


def graphql(url: str, query: str) -> Any:
    """The data of an answer; None while nobody answers."""
    body = json.dumps({"query": query}).encode()
    try:
        return ask(f"{url}/graphql", body, {"Content-Type": "application/json"})[1]["data"]
    except (OSError, ValueError):
        return None


def running(url: str) -> str | None:
    """The id of a run that is at work."""
    query = "{ runsOrError(filter: {statuses: [STARTED]}) { ... on Runs { results { runId } } } }"
    answer = graphql(url, query)
    results = answer["runsOrError"]["results"] if answer else []
    return results[0]["runId"] if results else None


def test_an_upload_is_worked_on_and_a_cancelled_run_ends(
    synthetic_videos: MakeVideo, data_dir: Path, environ: dict[str, str], url: str
) -> None:
    path = long_clip(synthetic_videos("cfr"), data_dir / "videos" / "upload.mp4")
    run_id = wait_for(lambda: running(url), seconds=180, what=lambda: (data_dir / "ui.log").read_text()[-3000:])
    wait_for(lambda: users_of(path), seconds=60)
    begin = time.monotonic()
    answer = graphql(url, f'mutation {{ terminateRun(runId: "{run_id}") {{ __typename }} }}')
    assert answer["terminateRun"]["__typename"] == "TerminateRunSuccess"
    wait_for(lambda: not users_of(path), seconds=SECONDS_TO_END)
    print(f"nobody reads the file {time.monotonic() - begin:.1f} s after the run was cancelled")
    store = TableStore(data_dir)
    assert list(table_problems(store)) == []
    assert not store.video_ids("stills")
    command = [sys.executable, "-m", "thumb_assets.cli", "backfill", "--failed"]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (video_id,) = store.video_ids("stills")
    assert {outcome.status for outcome in read_outcomes(store, video_id)} == {"done"}
    assert leftovers(store.tables_dir) + leftovers(store.stills_root) == []
