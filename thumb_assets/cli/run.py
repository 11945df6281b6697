"""`thumb-assets run`: stages of some videos or of the whole library, without Dagster."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.offer import print_offer
from thumb_assets.cli.options import configuration_of, recompute_option, settings_options, stages_named, table_store
from thumb_assets.cli.output import one_line_errors, print_errors, work_progress
from thumb_assets.cli.results import print_copies, print_results, print_set_aside
from thumb_assets.cli.settings_notes import print_settings_notes
from thumb_assets.errors import BadInputError
from thumb_assets.pipeline.isolate import forked_engine
from thumb_assets.pipeline.remembered import Group, grouped
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.retry import run_groups
from thumb_assets.pipeline.watching import watching
from thumb_assets.stages import STAGES
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore


@in_section("Make")
@click.command("run")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--stages", help=f"Comma-separated, out of {', '.join(STAGES)}; default: all that are on.")
@recompute_option
@settings_options
@click.pass_obj
def run_command(
    verbose: bool,
    *,
    paths: tuple[Path, ...],
    stages: str | None,
    data_dir: Path | None,
    profile: str | None,
    overrides: Any,
    recompute: bool,
) -> None:
    """Run the stages of videos, without Dagster.

    PATHS are files or folders; default: the whole library. A stage whose inputs, settings and code are unchanged is not
    run again.
    """
    with one_line_errors(verbose=verbose), ExitStack() as stack:
        store = table_store(data_dir)
        configuration = configuration_of(store, profile, overrides)
        settings = configuration.settings
        stack.enter_context(forked_engine(settings))
        chosen = stages_named(stages, settings) if stages else None
        is_hashed_anew = recompute or settings.library.content_hash == "always"
        library = Library(
            store.data_dir, video=settings.video, ignore=settings.library.ignore, is_hashed_anew=is_hashed_anew
        )
        videos, errors = _videos(library, paths)
        if not videos:
            print_errors(errors)
            sys.exit(1)
        groups = grouped(videos, configuration, store)
        results = _run_with_progress(groups, chosen, store, is_recomputed=recompute)
        print_errors(errors)
        print_set_aside([] if paths else library.set_aside())
        print_copies(library.copies)
        is_success = print_results(results, store, verbose=verbose) and not errors
        print_settings_notes(configuration, groups, results, profile=profile, data_dir=data_dir)
        if results:
            print_offer(configuration, data_dir=data_dir)
    sys.exit(0 if is_success else 1)


def _videos(library: Library, paths: Sequence[Path]) -> tuple[list[str], list[BadInputError]]:
    if paths:
        videos, errors = library.register(paths)
    else:
        errors = []
        videos = library.all(on_error=errors.append)
    return [video.video_id for video in videos], errors


def _run_with_progress(
    groups: Sequence[Group],
    stages: tuple[str, ...] | None,
    store: TableStore,
    *,
    is_recomputed: bool,
) -> list[StageResult]:
    num_videos = sum(len(group.video_ids) for group in groups)
    with work_progress(num_videos, (stages or tuple(STAGES))[-1]) as work, watching(work):
        results = run_groups(groups, stages, store, is_recomputed=is_recomputed)
        return [replace(result, tables={}) for result in results]  # a library's tables would not fit in memory
