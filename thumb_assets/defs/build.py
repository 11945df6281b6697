"""Assembles the code location, so that tests and the command line get the same graph over other data."""

from collections.abc import Sequence

import dagster as dg

from thumb_assets.defs.assets import build_pipeline
from thumb_assets.defs.backfills import thumb_backfill_job
from thumb_assets.defs.event_log import speed_up_event_log
from thumb_assets.defs.jobs import THUMBNAILS
from thumb_assets.defs.report import build_report, build_report_schedule
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.defs.schedules import build_schedule
from thumb_assets.defs.sensors import library_sensor
from thumb_assets.defs.survey import build_survey_schedule, survey_job


def build_definitions(*, resource: ThumbAssetsResource | None = None, named: Sequence[str] = ()) -> dg.Definitions:
    """The whole graph: the stages that the settings turn on, as assets, and what surrounds them.

    Args:
        resource: another data folder or other settings.
        named: stages that are assets though they are off.
    """
    resource = resource or ThumbAssetsResource()
    settings = resource.settings
    speed_up_event_log()
    return dg.Definitions(
        assets=[build_pipeline(settings, named=named), build_report(settings)],
        jobs=[THUMBNAILS, thumb_backfill_job, survey_job],
        schedules=[
            build_schedule(settings.backfill),
            build_survey_schedule(settings.backfill),
            build_report_schedule(settings),
        ],
        sensors=[library_sensor],
        resources={"thumb_assets": resource},
        # A run is one step: a process of its own for it would only start cold.
        executor=dg.in_process_executor,
    )
