"""A library in operation: discovery, backfills, failures, cancelling, killed workers, webhooks, pruning.

`uv run pytest -m operations` starts PostgreSQL, Redis, Dagster's daemon and two workers by `deploy/local_cluster.py`.
The tests share them, one after the other, each with videos of its own.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import pytest

from thumb_assets.defs.internals import BULK_ACTION_TERMINAL_STATUSES
from thumb_assets.publish.signature import sign, verify_signature
from thumb_assets.serve.delivery import SIGNATURE_HEADER
from thumb_assets.store.library import Library
from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.outputs import cover_of
from thumb_assets_tests.operations.clips import long_clip, users_of
from thumb_assets_tests.robustness.whole import catalog_problems, leftovers, table_problems
from thumb_assets_tests.support.cluster import copies_of, wait_for
from thumb_assets_tests.support.receiver import receiver
from thumb_assets_tests.support.running import WITHOUT_MODELS
from thumb_assets_tests.support.web import ask, free_port

pytestmark = pytest.mark.operations

MakeVideo = Callable[[str], Path]
STAGES = ",".join(WITHOUT_MODELS)
SECRET = "correct horse battery staple"


def command(cluster: Any, *arguments: str, is_good: bool = True) -> str:
    """Output of one of our commands."""
    done = subprocess.run(
        [sys.executable, "-m", "thumb_assets.cli", *arguments],
        capture_output=True,
        text=True,
        env=cluster.environ,
        timeout=300,
        check=False,
    )
    assert (done.returncode == 0) == is_good, done.stdout + done.stderr
    return done.stdout + done.stderr


def launch(cluster: Any, *arguments: str) -> str:
    """The id of a backfill that the daemon works on from now."""
    printed = command(cluster, "backfill", "--launch", "--assets", STAGES, *arguments)
    return printed.partition("backfill ")[2].split(":")[0]


def ended(instance: dg.DagsterInstance, backfill_id: str, *, seconds: float) -> Any:
    """The backfill once nothing more comes of it."""

    def found() -> Any:
        backfill = instance.get_backfill(backfill_id)
        return backfill if backfill and backfill.status in BULK_ACTION_TERMINAL_STATUSES else None

    return wait_for(found, seconds=seconds, what=lambda: str(runs_of(instance, backfill_id)))


def runs_of(instance: dg.DagsterInstance, backfill_id: str) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill_id})))


def status_of(store: TableStore, video_id: str) -> str:
    outcomes = read_outcomes(store, video_id)
    if not outcomes:
        return "missing"
    return "failed" if any(outcome.status == "failed" for outcome in outcomes) else "done"


def ids_of(cluster: Any, paths: Sequence[Path]) -> dict[str, str]:
    videos = {video.path: video.video_id for video in Library(cluster.data_dir).all()}
    return {path.name: videos[path] for path in paths if path in videos}


@pytest.fixture
def store(cluster: Any) -> TableStore:
    return TableStore(cluster.data_dir)


@pytest.fixture
def clip(synthetic_videos: MakeVideo) -> Path:
    return synthetic_videos("cfr")


@pytest.fixture
def no_runs_by_the_sensor(cluster: Any) -> Iterator[None]:
    """Leaves registered videos to the test's backfill: the sensor may tick before it, and then only adds partitions."""
    command(cluster, "settings", "set", "library.process_new=false")
    yield
    command(cluster, "settings", "unset", "library.process_new")


def test_a_library_is_watched(workers: Any, store: TableStore, clip: Path, instance: dg.DagsterInstance) -> None:
    folder = workers.data_dir / "videos" / "watched"
    first, second, third = copies_of(clip, folder, ["a.mp4", "b.mp4", "c.mp4"])
    known = ids_of(workers, [first, second, third])
    wait_for(
        lambda: all(status_of(store, video_id) == "done" for video_id in known.values()),
        seconds=240,
        what=lambda: workers.log("daemon")[-3000:],
    )
    former = known["b.mp4"]
    copies_of(first, folder, ["b.mp4"])  # another content under the same name
    new = ids_of(workers, [second])["b.mp4"]
    assert new != former
    wait_for(lambda: status_of(store, new) == "done", seconds=240, what=lambda: workers.log("daemon")[-3000:])
    wait_for(lambda: not store.has("stills", former), seconds=30)  # replaced, not mixed
    wait_for(lambda: former not in instance.get_dynamic_partitions("videos"), seconds=120)  # not under a run
    third.unlink()
    assert store.has("stills", known["c.mp4"])  # nothing is deleted on its own
    assert known["c.mp4"] in command(workers, "prune", "--dry-run")
    assert store.has("stills", known["c.mp4"])
    command(workers, "prune")
    assert not store.has("outcomes", known["c.mp4"])
    assert not store.stills_dir(known["c.mp4"]).exists()
    assert known["c.mp4"] not in instance.get_dynamic_partitions("videos")
    assert status_of(store, known["a.mp4"]) == "done"
    assert list(catalog_problems(store)) == []


