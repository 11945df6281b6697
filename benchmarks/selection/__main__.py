"""The command: `uv run python -m benchmarks.selection --output docs/results/selection.md`."""

import sys
import tempfile
from pathlib import Path

import click

from benchmarks.machine import describe_machine
from benchmarks.selection.compare import CONTESTANTS, SplitResult, compare, pick_lines
from benchmarks.selection.footage import DEFAULT_FOLDER
from benchmarks.selection.labelled import report_labelled
from benchmarks.selection.options import contestants_named
from benchmarks.selection.ours import Ours
from benchmarks.selection.page import render
from benchmarks.selection.plan import SPLITS
from benchmarks.selection.prepare import prepare
from benchmarks.selection.sheets import write_sheets
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.settings.load import PROFILES

_COMMAND = "uv run python -m benchmarks.selection"
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--videos", "num_videos", default=24, show_default=True, type=click.IntRange(1), help="Made per split.")
@click.option("--first", "first_number", default=0, show_default=True, type=click.IntRange(0), help="Of the recipes.")
@click.option("--split", "splits", multiple=True, type=click.Choice(SPLITS), help="One split only; default: both.")
@click.option("--contestants", "names_text", metavar="A,B", help=f"Only these, of {', '.join(CONTESTANTS)}.")
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting for all of ours.")
@click.option("--profile", default="default", type=click.Choice(list(PROFILES)), help="Of ours' settings.")
@click.option("--quick", "is_quick", is_flag=True, help="Without stability and determinism: a third of the time.")
@click.option("--verbose", is_flag=True, help="Also a line per video and contestant with its picks (stderr).")
@click.option("--sheets", "sheets_dir", type=_FOLDER, help="Write contact sheets of the ten worst videos per split.")
@click.option("--sheet-of", "sheet_numbers", multiple=True, type=int, help="A further video; may be repeated.")
@click.option("--workdir", type=_FOLDER, help="Where videos and tables are kept for the next time.")
@click.option("--shared", default=DEFAULT_FOLDER, type=_FOLDER, help="Folder of the source clips.")
@click.option("--labelled", type=_FOLDER, help="Instead: a folder of videos with labels.csv.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Also write the page to this file.")
def main(
    *,
    num_videos: int,
    first_number: int,
    splits: tuple[str, ...],
    names_text: str | None,
    overrides: tuple[str, ...],
    profile: str,
    is_quick: bool,
    verbose: bool,
    sheets_dir: Path | None,
    sheet_numbers: tuple[int, ...],
    workdir: Path | None,
    shared: Path,
    labelled: Path | None,
    output: Path | None,
) -> None:
    """Measure how well frames are chosen on videos with planted moments and defects, and print a Markdown page."""
    names = contestants_named(names_text, CONTESTANTS)
    if sheet_numbers and not sheets_dir:
        raise click.UsageError("--sheet-of needs --sheets FOLDER")
    workdir = workdir or Path(tempfile.gettempdir()) / "thumb-assets-selection"
    workdir.mkdir(parents=True, exist_ok=True)
    results: list[SplitResult] = []
    try:
        ours = Ours(workdir / "ours", profile=profile, overrides=overrides)
        if labelled:
            click.echo(report_labelled(labelled, ours), nl=False)
            return
        for split in splits or SPLITS:
            numbers = range(first_number, first_number + num_videos)
            videos = prepare(split, numbers, workdir=workdir, shared=shared, with_again=not is_quick)
            results.append(compare(split, videos, names, ours=ours, is_quick=is_quick))
    except ThumbAssetsError as error:
        raise click.ClickException(str(error)) from error
    for result in results:
        if verbose:
            click.echo("\n".join(pick_lines(result)), err=True)
        if sheets_dir:
            write_sheets(result, sheets_dir, numbers=sheet_numbers)
    page = render(results, machine=describe_machine(), command=_command())
    click.echo(page, nl=False)
    if output:
        output.write_text(page, encoding="utf-8")


def _command() -> str:
    """The line that was typed, without options that name folders of this machine."""
    private = ("--workdir", "--shared", "--sheets", "--output")
    typed, kept = iter(sys.argv[1:]), []
    for option in typed:
        if option.partition("=")[0] not in private:
            kept.append(option)
        elif "=" not in option:
            next(typed, None)
    return " ".join([_COMMAND, *kept])


if __name__ == "__main__":
    main()
