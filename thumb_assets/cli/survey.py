"""`thumb-assets survey`: what the videos of the library share, and how their scores are distributed."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, settings_options, table_store
from thumb_assets.cli.output import TableProgress, err, one_line_errors, out, print_errors, print_table, progress
from thumb_assets.library.survey import AlikeStills, SharedFrame, SharedFrames, Survey, survey
from thumb_assets.settings.load import Settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.survey import reference_path
from thumb_assets.store.table_file import require_file_suffix, write_table_file
from thumb_assets.wording import count

_NUM_SHOWN = 10
_NUM_EXAMPLES = 3


@in_section("Look")
@click.command("survey")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write every recurring frame and every pair of stills: FILE.parquet or FILE.csv.",
)
@settings_options
@click.pass_obj
def survey_command(
    verbose: bool, *, output: Path | None, data_dir: Path | None, profile: str | None, overrides: Any
) -> None:
    """Compare all videos that were run. Finds shared frames, similar stills, the distribution of scores.

    Shared frames (intros, logos, credits) go into the tables `recurrences`, distributions into `survey/` of the data
    folder; both count from the next run of the stage `selections` on. No video is decoded.
    """
    with one_line_errors(verbose=verbose):
        settings = settings_of(table_store(data_dir), profile, overrides)
        if output is not None:
            require_file_suffix(output)
        store = table_store(data_dir)
        with progress() as bars:
            result = survey(store, settings, events=TableProgress(bars, compared="frames compared"))
        _print(result, settings, store)
        if output is not None:
            write_table_file(output, result.table)
            out.print(f"{result.table.num_rows} rows in {output}", markup=False)
    sys.exit(1 if result.errors else 0)


def _print(result: Survey, settings: Settings, store: TableStore) -> None:
    print_errors(result.errors.values())
    for stage, number in sorted(Counter(result.missing.values()).items()):
        err.print(f"left out ({count(number, 'video')}): run the stage {stage} first", markup=False)
    if len(result.models) > 1:
        models = ", ".join(f"{count(number, 'video')} of {model}" for model, number in result.models.items())
        err.print(f"note: frames are compared within a model only: {models}", markup=False)
    most = settings.selection.reject.max_recurrences
    _print_groups(result.groups, most=most)
    _print_stills(result.stills)
    out.print(f"{count(result.num_videos, 'video')} surveyed, {result.num_frames} frames compared", markup=False)
    out.print(_about_scores(result, settings, store), markup=False)
    if result.changed or result.is_reference_new:
        changed = f"recurring frames changed in {count(len(result.changed), 'video')}"
        if result.is_reference_new:
            changed += ", the library's scores in all"
        out.print(f"{changed}: run `thumb-assets run --stages selections,stills` to select again", markup=False)


def _print_groups(groups: Sequence[SharedFrames], *, most: int) -> None:
    if not groups:
        out.print("no frame recurs in another video", markup=False)
        return
    rows = [
        [
            str(group.num_videos),
            _rejected(group, most=most),
            str(len(group.frames)),
            _examples(group),
        ]
        for group in groups[:_NUM_SHOWN]
    ]
    print_table("recurring frames", ["videos", "rejected", "frames", "examples: video frame (seconds)"], rows)
    _print_more(len(groups), "groups")


def _rejected(group: SharedFrames, *, most: int) -> str:
    """Counts the frames of a group above the limit; each counts the videos that show it, not those of the group."""
    num_rejected = sum(number > most for number in group.num_others)
    if num_rejected in {0, len(group.frames)}:
        return "yes" if num_rejected else "no"
    return f"{num_rejected} of {len(group.frames)}"


def _print_stills(stills: Sequence[AlikeStills]) -> None:
    if not stills:
        return
    rows = [
        [_named(pair.still), _named(pair.other), f"{pair.cosine_similarity:.3f}", str(pair.hash_distance)]
        for pair in stills[:_NUM_SHOWN]
    ]
    print_table("stills that are alike", ["video frame (seconds)", "other", "cosine", "hash distance"], rows)
    _print_more(len(stills), "pairs")


def _print_more(number: int, what: str) -> None:
    if number > _NUM_SHOWN:
        out.print(f"... and {number - _NUM_SHOWN} more {what}; --output FILE.csv writes them all", markup=False)


def _about_scores(result: Survey, settings: Settings, store: TableStore) -> str:
    if not result.components:
        return f"too few videos for the library's scores to count: survey.min_videos is {settings.survey.min_videos}"
    kept = ", kept as they were, since not all videos can be read now" if result.is_reference_kept else ""
    return f"scores of the library ({', '.join(result.components)}) in {reference_path(store)}{kept}"


def _examples(group: SharedFrames) -> str:
    """One frame each of some of the videos."""
    first = {frame.video_id: frame for frame in reversed(group.frames)}
    named = [_named(first[video_id]) for video_id in sorted(first)[:_NUM_EXAMPLES]]
    return ", ".join(named) + (", ..." if len(first) > _NUM_EXAMPLES else "")


def _named(frame: SharedFrame) -> str:
    return f"{frame.video_id} {frame.frame_index} ({frame.pts_seconds:.3f})"
