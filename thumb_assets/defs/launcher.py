"""Has single videos worked on by the daemon of a running Dagster, for the web service."""

import threading
import time

import dagster as dg
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES  # no public name

from thumb_assets.defs.backfills import launch_backfill
from thumb_assets.defs.provenance import require_in_graph
from thumb_assets.defs.resources import ThumbAssetsResource, library_settings
from thumb_assets.errors import SettingsError, TransientError
from thumb_assets.pipeline import default_stages

_BACKFILL_DAEMON = "BACKFILL"
# It gives a sign of life every 30 s.
_MAX_SILENT_SECONDS = 120


def daemon_problem(instance: dg.DagsterInstance) -> str | None:
    """Why backfills would not be worked on now; None where they will."""
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
        """Whether nothing more will come of a backfill, well or not."""
        backfill = self._instance.get_backfill(backfill_id)
        return backfill is None or backfill.status in BULK_ACTION_TERMINAL_STATUSES

    def problem(self) -> str | None:
        """Why backfills would not be worked on now; None where they will."""
        return daemon_problem(self._instance)
