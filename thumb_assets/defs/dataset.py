"""The dataset of the library as an asset, and its schedule."""

from collections import Counter
from collections.abc import Collection
from typing import Any

import dagster as dg

from thumb_assets.defs.internals import extract_data_version_from_entry
from thumb_assets.defs.metadata import bullets, shown
from thumb_assets.defs.resources import ThumbAssetsResource, one_line_failures
from thumb_assets.errors import PermanentError
from thumb_assets.library.dataset import Exported, export_dataset
from thumb_assets.library.dataset_folder import OWN_FOLDER
from thumb_assets.settings.load import Settings
from thumb_assets.wording import one_line

NAME = "dataset"
_READS = ("stills", "selections", "clip_scores", "appearance", "chapters", "texts", "subtitles")
# A table of Dagster's UI; the dataset's own rows name every video.
_MAX_PARTITIONS_SHOWN = 500


def build_dataset(settings: Settings, graph: Collection[str]) -> dg.AssetsDefinition:
    """The asset `dataset`.

    Args:
        settings: those of the code location, for the owners.
        graph: the stages that are assets.
    """

    @dg.asset(
        name=NAME,
        deps=[stage for stage in _READS if stage in graph],
        group_name="library",
        kinds={"parquet", "image"},
        owners=list(settings.library.owners),
        description="The stills of the library as a dataset for training, in `datasets/FORMAT` of the data folder: "
        "`dataset.format` and the other settings of the section say what goes in and how it is split.",
    )
    def export_library(context: dg.AssetExecutionContext, thumb_assets: ThumbAssetsResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """As `thumb-assets export`."""
        with one_line_failures():
            run_settings = thumb_assets.settings
        store = thumb_assets.store
        folder = store.data_dir / OWN_FOLDER / run_settings.dataset.format
        try:
            result = export_dataset(store, run_settings, format_name=run_settings.dataset.format, folder=folder)
        except PermanentError as error:
            raise dg.Failure(one_line(error), allow_retries=False) from None
        for note in result.plan.all_notes:
            context.log.warning(one_line(note))
        return dg.MaterializeResult(metadata=_metadata(result, context.instance))

    return export_library


def build_dataset_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """`dataset`; stopped until somebody turns it on in the UI."""
    return dg.ScheduleDefinition(
        name=NAME,
        target=dg.AssetSelection.assets(NAME),
        cron_schedule=settings.dataset.cron,
        execution_timezone=settings.backfill.timezone,
        description="Writes the dataset of the library again, as `thumb-assets export` does.",
    )


def _metadata(result: Exported, instance: dg.DagsterInstance) -> dict[str, Any]:
    known: dict[str, Any] = {
        "path": dg.MetadataValue.path(one_line(result.folder)),
        "num_stills": sum(result.num_stills.values()),
        "num_videos": len(result.plan.videos),
        "num_bytes": result.num_bytes,
        "stills_by_split": dict(result.num_stills),
        "partitions": _partitions(result, instance),
    }
    if result.plan.all_notes:
        known["notes"] = bullets(result.plan.all_notes)
    if result.plan.nearest is not None:
        known["nearest_cosine_similarity"] = result.plan.nearest[2].cosine_similarity
    return shown(known)


def _partitions(result: Exported, instance: dg.DagsterInstance) -> dg.TableMetadataValue:
    """The partitions of `stills` that it holds, each with the data version that Dagster knows of it."""
    numbers = Counter(pick.video_id for pick in result.plan.picks)
    records = []
    for video_id, facts in sorted(result.plan.videos.items())[:_MAX_PARTITIONS_SHOWN]:
        record = instance.get_latest_data_version_record(dg.AssetKey("stills"), False, video_id)
        version = None if record is None else extract_data_version_from_entry(record.event_log_entry)
        row: dict[str, str | int | float | bool | None] = {"partition": video_id, "split": facts.split}
        row |= {"num_stills": numbers[video_id], "stills_version": "" if version is None else str(version.value)}
        records.append(dg.TableRecord(row))
    return dg.MetadataValue.table(records)
