"""`thumb-assets decisions`: what people decided, with the state of each decision."""

from pathlib import Path

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import data_dir_option, table_store
from thumb_assets.cli.output import one_line_errors, out, print_table
from thumb_assets.library.decide import present_videos
from thumb_assets.store.decision_states import decision_states


@in_section("Decide")
@click.command("decisions")
@click.argument("videos", nargs=-1)
@data_dir_option
@click.pass_obj
def decisions_command(verbose: bool, *, videos: tuple[str, ...], data_dir: Path | None) -> None:
    """List pins, bans and covers, and whether each is in force.

    VIDEOS are ids, their beginnings, file names or paths; all by default. A decision stays until it is taken back by
    unpin (or --undo), also where its video is renamed, replaced or pruned.
    """
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        states = decision_states(store, present_videos(store))
        if videos:
            wanted = [Path(name).name for name in videos]
            states = [
                state
                for state in states
                if any(state.video_id.startswith(name) or Path(state.file).name == name for name in wanted)
            ]
        if not states:
            out.print("no decisions yet; make them with pin, ban and cover")
            return
        rows = [
            [
                state.video_id,
                Path(state.file).name,
                str(state.frame_index),
                "-" if state.offset_seconds is None else f"{state.offset_seconds:.3f}",
                state.decision,
                f"{state.kind}: {state.reason}" if state.reason else state.kind,
            ]
            for state in states
        ]
        print_table("decisions", ["video", "file", "frame", "seconds", "decision", "state"], rows)
