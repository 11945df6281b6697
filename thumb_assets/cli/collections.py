"""`thumb-assets collections`: the collections of frames that people made."""

import json
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, settings_options, table_store
from thumb_assets.cli.output import one_line_errors, out, print_table
from thumb_assets.errors import SettingsError
from thumb_assets.library.decide import collect_frames, present_videos
from thumb_assets.library.names import complete_video_id
from thumb_assets.store.collections import CollectedFrame, collections, frames_of
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror


@in_section("Decide")
@click.command("collections")
@click.argument("name", required=False)
@click.option("--add", metavar="VIDEO:FRAMES", help="Put frames in, such as clip.mp4:120,340.")
@click.option("--remove", metavar="VIDEO:FRAMES", help="Take frames out.")
@click.option("--json", "is_json", is_flag=True, help="Print the frames as JSON.")
@settings_options
@click.pass_obj
def collections_command(
    verbose: bool,
    *,
    name: str | None,
    add: str | None,
    remove: str | None,
    is_json: bool,
    data_dir: Path | None,
    profile: str | None,
    overrides: Any,
) -> None:
    """List the collections of frames, or the frames of the collection NAME.

    No run makes or removes one. A frame stays where its video is renamed, and is found again in a new encoding.
    """
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        for text, is_in in ((add, True), (remove, False)):
            if text is not None:
                video, frames = _frames_of(text)
                if name is None:
                    raise SettingsError("--add and --remove need the NAME of the collection")
                settings = settings_of(store, profile, overrides)
                number = collect_frames(
                    name,
                    complete_video_id(store, video),
                    frames,
                    is_in=is_in,
                    library=Library(store.data_dir),
                    mirror=Mirror(settings.library, store),
                    store=store,
                )
                out.print(f"{number} {'added' if is_in else 'removed'}", markup=False)
        if add is not None or remove is not None:
            return
        found = collections(store, present_videos(store))
        if name is None and not is_json:
            rows = [[each, str(len(frames))] for each, frames in found.items()]
            if rows:
                print_table("collections", ["name", "frames"], rows)
            else:
                out.print("no collections yet; make one with search --collect or collections NAME --add")
            return
        chosen = found if name is None else {name: list(frames_of(found, name))}
        if is_json:
            click.echo(json.dumps({each: [vars(frame) for frame in frames] for each, frames in chosen.items()}))
            return
        rows = [_row(frame) for frames in chosen.values() for frame in frames]
        print_table(str(name), ["video", "file", "frame", "seconds", "state"], rows)


def _row(frame: CollectedFrame) -> list[str]:
    seconds = "-" if frame.offset_seconds is None else f"{frame.offset_seconds:.3f}"
    state = "here" if frame.is_here else "its file is not here"
    return [frame.video_id, Path(frame.file).name, str(frame.frame_index), seconds, state]


def _frames_of(text: str) -> tuple[str, list[int]]:
    video, _, frames = text.rpartition(":")
    numbers = [number.strip() for number in frames.split(",")]
    if not video or not all(number.isascii() and number.isdigit() for number in numbers):
        raise SettingsError(f"{text!r}: write VIDEO:FRAMES, such as clip.mp4:120,340")
    return video, [int(number) for number in numbers]
