"""`thumb-assets verify`: whether pictures are the frames that they say they are."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import configuration_of, settings_options, table_store
from thumb_assets.cli.output import one_line_errors, out, print_errors
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.library.origin import verify_file
from thumb_assets.store.library import Library

# Exit codes: a file that is not what was written; one of which that cannot be said.
_CHANGED, _UNKNOWN = 1, 3


@in_section("Operate")
@click.command("verify")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--video", type=click.Path(path_type=Path), help="The video they were made of; default: looked for.")
@settings_options
@click.pass_obj
def verify_command(
    verbose: bool,
    *,
    files: tuple[Path, ...],
    video: Path | None,
    data_dir: Path | None,
    profile: str | None,
    overrides: Sequence[str],
) -> None:
    """Say if stills and crops, found anywhere, still show the frames that they name.

    Reads the facts inside each FILE, finds the video, decodes the frame and compares: same (pixel by pixel what was
    written), edited (that frame, worked on by somebody) or other. Exit code 0 if all are the same, 1 if one is edited
    or other, 3 if of one that cannot be said.
    """
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        settings = configuration_of(store, profile, overrides).settings
        library = Library(store.data_dir, video=settings.video, ignore=settings.library.ignore)
        verdicts, errors = set(), []
        for path in files:
            try:
                of, origin = verify_file(path, store, library, video=video, settings=settings.video)
            except ThumbAssetsError as error:
                errors.append(error)
                continue
            verdicts.add(origin.verdict)
            place = "" if origin.frame_index is None else f": frame {origin.frame_index} of {of.name}"
            place += "" if origin.pts_seconds is None else f" at {origin.pts_seconds:.3f} s"
            reason = f" ({origin.reason})" if origin.reason else ""
            out.print(f"{origin.verdict:<6} {path}{place}{reason}", markup=False)
        print_errors(errors)
    sys.exit(_UNKNOWN if errors else _CHANGED if verdicts - {"same"} else 0)
