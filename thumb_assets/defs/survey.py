"""The job that surveys the library, and its schedule."""

import dagster as dg

from thumb_assets.defs.resources import ThumbAssetsResource, one_line_failures
from thumb_assets.escaping import one_line
from thumb_assets.pipeline import survey
from thumb_assets.settings import BackfillSettings

NAME = "survey"


@dg.op(
    name="survey_library",
    description="Finds frames that several videos share and stills that are alike, and how the scores are distributed.",
)
def survey_library(context: dg.OpExecutionContext, thumb_assets: ThumbAssetsResource) -> None:
    """As `thumb-assets survey`; the counts are the output's metadata."""
    with one_line_failures():
        settings = thumb_assets.settings
    result = survey(thumb_assets.store, settings)
    for error in result.errors.values():
        context.log.warning(one_line(error))
    counts = {
        "num_videos": result.num_videos,
        "num_frames": result.num_frames,
        "num_groups": len(result.groups),
        "num_alike_stills": len(result.stills),
        "num_changed_videos": len(result.changed),
        "num_left_out": len(result.missing) + len(result.errors),
        "is_reference_new": result.is_reference_new,
    }
    context.log.info(", ".join(f"{name} {value}" for name, value in counts.items()))
    context.add_output_metadata(counts)


@dg.job(name=NAME, description="Looks across all videos that were run; the schedule of that name runs it.")
def survey_job() -> None:
    """One step: see `survey_library`."""
    survey_library()


def build_survey_schedule(settings: BackfillSettings) -> dg.ScheduleDefinition:
    """`survey`; stopped until somebody turns it on in the UI."""
    return dg.ScheduleDefinition(
        name=NAME,
        job=survey_job,
        cron_schedule=settings.survey_cron,
        execution_timezone=settings.timezone,
        description="Surveys the library. What it finds counts once selections are made anew, as thumb_backfill does.",
    )
