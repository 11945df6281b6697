"""`thumb-assets search`: frames of the whole library by words, by an example, by ranges of scores."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, settings_options, table_store
from thumb_assets.cli.output import TableProgress, err, one_line_errors, out, print_table, progress
from thumb_assets.library.decide import collect_frames, decide_frames
from thumb_assets.library.names import complete_frame
from thumb_assets.settings.load import Settings
from thumb_assets.store.collections import verify_collection_name
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import count


@in_section("Look")
@click.command("search")
@click.argument("words", nargs=-1)
@click.option("--like", metavar="VIDEO:FRAME", help="Frames that look like this one.")
@click.option("--where", "ranges", multiple=True, metavar="RANGES", help="Such as 'sharpness>=0.5, luma_mean<200'.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=24, show_default=True, help="Frames at most.")
@click.option("--per-video", type=click.IntRange(1), help="Frames of one video at most; default: any number.")
@click.option("--json", "is_json", is_flag=True, help="Print the answer as JSON.")
@click.option("--pin", "is_pinned", is_flag=True, help="Pin what is found.")
@click.option("--collect", "collection", metavar="NAME", help="Put what is found into a collection.")
@click.option("--prepare", "is_prepared", is_flag=True, help="First read the meaning of all texts, however many.")
@click.option("--list-scores", "is_list", is_flag=True, help="List what RANGES can be of, and search nothing.")
@settings_options
@click.pass_obj
def search_command(
    verbose: bool,
    *,
    words: tuple[str, ...],
    like: str | None,
    ranges: tuple[str, ...],
    limit: int,
    per_video: int | None,
    is_json: bool,
    is_pinned: bool,
    collection: str | None,
    is_prepared: bool,
    is_list: bool,
    data_dir: Path | None,
    profile: str | None,
    overrides: Any,
) -> None:
    """Find frames among the candidates of all videos that were run; no video is decoded.

    WORDS are looked for in pictures (where the model of the embeddings reads words), subtitles, writing that was read
    and chapter titles; the answer says in which, and quotes it.
    """
    from thumb_assets.search.conditions import MEASURES, conditions_of
    from thumb_assets.search.finder import Finder, Searched
    from thumb_assets.search.query import Query

    with one_line_errors(verbose=verbose):
        if is_list:
            print_table("scores", ["name", "what it is"], [[each.name, each.doc] for each in MEASURES.values()])
            return
        text = " ".join(words).strip()
        store = table_store(data_dir)
        settings = settings_of(store, profile, overrides)
        query = Query(
            words=text or None,
            like=None if like is None else complete_frame(store, like),
            ranges=conditions_of(ranges),
            limit=limit,
            per_video=per_video,
        )
        name = None if collection is None else verify_collection_name(collection)
        with progress() as bars:
            events = TableProgress(bars, compared="indexed")
            finder = Finder(Searched.of_store(store, events=events), settings, store, events=events)
            if is_prepared:
                finder.read_texts()
            if is_prepared and not (text or like or ranges):
                return
            answer = finder.find(query)
        for note in answer.notes:
            err.print(f"note: {note}", markup=False)
        if is_json:
            rows = [each.as_row() for each in answer.found]
            click.echo(json.dumps({"found": rows, "notes": answer.notes, "num_in_ranges": answer.num_in_ranges}))
        else:
            _print(answer, finder.num_frames)
        frames = [(each.video_id, each.frame_index) for each in answer.found]
        _keep(store, settings, frames, is_pinned=is_pinned, name=name, is_quiet=is_json)
    sys.exit(0)


def _print(answer: Any, num_frames: int) -> None:
    rows = [
        [each.video_id, str(each.frame_index), f"{each.pts_seconds:.3f}", f"{each.score:.3f}", each.why]
        for each in answer.found
    ]
    if rows:
        print_table("found", ["video", "frame", "seconds", "score", "why"], rows)
    within = "" if answer.num_in_ranges is None else f", {answer.num_in_ranges} of them within the ranges"
    out.print(f"{count(len(rows), 'frame')} found among {num_frames}{within}", markup=False)


def _keep(
    store: TableStore,
    settings: Settings,
    frames: Sequence[tuple[str, int]],
    *,
    is_pinned: bool,
    name: str | None,
    is_quiet: bool,
) -> None:
    """Pins and collects what was found, video by video."""
    if not frames or not (is_pinned or name is not None):
        return
    library, mirror = Library(store.data_dir), Mirror(settings.library, store)
    by_video: dict[str, list[int]] = {}
    for video_id, frame_index in frames:
        by_video.setdefault(video_id, []).append(frame_index)
    num_new = 0
    for video_id, own in by_video.items():
        if is_pinned:
            decide_frames(video_id, [(frame, "pin") for frame in own], library=library, mirror=mirror, store=store)
        if name is not None:
            num_new += collect_frames(name, video_id, own, library=library, mirror=mirror, store=store)
    if is_quiet:
        return
    where = ["--data-dir", str(store.data_dir)]
    if is_pinned:
        command = shlex.join(["thumb-assets", "run", *where])
        out.print(f"{count(len(frames), 'frame')} pinned; takes effect with the next run: {command}", markup=False)
    if name is not None:
        command = shlex.join(["thumb-assets", "collections", name, *where])
        out.print(f"{num_new} new in the collection {name!r}: {command}", markup=False)
