"""The command `chapters`: the chapters of a video, printed or written for players and editors."""

from pathlib import Path

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import data_dir_option, table_store
from thumb_assets.cli.output import one_line_errors, out, print_table
from thumb_assets.export.chapters import chapter_title, render_ffmetadata, render_webvtt
from thumb_assets.library.names import complete_video_id
from thumb_assets.store.table_file import write_table_file, write_text_file

_RENDER = {"webvtt": render_webvtt, "ffmetadata": render_ffmetadata}


@in_section("Look")
@click.command("chapters")
@click.argument("video_id")
@click.option("--format", "form", type=click.Choice(["table", *_RENDER]), default="table", show_default=True)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write here instead of printing; a table as FILE.parquet or FILE.csv.",
)
@data_dir_option
@click.pass_obj
def chapters_command(verbose: bool, *, video_id: str, form: str, output: Path | None, data_dir: Path | None) -> None:
    """Print the chapters of a video. The stage `chapters` makes them (chapters.is_on=true).

    `webvtt` is for <track kind="chapters">; with `ffmetadata`, `ffmpeg -i VIDEO -i FILE -map_chapters 1 -codec copy
    OUTPUT` writes them into a copy of the video.
    """
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        full_id = complete_video_id(store, video_id)
        chapters = store.read("chapters", full_id)
        if form in _RENDER:
            text = _RENDER[form](chapters)
            if output is None:
                click.echo(text, nl=False)
            else:
                write_text_file(output, text)
        elif output is not None:
            write_table_file(output, chapters)
        else:
            rows = [
                [
                    str(row["chapter_index"] + 1),
                    f"{row['start_pts_seconds']:.3f}",
                    f"{row['end_seconds']:.3f}",
                    "-" if row["frame_index"] is None else str(row["frame_index"]),
                    chapter_title(row["title"], row["chapter_index"]),
                ]
                for row in chapters.to_pylist()
            ]
            print_table(f"chapters of {full_id}", ["chapter", "start", "end", "frame", "title"], rows)
        if output is not None:
            out.print(f"{chapters.num_rows} chapters in {output}", markup=False)
