"""The schedule that works off what is left to do in the library."""

import dagster as dg

from thumb_assets.defs.backfills import thumb_backfill_job
from thumb_assets.settings import BackfillSettings


def build_schedule(settings: BackfillSettings) -> dg.ScheduleDefinition:
    """`thumb_backfill`; stopped until somebody turns it on in the UI."""
    return dg.ScheduleDefinition(
        name="thumb_backfill",
        job=thumb_backfill_job,
        cron_schedule=settings.cron,
        execution_timezone=settings.timezone,
        description="Launches a backfill of all videos with a stage missing, or that failed for a reason that may "
        "pass, in chunks of backfill.num_videos_per_run. What is out of date stays (see backfill.remake_stale).",
    )
