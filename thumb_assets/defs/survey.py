"""The survey of the library as an asset, and its schedule."""

from collections.abc import Collection

import dagster as dg

from thumb_assets.defs.inputs import note_input
from thumb_assets.defs.resources import ThumbAssetsResource, one_line_failures
from thumb_assets.library.survey import survey
from thumb_assets.settings.load import Settings
from thumb_assets.wording import one_line

NAME = "survey"
_READS = ("candidate_frames", "appearance", "clip_scores", "selections")


def build_survey(settings: Settings, graph: Collection[str]) -> dg.AssetsDefinition:
    """The asset `survey`.

    Args:
        settings: those of the code location, for the owners.
        graph: the stages that are assets.
    """

    @dg.asset(
        name=NAME,
        deps=[stage for stage in _READS if stage in graph],
        group_name="library",
        kinds={"parquet"},
        owners=list(settings.library.owners),
        description="Frames that several videos share, stills that are alike, and how the scores are distributed, "
        "over all videos that were run. It writes `recurrences` and `library_percentiles`, which count from the next "
        "run of `selections` on.",
    )
    def survey_library(context: dg.AssetExecutionContext, thumb_assets: ThumbAssetsResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """As `thumb-assets survey`."""
        with one_line_failures():
            run_settings = thumb_assets.settings
        result = survey(thumb_assets.store, run_settings)
        for error in result.errors.values():
            context.log.warning(one_line(error))
        for video_id in result.changed:
            note_input(context.instance, thumb_assets.store, "recurrences", video_id)
        note_input(context.instance, thumb_assets.store, "library_percentiles")
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
        return dg.MaterializeResult(metadata=counts)

    return survey_library


def build_survey_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """`survey`; stopped until somebody turns it on in the UI."""
    return dg.ScheduleDefinition(
        name=NAME,
        target=dg.AssetSelection.assets(NAME),
        cron_schedule=settings.backfill.survey_cron,
        execution_timezone=settings.backfill.timezone,
        description="Surveys the library. What it finds counts once selections are made again, as thumb_backfill does.",
    )
