"""`thumb-assets backfill`: works through the library by Dagster, here and now or through its daemon."""

import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import (
    configuration_of,
    dagster_resource,
    recompute_option,
    settings_options,
    stages_named,
    table_store,
)
from thumb_assets.cli.output import (
    FetchProgress,
    err,
    one_line_errors,
    out,
    print_errors,
    print_table,
    progress,
    work_progress,
)
from thumb_assets.cli.results import print_copies, print_outcomes, print_set_aside, stored_outcomes
from thumb_assets.cli.settings_notes import difference_lines, print_settings_notes
from thumb_assets.errors import BadInputError
from thumb_assets.library.backlog import Backlog, backlog_of
from thumb_assets.library.estimate import Estimate, estimate
from thumb_assets.pipeline.remembered import Keep, grouped
from thumb_assets.pipeline.watching import watching
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import count

if TYPE_CHECKING:
    from thumb_assets.defs.resources import ThumbAssetsResource


@in_section("Make")
@click.command("backfill")
@click.option("--missing", "which", flag_value="missing", default=True, help="Videos that never ran (the default).")
@click.option("--failed", "which", flag_value="failed", help="Videos with a failed stage; finished stages stay.")
@click.option("--stale", "which", flag_value="stale", help="Videos whose file, settings or code changed.")
@click.option("--all", "which", flag_value="all", help="Every video of the library.")
@click.option("--assets", help="Comma-separated assets; default: all.")
@click.option("--limit", type=click.IntRange(1), help="Maximum number of videos.")
@click.option("--dry-run", is_flag=True, help="Only print the remaining work and its estimated cost.")
@click.option("--launch", is_flag=True, help="Hand the work to the daemon of a running `thumb-assets ui`.")
@recompute_option
@settings_options
@click.pass_obj
def backfill_command(
    verbose: bool,
    *,
    which: str,
    assets: str | None,
    limit: int | None,
    dry_run: bool,
    launch: bool,
    data_dir: Path | None,
    profile: str | None,
    overrides: Any,
    recompute: bool,
) -> None:
    """Run the library's videos through Dagster, in chunks. Each chunk loads every model once."""
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        configuration = configuration_of(store, profile, overrides)
        settings = configuration.settings
        stages = stages_named(assets, settings)
        mirror = Mirror(settings.library, store)
        with progress() as bars:
            mirror.update_library(max_files=0 if dry_run else None, events=FetchProgress(bars))
        errors: list[BadInputError] = []
        is_hashed_anew = recompute or settings.library.content_hash == "always"
        library = Library(
            store.data_dir, video=settings.video, ignore=settings.library.ignore, is_hashed_anew=is_hashed_anew
        )
        videos = library.all(on_error=errors.append)
        print_errors(errors)
        print_set_aside(library.set_aside())
        print_copies(library.copies)
        backlog = list(backlog_of(videos, stages, settings, store, configuration=configuration))
        meant = [left for left in backlog if _is_meant(left, which)][:limit]
        chosen = [left.video for left in meant]
        if dry_run:
            _print_backlog(backlog)
        if dry_run or which == "stale":
            _print_differences(meant if which == "stale" else backlog)
        if not chosen:
            out.print(_nothing_chosen(which, backlog), markup=False)
            sys.exit(1 if errors else 0)
        _print_estimate(estimate(chosen, settings, has_crops="crops" in stages), store)
        if dry_run:
            return
        mirror.announce(chosen)
        video_ids = [video.video_id for video in chosen]
        keep: Keep = "none" if which == "stale" else "asked"
        resource = dagster_resource(store, profile=profile, overrides=overrides, recompute=recompute, keep=keep)
        if launch:
            _launch(video_ids, stages, resource)
            return
        groups = grouped(video_ids, configuration, store, keep=keep)
        is_success = work_through(video_ids, stages, resource)
        print_outcomes(stored_outcomes(store, video_ids, stages))
        out.print(f"{count(len(chosen), 'video')}; stills in {store.stills_root}/", markup=False)
        print_settings_notes(configuration, groups, [], profile=profile, data_dir=data_dir)
    sys.exit(0 if is_success and not errors else 1)


def work_through(video_ids: Sequence[str], stages: Sequence[str], resource: "ThumbAssetsResource") -> bool:
    """Runs stages of videos through Dagster in this process, with progress bars; False where a video failed."""
    from thumb_assets.defs.launch import run_through_dagster

    with work_progress(len(video_ids), stages[-1]) as work, watching(work):
        is_success, unexpected = run_through_dagster(video_ids, stages, resource)
    print_errors(unexpected)
    return is_success


def _launch(video_ids: Sequence[str], stages: Sequence[str], resource: "ThumbAssetsResource") -> None:
    from thumb_assets.defs.launch import launch_through_daemon

    backfill_id = launch_through_daemon(video_ids, stages, resource)
    out.print(f"backfill {backfill_id}: {count(len(video_ids), 'video')}; the UI's Backfills page shows how far it is")


def _print_backlog(backlog: Sequence[Backlog]) -> None:
    counts = Counter((_kind(left), ", ".join(due.stage for due in left.due)) for left in backlog)
    rows = [[str(num), kind, stages or "-"] for (kind, stages), num in counts.items()]
    print_table("what is left to do", ["videos", "state", "stages to make"], rows)


def _print_differences(backlog: Sequence[Backlog]) -> None:
    """With which settings results were made, where the settings are others now: these are what --stale replaces."""
    for line in difference_lines((left.video.video_id, left.differences) for left in backlog):
        out.print(line, markup=False)


def _is_meant(left: Backlog, which: str) -> bool:
    if which == "stale" and left.work == "none":
        return bool(left.differences)
    return which in ("all", left.work)


def _nothing_chosen(which: str, backlog: Sequence[Backlog]) -> str:
    """One line for a backfill without work, with the options that would find some."""
    left = Counter(each.work for each in backlog if each.work in {"missing", "failed", "stale"})
    others = [f"{count(num, 'video')} {'is' if num == 1 else 'are'} {work} (--{work})" for work, num in left.items()]
    wanted = "in the library" if which == "all" else which
    if not others:
        return f"nothing to do: no video of {len(backlog)} is {wanted}"
    return f"no video of {len(backlog)} is {wanted}; {', '.join(others)}"


def _kind(left: Backlog) -> str:
    if left.work == "none" and left.differences:
        return "done, with other settings (--stale makes them again)"
    if left.work != "failed":
        return {"none": "done"}.get(left.work, left.work)
    return "failed, not retried automatically" if left.is_permanent else "failed, retried automatically"


def _print_estimate(expected: Estimate, store: TableStore) -> None:
    existing = next(place for place in (store.data_dir, *store.data_dir.parents) if place.is_dir())
    num_free = shutil.disk_usage(existing).free
    unreadable = f", {expected.num_unreadable} of them unreadable" if expected.num_unreadable else ""
    err.print(
        f"{count(expected.num_videos, 'video')}, {expected.video_seconds / 3600:.1f} h long: about "
        f"{_duration(expected.wall_seconds)} on this machine's CPU, and at most {expected.num_bytes / 1e9:.2f} GB of "
        f"disk, where {num_free / 1e9:.1f} GB are free (by {expected.num_sampled} headers{unreadable})",
        markup=False,
    )
    if expected.num_bytes > num_free:
        err.print("warning: that may not fit; videos that do not will fail and can be run again", markup=False)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
