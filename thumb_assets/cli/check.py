"""The command `check`: whether everything that is stored is what was written, and how to get it right."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import configuration_of, settings_options, table_store
from thumb_assets.cli.output import one_line_errors, out, progress
from thumb_assets.cli.results import print_outcomes
from thumb_assets.library.check import Fault, faults_of
from thumb_assets.library.names import complete_video_id
from thumb_assets.pipeline.remembered import grouped
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.retry import run_groups
from thumb_assets.settings.config import Configuration
from thumb_assets.stages import STAGES
from thumb_assets.store.outputs import ids_with_outputs
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import count


@in_section("Operate")
@click.command("check")
@click.argument("video_ids", nargs=-1, metavar="[VIDEO_ID]...")
@click.option("--repair", is_flag=True, help="Make damaged results again.")
@settings_options
@click.pass_obj
def check_command(
    verbose: bool,
    *,
    video_ids: tuple[str, ...],
    repair: bool,
    data_dir: Path | None,
    profile: str | None,
    overrides: Sequence[str],
) -> None:
    """Compare what is stored with what was written. Reads every file of the videos (default: all).

    Tables are compared with the hash of their rows, stills, crops, chapters and previews with theirs, the catalog with
    the tables. Prints one line per fault; exit code 1 where there is one.
    """
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        wanted = [complete_video_id(store, video_id) for video_id in video_ids] or ids_with_outputs(store)
        faults = _faults(wanted, store)
        _print(faults)
        if repair and faults:
            _repair(faults, configuration_of(store, profile, overrides), store)
            faults = _faults(sorted({fault.video_id for fault in faults}), store)
            out.print("after the repair:" if faults else "all faults are repaired")
            _print(faults)
        how_many = count(len(wanted), "video")
        if not faults:
            out.print(f"{how_many} checked: no damage found")
        elif not repair:
            num_videos = len({fault.video_id for fault in faults})
            out.print(f"{how_many} checked, {num_videos} with faults; `thumb-assets check --repair` makes these again")
    sys.exit(1 if faults else 0)


def _faults(video_ids: Iterable[str], store: TableStore) -> list[Fault]:
    found = []
    with progress() as bars:
        for video_id in bars.track(list(video_ids), description="checking"):
            found += faults_of(video_id, store)
    return found


def _print(faults: Iterable[Fault]) -> None:
    for fault in faults:
        out.print(f"fault: {fault.problem}", markup=False)


def _repair(faults: Iterable[Fault], configuration: Configuration, store: TableStore) -> None:
    """Makes the damaged stages again, regardless of their footers, and then the stages that depend on them."""
    stages_of: dict[str, set[str]] = {}
    for fault in faults:
        stages_of.setdefault(fault.video_id, set()).add(fault.stage or "catalog")
    by_stages: dict[tuple[str, ...], list[str]] = {}
    for video_id, stages in stages_of.items():
        by_stages.setdefault(tuple(stage for stage in STAGES if stage in stages), []).append(video_id)
    results: list[StageResult] = []
    for named, video_ids in by_stages.items():
        results += run_groups(grouped(video_ids, configuration, store), named, store, is_recomputed=True)
    results += run_groups(grouped(stages_of, configuration, store), None, store)
    print_outcomes(result for result in results if result.blocked_by is None)
