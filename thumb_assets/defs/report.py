"""The library's page as an asset, the standing check on failed videos, and the schedule of both."""

import time
from collections.abc import Iterator

import dagster as dg

from thumb_assets.defs.metadata import bullets
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.report.facts import Facts, gather, gone_videos
from thumb_assets.report.page import write_report
from thumb_assets.settings.load import Settings
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import one_line

NAME = "library_report"
CHECK = "no_failed_videos"
_NUM_NAMED = 10
_NUM_SET_ASIDE = 50
_FAILURES = "SELECT video_id, stage, message FROM failures WHERE blocked_by IS NULL"
_ADVICE = "`thumb-assets backfill --failed` tries again what may pass; a file that is no use may be removed"


def build_report(settings: Settings) -> dg.AssetsDefinition:
    """The asset `library_report` with its check.

    Args:
        settings: those of the code location, for the owners.
    """

    @dg.asset(
        name=NAME,
        deps=["catalog"],
        group_name="library",
        kinds={"html"},
        owners=list(settings.library.owners),
        description="One HTML page over the whole library, `report.html` in the data folder: the latest stills, each "
        "with a page of its video in `gallery/`, failures by reason, figures. Open it in a browser.",
        check_specs=[
            dg.AssetCheckSpec(
                CHECK, asset=NAME, description="No video counts as failed now; else how many do, and some of them."
            )
        ],
    )
    # Beside checks Dagster takes the bare class alone for what it is.
    def library_report(thumb_assets: ThumbAssetsResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        store = thumb_assets.store
        now = time.time()
        facts = gather(store, set_aside=thumb_assets.library.set_aside())
        path = write_report(facts, store, now=now)
        return dg.MaterializeResult(
            metadata={
                # No link: browsers open no file from a page that came over HTTP.
                "page": dg.MetadataValue.path(one_line(path)),
                "failures": _failures_by_reason(facts),
                "num_set_aside": len(facts.set_aside),
                "set_aside": bullets([f"{each.path} {each.reason}" for each in facts.set_aside[:_NUM_SET_ASIDE]]),
                **facts.totals,
            },
            check_results=[_failed_videos(store)],
        )

    return library_report


def build_report_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Makes the page anew where the catalog is newer; on from the start."""

    @dg.schedule(
        name=NAME,
        target=dg.AssetSelection.assets(NAME),
        cron_schedule=settings.backfill.report_cron,
        execution_timezone=settings.backfill.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Makes the library's page anew where anything changed since.",
    )
    def library_report_schedule(thumb_assets: ThumbAssetsResource) -> Iterator[dg.RunRequest | dg.SkipReason]:
        store = thumb_assets.store
        if not store.catalog_path.is_file():
            yield dg.SkipReason("no video was run yet")
        elif store.report_path.is_file() and _changed_at(thumb_assets) <= store.report_path.stat().st_mtime:
            yield dg.SkipReason("nothing changed since the page was made")
        else:
            yield dg.RunRequest()

    return library_report_schedule


def _changed_at(resource: ThumbAssetsResource) -> float:
    catalog = resource.store.catalog_path
    # A failure is none any more once its file is removed, which the folder tells.
    places = (catalog, catalog.with_name(catalog.name + "-wal"), resource.library.videos_dir)
    return max(path.stat().st_mtime for path in places if path.exists())


def _failures_by_reason(facts: Facts) -> dg.MarkdownMetadataValue:
    return bullets([f"{each['num_videos']} x {each['stage']}: {each['reason']}" for each in facts.failures])


def _failed_videos(store: TableStore) -> dg.AssetCheckResult:
    rows = Catalog(store.catalog_path).query(_FAILURES)
    gone = gone_videos(store)
    failures = [row for row in rows if row["video_id"] not in gone]
    failed = sorted({failure["video_id"] for failure in failures})
    lines = [f"{row['video_id']} {row['stage']}: {row['message']}" for row in failures[:_NUM_NAMED]]
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(failed)} videos count as failed; {_ADVICE}" if failed else "no video counts as failed",
        metadata={"num_failed_videos": len(failed), "sample": bullets(lines)},
    )