@pytest.mark.usefixtures("no_runs_by_the_sensor")
def test_a_backfill_of_200_with_five_bad_files_and_failed_again_after_repair(
    workers: Any, store: TableStore, clip: Path, instance: dg.DagsterInstance
) -> None:
    folder = workers.data_dir.with_name("archive")  # named, not in the library folder
    good = copies_of(clip, folder, [f"{number:03}.mp4" for number in range(197)])
    broken = [folder / f"broken-{number}.mp4" for number in range(3)]
    for path in broken:
        path.write_bytes(b"no video " + path.name.encode())
    videos, errors = Library(workers.data_dir).register([folder])
    assert (len(videos), errors) == (200, [])
    known = {video.path.name: video.video_id for video in videos}
    backfill_id = launch(workers, "--missing")
    away = [path.rename(path.with_suffix(".away")) for path in good[:2]]  # as a disk that is not mounted for a while
    ended(instance, backfill_id, seconds=1200)
    by_status: dict[str, set[str]] = {"done": set(), "failed": set(), "missing": set()}
    for name, video_id in known.items():
        by_status[status_of(store, video_id)].add(name)
    assert by_status["failed"] == {path.name for path in [*broken, *good[:2]]}
    assert by_status["done"] == {path.name for path in good[2:]}
    assert list(table_problems(store)) == []
    assert len(runs_of(instance, backfill_id)) == 8

    for path in away:
        path.rename(path.with_suffix(".mp4"))
    before = {name: store.table_path("stills", known[name]).stat().st_mtime_ns for name in by_status["done"]}
    ended(instance, launch(workers, "--failed"), seconds=600)
    assert {status_of(store, known[path.name]) for path in good[:2]} == {"done"}
    assert {status_of(store, known[path.name]) for path in broken} == {"failed"}
    after = {name: store.table_path("stills", known[name]).stat().st_mtime_ns for name in by_status["done"]}
    assert after == before  # only what was missing was done


