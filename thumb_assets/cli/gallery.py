"""`thumb-assets gallery`: the library as plain HTML files that need no server."""

from pathlib import Path

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import data_dir_option, table_store
from thumb_assets.cli.output import TableProgress, err, one_line_errors, out, progress
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import count

_MOST_NOTES = 10


@in_section("Look")
@click.command("gallery")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--no-decoding",
    "is_decoding",
    flag_value=False,
    default=True,
    help="Open no video: runners-up have no new pictures.",
)
@data_dir_option
@click.pass_obj
def gallery_command(verbose: bool, *, folder: Path | None, is_decoding: bool, data_dir: Path | None) -> None:
    """Write the library as HTML files: a page of covers with filters, and a page for every video.

    FOLDER is new, empty or a gallery that was written before, which is brought up to date; default: gallery/ in the
    data folder. The files can be opened, copied and sent as they are.
    """
    with one_line_errors(verbose=verbose):
        write_gallery_files(table_store(data_dir), folder, is_decoding=is_decoding)


def write_gallery_files(store: TableStore, folder: Path | None, *, is_decoding: bool = True) -> None:
    """Writes a gallery with progress, and prints where it is."""
    from thumb_assets.report.gallery.write import write_gallery

    with progress() as bars:
        events = TableProgress(bars, compared="pages")
        made = write_gallery(store, folder or store.gallery_dir, is_decoding=is_decoding, events=events)
    for note in made.notes[:_MOST_NOTES]:
        err.print(f"note: {note}", markup=False)
    if len(made.notes) > _MOST_NOTES:
        err.print(f"note: and {len(made.notes) - _MOST_NOTES} more of the kind", markup=False)
    out.print(f"{count(made.num_videos, 'video')}, {count(made.num_written, 'page')} written", markup=False)
    out.print(str(made.index), markup=False)
