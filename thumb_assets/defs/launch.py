"""Runs videos through Dagster from the command line: same jobs, same records as the UI, no daemon needed."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from threading import Thread

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.utils import make_new_run_id

from thumb_assets.defs.backfills import launch_backfill
from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.launcher import daemon_problem
from thumb_assets.defs.partitions import VIDEOS, add_videos, known_videos, range_tags, under_way
from thumb_assets.defs.provenance import require_in_graph
from thumb_assets.defs.resources import ThumbAssetsResource, library_settings
from thumb_assets.errors import UnavailableError
from thumb_assets.pipeline import pause_with_terminal, warm_engine
from thumb_assets.settings import dagster_home
from thumb_assets.store import TableStore

# What follows in the file is for Dagster's own tools in a checkout; its paths are relative to that.
_OF_CHECKOUT = "# In a checkout"


def prepare_dagster_home(store: TableStore) -> Path:
    """DAGSTER_HOME where the user set one, else `data/dagster`; made, and given the project's dagster.yaml."""
    home = dagster_home() or store.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        text = _packaged_dagster_yaml().read_text(encoding="utf-8")
        (home / "dagster.yaml").write_text(text.partition(_OF_CHECKOUT)[0], encoding="utf-8")
    return home


# What steps print goes where this process prints. Dagster would send it to files, by programs of its own that copy it
# to the terminal and that Ctrl+C ends with a trace.
_AT_A_TERMINAL = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}


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


def partitions_of(store: TableStore) -> list[str]:
    """The partitions that Dagster knows."""
    with open_instance(store) as instance:
        return known_videos(instance)


def require_idle(store: TableStore) -> None:
    """Refuses while Dagster is at work: it ends a backfill or run whose partitions go.

    Raises:
        UnavailableError: a backfill or run is under way.
    """
    with open_instance(store) as instance:
        work = under_way(instance)
    if work is not None:
        raise UnavailableError(
            f"Dagster is at work ({work}), and would give up where partitions go: wait until it is done, or cancel it "
            "in the UI, and prune again"
        )


def remove_partitions(store: TableStore, video_ids: Sequence[str]) -> None:
    """Removes partitions; what Dagster recorded of them stays in its history."""
    with open_instance(store) as instance:
        for video_id in video_ids:
            instance.delete_dynamic_partition(str(VIDEOS.name), video_id)


def run_through_dagster(
    video_ids: Sequence[str],
    stages: Sequence[str],
    resource: ThumbAssetsResource,
) -> tuple[bool, list[str]]:
    """Runs stages of videos in this process as Dagster runs over ranges of partitions.

    Returns:
        Whether every run succeeded, and what ended a run besides failed videos, one line each. A failed video does
        not stop the others; its reason is in the outcomes.
    """
    job = build_definitions(resource=resource, named=stages).resolve_job_def("thumbnails")
    is_success, unexpected = True, []
    size = resource.settings.backfill.num_videos_per_run
    with open_instance(resource.store) as instance, warm_engine():
        add_videos(instance, list(video_ids))
        for chunk in _ranges(known_videos(instance), set(video_ids), size):
            result = _execute(job, stages, chunk, instance)
            is_success &= result.success
            unexpected += _unexpected(result.all_events)
    return is_success, unexpected


def _execute(
    job: dg.JobDefinition, stages: Sequence[str], video_ids: Sequence[str], instance: dg.DagsterInstance
) -> dg.ExecuteInProcessResult:
    """Runs one run, in a thread: in the main one Dagster would take Ctrl+C for itself, and end when it pleases.

    Raises:
        KeyboardInterrupt: Ctrl+C; the run is recorded as canceled, and its thread ends with this process.
    """
    run_id = make_new_run_id()
    done: Future[dg.ExecuteInProcessResult] = Future()

    def work() -> None:
        try:
            result = job.execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(stage) for stage in stages],
                tags=range_tags(video_ids),
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
                run_id=run_id,
            )
        except BaseException as error:  # noqa: BLE001 - raised below, where somebody waits
            done.set_exception(error)
        else:
            done.set_result(result)

    pause_with_terminal()
    Thread(target=work, daemon=True, name="dagster-run").start()
    try:
        return done.result()
    except KeyboardInterrupt:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            instance.report_run_canceled(run)
        raise


def launch_through_daemon(video_ids: Sequence[str], stages: Sequence[str], resource: ThumbAssetsResource) -> str:
    """Leaves the work to the daemon of a running `thumb-assets ui`, and returns the backfill's id at once.

    Raises:
        SettingsError: a stage is off in the library's settings, and so no asset of that daemon.
        UnavailableError: no daemon runs.
    """
    require_in_graph(stages, library_settings(resource))
    with open_instance(resource.store) as instance:
        problem = daemon_problem(instance)
        if problem is not None:
            raise UnavailableError(f"{problem}, and launch again; without --launch the work is done here")
        return launch_backfill(
            instance,
            video_ids=video_ids,
            stages=stages,
            resource=resource,
        )


def _unexpected(events: Sequence[dg.DagsterEvent]) -> list[str]:
    """First line of each exception that ended a step, other than our own Failure, whose reasons are outcomes."""
    lines = []
    for event in events:
        if not event.is_step_failure or event.step_failure_data.user_failure_data is not None:
            continue
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        lines.append(error.message.splitlines()[0] if error is not None else "the run failed")
    return lines


def _ranges(all_keys: Sequence[str], wanted: set[str], size: int) -> Iterator[list[str]]:
    """Consecutive partitions that are all wanted, at most `size` together: what a range can name."""
    chunk: list[str] = []
    for key in all_keys:
        if key in wanted:
            chunk.append(key)
        if chunk and (key not in wanted or len(chunk) == size):
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _packaged_dagster_yaml() -> Path:
    packaged = Path(str(resources.files("thumb_assets.defs") / "dagster.yaml"))
    # In a checkout the file lies at the top level, where Dagster's own tools look for it.
    return packaged if packaged.exists() else Path(__file__).parents[2] / "dagster.yaml"
