"""The command: `uv run python -m benchmarks.footage FOLDER`."""

import sys
import tempfile
from pathlib import Path

import click

from benchmarks.footage.causes import effects
from benchmarks.footage.choices import Choices
from benchmarks.footage.compare import CONTESTANTS, OURS, Comparison, pick_lines
from benchmarks.footage.faces import first_picks
from benchmarks.footage.faces import told as told_faces
from benchmarks.footage.labels import read_clips
from benchmarks.footage.looks import note_look, told
from benchmarks.footage.page import NUM_WORST, figures, render
from benchmarks.footage.sheets import require_outside_repository, write_sheets
from benchmarks.footage.tuned import read_tuned, rendered
from benchmarks.machine import describe_machine
from benchmarks.selection.options import contestants_named
from benchmarks.selection.ours import Ours
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.settings.load import PROFILES

_COMMAND = "uv run python -m benchmarks.footage"
_FOLDER = click.Path(file_okay=False, path_type=Path)
DEFAULT_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "footage"


@click.command()
@click.argument("folder", default=DEFAULT_FOLDER, type=_FOLDER)
@click.option("--contestants", "names_text", metavar="A,B", help=f"Only these, of {', '.join(CONTESTANTS)}.")
@click.option("--clip", "clip_names", multiple=True, help="Only this clip, by file name; may be repeated.")
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting for all of ours.")
@click.option("--profile", default="default", type=click.Choice(list(PROFILES)), help="Of ours' settings.")
@click.option("--worst", "num_worst", default=NUM_WORST, show_default=True, type=click.IntRange(0), help="On sheets.")
@click.option("--sheet-of", "sheet_names", multiple=True, help="A sheet of this clip too, by file name.")
@click.option("--verbose", is_flag=True, help="Also a line per clip and contestant with its picks (stderr).")
@click.option("--workdir", type=_FOLDER, help="Where tables and contact sheets go, outside of the repository.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Also write the page to this file.")
def main(
    *,
    folder: Path,
    names_text: str | None,
    clip_names: tuple[str, ...],
    overrides: tuple[str, ...],
    profile: str,
    num_worst: int,
    sheet_names: tuple[str, ...],
    verbose: bool,
    workdir: Path | None,
    output: Path | None,
) -> None:
    """Measure how well frames are chosen on the labelled clips of FOLDER, and print a Markdown page.

    FOLDER holds clips and labels.json; default: ../shared/footage. Contact sheets of the worst clips, and the record of
    every look at the figures, are written into the work folder.
    """
    names = contestants_named(names_text, CONTESTANTS)
    workdir = workdir or Path(tempfile.gettempdir()) / "thumb-assets-footage"
    try:
        require_outside_repository(workdir)
        workdir.mkdir(parents=True, exist_ok=True)
        clips = [clip for clip in read_clips(folder) if not clip_names or clip.name in clip_names]
        if not clips:
            raise click.UsageError(f"{folder} has no labelled clip {', '.join(clip_names)}")
        ours = Ours(workdir / "ours", profile=profile, overrides=overrides)
        result = Comparison(clips, ours=ours, workdir=workdir).run(names)
        looks, causes, tuning, faces = "Ours did not take part.", "", "", ""
        if OURS in names:
            seen = figures(result.outcomes[OURS], clips)
            looks = told(note_look(workdir / "looks.tsv", f"{len(clips)} clips, {ours.identity}", seen))
            measured = ours.candidates([clip.path for clip in clips])
            choices = Choices(clips, measured)
            faces = told_faces(first_picks(clips, measured, ours.settings().selection))
            causes = effects(choices, lambda undone: ours.settings(undone).selection)
            tuning = rendered(read_tuned())
            sheets = write_sheets(result, workdir / "sheets", num_worst=num_worst, names=sheet_names)
            click.echo(f"{len(sheets)} contact sheets are in {workdir / 'sheets'}", err=True)
    except ThumbAssetsError as error:
        raise click.ClickException(str(error)) from error
    if verbose:
        click.echo("\n".join(pick_lines(result)), err=True)
    sections = {"causes": causes, "tuning": tuning, "faces": faces}
    page = render(result, machine=describe_machine(), command=_command(), looks=looks, **sections)
    click.echo(page, nl=False)
    if output:
        output.write_text(page, encoding="utf-8")


def _command() -> str:
    """The line that was typed, without what names folders of this machine."""
    typed, kept = iter(sys.argv[1:]), []
    for option in typed:
        if option.partition("=")[0] in ("--workdir", "--output"):
            if "=" not in option:
                next(typed, None)
        elif not Path(option).is_dir():
            kept.append(option)
    return " ".join([_COMMAND, *kept])


if __name__ == "__main__":
    main()
