"""The command `what-if`: what other settings would select, printed beside what is selected now."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import configuration_of, settings_of, settings_options, table_store
from thumb_assets.cli.output import TableProgress, err, one_line_errors, out, print_errors, print_table, progress
from thumb_assets.cli.results import print_results
from thumb_assets.errors import SettingsError
from thumb_assets.library.names import complete_video_id
from thumb_assets.library.what_if import WhatIf, apply_what_if, has_new_prompts, load_prompts, what_if
from thumb_assets.pipeline.remembered import asked_of
from thumb_assets.pipeline.result import StageResult
from thumb_assets.settings.config import Configuration
from thumb_assets.settings.edit import set_in_file
from thumb_assets.settings.load import Settings
from thumb_assets.stages import STAGES
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.table_file import require_file_suffix, write_table_file
from thumb_assets.wording import count

_NUM_SHOWN = 10
_KEPT_SECTIONS = ("selection.", "clip.")
# Sections of the settings by the stage whose measurements they change.
_MEASURING = {
    stage.section: stage.name
    for stage in STAGES.values()
    if stage.name in STAGES["selections"].inputs and stage.section != "clip"
}


@in_section("Decide")
@click.command("what-if")
@click.argument("video_ids", nargs=-1, metavar="[VIDEO_ID]...")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write every frame that is selected now or then: FILE.parquet or FILE.csv.",
)
@click.option(
    "--apply",
    "is_applied",
    is_flag=True,
    help="Select so for good: keep it in the library's settings, make stills and catalog.",
)
@settings_options
@click.pass_obj
def what_if_command(
    verbose: bool,
    *,
    video_ids: tuple[str, ...],
    output: Path | None,
    is_applied: bool,
    data_dir: Path | None,
    profile: str | None,
    overrides: Any,
) -> None:
    """Print what other settings would select, of these videos or of all that were run; no video is decoded.

    VIDEO_ID is the beginning of one. Settings of `selection` count, and prompts (clip.positive_prompts,
    clip.negative_prompts), whose scores are computed from the stored embeddings.
    """
    with one_line_errors(verbose=verbose):
        settings = settings_of(table_store(data_dir), profile, overrides)
        _require_answerable(overrides, settings)
        if output is not None:
            require_file_suffix(output)
        store = table_store(data_dir)
        chosen = [complete_video_id(store, video_id) for video_id in video_ids] or None
        prompts = load_prompts(settings) if has_new_prompts(settings) else None
        started = time.perf_counter()
        with progress() as bars:
            result = what_if(store, settings, video_ids=chosen, prompts=prompts, events=TableProgress(bars))
        _print(result, seconds=time.perf_counter() - started)
        top_k = settings.selection.top_k
        if top_k != "auto" and "selection.top_k" in _names(overrides):
            _print_fewer(result, top_k)
        if output is not None:
            write_table_file(output, result.table)
            out.print(f"{result.table.num_rows} rows in {output}", markup=False)
        is_success = not result.errors
        if is_applied:
            _keep_for_library(store, profile, overrides, has_videos=bool(video_ids))
            is_success &= print_results(
                _apply(store, configuration_of(store, profile, overrides), result), store, verbose=verbose
            )
    sys.exit(0 if is_success else 1)


def _require_answerable(overrides: Sequence[str], settings: Settings) -> None:
    for name in _names(overrides):
        section = name.partition(".")[0]
        if section in _MEASURING:
            raise SettingsError(f"--set {name}: what-if measures nothing anew; run the stage `{_MEASURING[section]}`")
        if section == "clip" and not has_new_prompts(settings):
            raise SettingsError(f"--set {name}: counts only with clip.positive_prompts or clip.negative_prompts")


def _names(overrides: Sequence[str]) -> list[str]:
    """The settings that `--set` names."""
    return [override.partition("=")[0].strip() for override in overrides]


def _print(result: WhatIf, *, seconds: float) -> None:
    print_errors(result.errors.values())
    for reason, left_out in result.reasons_left_out.items():
        err.print(f"left out ({count(len(left_out), 'video')}, {_first(left_out)}): {reason}", markup=False)
    if result.num_judged:
        err.print(
            f"the judge looked at what was best before ({count(result.num_judged, 'video')}); a run of the stages "
            "judgements,selections asks it about what is best then",
            markup=False,
        )
    changes = result.changes
    if changes:
        rows = [[video.video_id, _frames(video.now), _frames(video.then)] for video in changes[:_NUM_SHOWN]]
        print_table("frames (seconds), best first", ["video", "now", "then"], rows)
    if len(changes) > _NUM_SHOWN:
        out.print(f"... and {len(changes) - _NUM_SHOWN} more; --output FILE.csv writes them all", markup=False)
    out.print(f"{len(changes)} of {count(len(result.videos), 'video')} would change ({seconds:.2f} s)", markup=False)


def _print_fewer(result: WhatIf, top_k: int) -> None:
    """Says of how many videos fewer are selected than somebody asked for."""
    fewer = [video.video_id for video in result.videos if len(video.then) < top_k]
    if fewer:
        out.print(
            f"{count(len(fewer), 'video')} would have fewer than {top_k} ({_first(fewer)}): "
            f"no other candidate keeps the rules, which `thumb-assets show {fewer[0]} --why` names",
            markup=False,
        )


def _first(video_ids: Sequence[str]) -> str:
    return f"{video_ids[0]}, ..." if len(video_ids) > 1 else video_ids[0]


def _keep_for_library(store: TableStore, profile: str | None, overrides: Sequence[str], *, has_videos: bool) -> None:
    """Writes what is applied into the library's settings file, so that later runs select alike."""
    if has_videos:
        out.print("these videos keep the settings; the library's stay as they are", markup=False)
        return
    configuration = configuration_of(store, profile, overrides)
    names = _names(overrides)
    of_profile = [
        f"{name}={json.dumps(asked.value)}"
        for name, asked in asked_of(configuration).items()
        if profile and name.startswith("selection.") and name not in names
    ]
    kept = [override for override in overrides if override.strip().startswith(_KEPT_SECTIONS)]
    if of_profile or kept:
        path = set_in_file(store.data_dir, [*of_profile, *kept])
        out.print(f"{path}: set {', '.join(_names([*of_profile, *kept]))}", markup=False)


def _apply(store: TableStore, configuration: Configuration, result: WhatIf) -> list[StageResult]:
    results = []
    with progress() as bars:
        bar = bars.add_task("videos", total=len(result.videos))
        done: set[str] = set()
        for stage_result in apply_what_if(store, configuration.settings, result, asked=asked_of(configuration)):
            results.append(stage_result)
            done.add(stage_result.video_id)
            bars.update(bar, completed=len(done))
    return results


def _frames(selections: Sequence[tuple[int, float]]) -> str:
    return ", ".join(f"{frame_index} ({seconds:.3f})" for frame_index, seconds in selections) or "-"
