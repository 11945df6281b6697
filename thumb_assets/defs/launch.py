"""Launches work on videos: in this process, for the command line, or through the daemon of a running Dagster."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import dagster as dg

from thumb_assets.defs.backfills import launch_backfill
from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.instance import open_instance
from thumb_assets.defs.internals import BULK_ACTION_TERMINAL_STATUSES, make_new_run_id
from thumb_assets.defs.partitions import add_videos, known_videos, range_tags
from thumb_assets.defs.provenance import require_in_graph
from thumb_assets.defs.resources import ThumbAssetsResource, library_settings
from thumb_assets.errors import SettingsError, TransientError, UnavailableError
from thumb_assets.pipeline.isolate import warm_engine
from thumb_assets.pipeline.process import pause_with_terminal
from thumb_assets.pipeline.stages import default_stages

_BACKFILL_DAEMON = "BACKFILL"
# It gives a sign of life every 30 s.
_MAX_SILENT_SECONDS = 120


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
    threading.Thread(target=work, daemon=True, name="dagster-run").start()
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


def daemon_problem(instance: dg.DagsterInstance) -> str | None:
    """The reason why backfills would not be worked on now; None if they will be."""
    heartbeat = instance.get_daemon_heartbeats().get(_BACKFILL_DAEMON)
    if heartbeat is not None and time.time() - heartbeat.timestamp <= _MAX_SILENT_SECONDS:
        return None
    return "Dagster's daemon does not run: start `thumb-assets ui` or dagster-daemon"


class DaemonLauncher:
    """Hands videos over as backfills of one partition each; a `serve.Launcher`.

    Args:
        instance: Dagster's; stays open as long as this is used.
        resource: the runs get its configuration.

    Raises:
        SettingsError: a stage that it turns on is off in the library's settings, and so no asset of that daemon.
    """

    def __init__(self, instance: dg.DagsterInstance, resource: ThumbAssetsResource) -> None:
        self._instance = instance
        self._resource = resource
        self._stages = default_stages(resource.settings)
        require_in_graph(self._stages, library_settings(resource))
        self._lock = threading.Lock()

    def launch(self, video_id: str) -> str:
        """Hands a video over; returns the backfill's id."""
        try:
            now = default_stages(self._resource.settings)  # the library's file may have changed
        except SettingsError as error:
            raise TransientError(str(error)) from error  # the video is not to blame, and comes again
        with self._lock:  # SQLite's writers would wait for each other anyway
            return launch_backfill(
                self._instance,
                video_ids=[video_id],
                stages=[stage for stage in self._stages if stage in now],
                resource=self._resource,
            )

    def is_ended(self, backfill_id: str) -> bool:
        """True once a backfill has ended, with success or not."""
        backfill = self._instance.get_backfill(backfill_id)
        return backfill is None or backfill.status in BULK_ACTION_TERMINAL_STATUSES

    def problem(self) -> str | None:
        """The reason why backfills would not be worked on now; None if they will be."""
        return daemon_problem(self._instance)
