"""Assembles the code location, so that tests and the command line get the same graph over other data."""

import logging
from collections.abc import Sequence

import dagster as dg

from thumb_assets.defs.assets import build_pipeline
from thumb_assets.defs.backfills import THUMBNAILS, build_schedule, thumb_backfill_job
from thumb_assets.defs.dataset import build_dataset, build_dataset_schedule
from thumb_assets.defs.inputs import decide_job, input_specs, inputs_sensor
from thumb_assets.defs.provenance import graph_stages
from thumb_assets.defs.report import build_report, build_report_schedule
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.defs.sensors import library_sensor
from thumb_assets.defs.survey import build_survey, build_survey_schedule
from thumb_assets.errors import SettingsError
from thumb_assets.settings.load import Settings

_LOGGER = logging.getLogger(__name__)


def build_definitions(*, resource: ThumbAssetsResource | None = None, named: Sequence[str] = ()) -> dg.Definitions:
    """The whole graph: the stages that the settings turn on, as assets, and what surrounds them.

    Args:
        resource: another data folder or other settings.
        named: stages that are assets though they are off.
    """
    resource = resource or ThumbAssetsResource()
    settings = _settings_at_load(resource)
    return dg.Definitions(
        assets=[
            *input_specs(settings),
            build_pipeline(settings, named=named),
            build_survey(settings, graph_stages(settings, named=named)),
            build_report(settings),
            build_dataset(settings, graph_stages(settings, named=named)),
        ],
        jobs=[THUMBNAILS, thumb_backfill_job, decide_job],
        schedules=[
            build_schedule(settings.backfill),
            build_survey_schedule(settings),
            build_report_schedule(settings),
            build_dataset_schedule(settings),
        ],
        sensors=[library_sensor, inputs_sensor],
        resources={"thumb_assets": resource},
        # A run is one step: a process of its own for it would only start cold.
        executor=dg.in_process_executor,
    )


def _settings_at_load(resource: ThumbAssetsResource) -> Settings:
    """Settings for the graph; a wrong settings file must not keep the UI from opening, where it can be seen."""
    try:
        return resource.settings
    except SettingsError as error:
        _LOGGER.warning("%s; put it right and reload: until then nothing is run, and schedules are as built in", error)
        return Settings()