@pytest.mark.usefixtures("no_runs_by_the_sensor")
def test_a_cancelled_run_stops_within_seconds_and_leaves_whole_tables(
    workers: Any, store: TableStore, synthetic_videos: MakeVideo, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    path = long_clip(synthetic_videos("cfr"), tmp_path / "long.mp4", num_turns=160)
    (video,), _ = Library(workers.data_dir).register([path])
    backfill_id = launch(workers, "--missing")
    run = wait_for(lambda: at_work(instance, backfill_id), seconds=120)
    wait_for(lambda: users_of(path), seconds=120, what=lambda: status_of(store, video.video_id))
    begin = time.monotonic()
    assert instance.run_launcher.terminate(run.run_id)
    wait_for(lambda: not users_of(path), seconds=15)
    print(f"stopped after {time.monotonic() - begin:.1f} s")
    assert list(table_problems(store)) == []
    assert not store.has("stills", video.video_id)
    instance.report_run_canceled(run)
    ended(instance, launch(workers, "--failed"), seconds=600)
    assert status_of(store, video.video_id) == "done"
    assert leftovers(store.data_dir, with_database_logs=False) == []


@pytest.mark.usefixtures("no_runs_by_the_sensor")
def test_a_killed_worker_loses_and_doubles_nothing(
    workers: Any, store: TableStore, clip: Path, instance: dg.DagsterInstance
) -> None:
    paths = copies_of(clip, workers.data_dir.with_name("forty"), [f"{number:02}.mp4" for number in range(40)])
    videos, _ = Library(workers.data_dir).register(paths)
    backfill_id = launch(workers, "--missing", "--set", "backfill.num_videos_per_run=5")
    wait_for(lambda: sum(status_of(store, video.video_id) == "done" for video in videos) >= 8, seconds=240)
    num_tasks = {name: workers.log(name).count("received") for name in ("worker-1", "worker-2")}
    assert all(num_tasks.values()), num_tasks  # split between both
    workers.kill("worker-1")
    wait_for(
        lambda: all(status_of(store, video.video_id) == "done" for video in videos),
        seconds=400,
        what=lambda: str(runs_of(instance, backfill_id)),
    )
    workers.start_worker("worker-1")
    ended(instance, backfill_id, seconds=300)
    for video in videos:
        rows = store.read("stills", video.video_id).to_pylist()
        cover = cover_of(rows)
        assert cover is not None
        files = sorted(path.name for path in store.stills_dir(video.video_id).iterdir())
        assert files == sorted([cover[0], *(row["file_name"] for row in rows)])
    assert list(table_problems(store)) == []
    assert list(catalog_problems(store)) == []
    assert leftovers(store.data_dir, with_database_logs=False) == []


@pytest.mark.usefixtures("no_runs_by_the_sensor")
def test_without_a_worker_a_run_fails_and_says_so(
    cluster: Any, store: TableStore, clip: Path, instance: dg.DagsterInstance
) -> None:
    for name in ("worker-1", "worker-2"):
        if cluster.is_running(name):
            cluster.kill(name)
    paths = copies_of(clip, cluster.data_dir.with_name("nobody"), ["a.mp4"])
    (video,), _ = Library(cluster.data_dir).register(paths)
    backfill_id = launch(cluster, "--missing")
    failed = wait_for(
        lambda: [run for run in runs_of(instance, backfill_id) if run.status == dg.DagsterRunStatus.FAILURE],
        seconds=240,
        what=lambda: cluster.log("daemon")[-3000:],
    )
    messages = " ".join(entry.message for entry in instance.all_logs(failed[0].run_id))
    assert "taking longer than" in messages
    assert "no worker listens to the queue" in messages
    assert status_of(store, video.video_id) == "missing"


def test_a_webhook_comes_and_one_goes_out_though_its_receiver_is_down_at_first(
    workers: Any, store: TableStore, clip: Path, tmp_path: Path
) -> None:
    port = free_port()
    with receiver() as sender:
        (upload,) = copies_of(clip, tmp_path, ["upload.mp4"])
        sender.files["/upload.mp4"] = upload.read_bytes()
        told_port = free_port()
        service = subprocess.Popen(
            [
                *(sys.executable, "-m", "thumb_assets.cli", "serve", "--port", str(port)),
                *("--set", f'serve.notify_url="http://127.0.0.1:{told_port}/told"'),
                *("--set", 'serve.allowed_hosts=["127.0.0.1"]'),
                *("--set", "serve.max_requests_per_minute=10000"),  # it is asked for its health all the time
                *("--set", "serve.retry_seconds=[1,1,1,1,1,1,1,1,1,1,1,1]"),
            ],
            env=workers.environ | {"THUMB_ASSETS_WEBHOOK_SECRET": SECRET, "THUMB_ASSETS_NOTIFY_SECRET": SECRET[::-1]},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: health(address), seconds=60)
            body = json.dumps({"id": "evt_1", "data": {"url": f"{sender.url}/upload.mp4"}}).encode()
            for expected in (202, 200):  # the same event twice
                headers = {SIGNATURE_HEADER: sign(body, SECRET, now=time.time())}
                assert ask(f"{address}/webhooks/asset-ready", body, headers)[0] == expected
            wait_for(lambda: health(address)["messages"].get("pending"), seconds=240, what=lambda: str(health(address)))
            with receiver(told_port) as told:
                wait_for(lambda: told.received, seconds=60)
                time.sleep(3)
                (request,) = told.received  # once
        finally:
            service.send_signal(signal.SIGINT)
            service.wait(timeout=60)
    header = request.headers[SIGNATURE_HEADER.lower()]
    verify_signature(request.body, header, SECRET[::-1], now=time.time(), tolerance_seconds=60)
    message = json.loads(request.body)
    assert message["type"] == "stills.ready"
    assert all(Path(still["path"]).is_file() for still in message["data"]["stills"])
    assert SECRET not in str(service.stderr.read() if service.stderr else "")


def test_the_picked_still_in_a_row_of_postgresql(workers: Any, store: TableStore, clip: Path) -> None:
    (path,) = copies_of(clip, workers.data_dir.with_name("cms"), ["film.mp4"])
    workers.run_sql("postgres", "CREATE DATABASE cms")
    workers.run_sql("cms", "CREATE TABLE films (file_name text PRIMARY KEY, thumbnail text, score double precision)")
    workers.run_sql("cms", "INSERT INTO films (file_name) VALUES ('film.mp4'), ('other.mp4')")
    url = workers.postgres_url.rpartition("/")[0] + "/cms"
    os.environ["THUMB_ASSETS_PUBLISH_SQL_URL"] = url
    workers.environ["THUMB_ASSETS_PUBLISH_SQL_URL"] = url
    settings = ("publish.target=sql", "publish.sql_table=films")
    columns = 'publish.sql_columns={"thumbnail": "path", "score": "combined_score"}'
    stages = f"{STAGES},published"
    given = [part for value in (*settings, columns) for part in ("--set", value)]
    command(workers, "run", str(path), "--stages", stages, *given)
    (video,), _ = Library(workers.data_dir).register([path])
    with psycopg2.connect(url.replace("+psycopg2", "")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM films ORDER BY file_name")
        rows = cursor.fetchall()
    best = store.read("stills", video.video_id).sort_by("rank").to_pylist()[0]
    assert rows[0][1] == str(store.stills_dir(video.video_id) / best["file_name"])
    assert rows[1][1:] == (None, None)
    password = workers.postgres_url.partition(":")[2].partition("@")[0].rpartition(":")[2]
    for file in store.tables_dir.rglob("*.parquet"):
        assert password.encode() not in file.read_bytes()


def health(address: str) -> Any:
    """Asks the service for its state with a signed request; None while it does not answer."""
    try:
        return ask(f"{address}/health", headers={SIGNATURE_HEADER: sign(b"", SECRET, now=time.time())})[1]
    except OSError:
        return None


def at_work(instance: dg.DagsterInstance, backfill_id: str) -> dg.DagsterRun | None:
    return next((run for run in runs_of(instance, backfill_id) if run.status == dg.DagsterRunStatus.STARTED), None)
