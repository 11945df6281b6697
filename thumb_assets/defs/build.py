"""Assembles the code location, so that tests and the command line get the same graph over other data."""

import dagster as dg

from thumb_assets.defs.assets import build_pipeline
from thumb_assets.defs.event_log import speed_up_event_log
from thumb_assets.defs.jobs import THUMBNAILS
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.defs.sensors import library_sensor


def build_definitions(*, resource: ThumbAssetsResource | None = None, num_videos_per_run: int = 25) -> dg.Definitions:
    """The whole graph.

    Args:
        resource: another data folder or other settings.
        num_videos_per_run: how many videos one run of a backfill works on.
    """
    resource = resource or ThumbAssetsResource()
    speed_up_event_log()
    return dg.Definitions(
        assets=[build_pipeline(resource.settings, num_videos_per_run=num_videos_per_run)],
        jobs=[THUMBNAILS],
        sensors=[library_sensor],
        resources={"thumb_assets": resource},
    )
