"""The command `show`: which videos were run, what is known of one, and why a frame of it was chosen or not."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import data_dir_option, table_store
from thumb_assets.cli.output import one_line_errors, out, print_table
from thumb_assets.errors import SettingsError

# Whoever types an option wrong does not wait for tables.
if TYPE_CHECKING:
    from thumb_assets.select.tell import Story
    from thumb_assets.store.parquet import TableStore

_VIDEOS = """
SELECT video_id AS video, max(source_path) AS file,
       (SELECT count(*) FROM stills s WHERE s.video_id = o.video_id) AS stills,
       CASE WHEN sum(status = 'failed') THEN 'failed' ELSE 'done' END AS state
FROM outcomes o GROUP BY video_id ORDER BY file, video_id
"""


@in_section("Look")
@click.command("show")
@click.argument("video_id", required=False)
@click.option("--why", is_flag=True, help="The funnel, and why frames were chosen or not.")
@click.option("--frame", "frame_index", type=int, metavar="N", help="With --why: of this frame only, whichever it is.")
@data_dir_option
@click.pass_obj
def show_command(
    verbose: bool, *, video_id: str | None, why: bool, frame_index: int | None, data_dir: Path | None
) -> None:
    """Print what is known of one video: its funnel, its selections and why, what failed.

    VIDEO_ID is the beginning of one, or the video's file. Without it, the videos that were run are listed.
    """
    with one_line_errors(verbose=verbose):
        if frame_index is not None and not why:
            raise SettingsError("--frame says of which frame --why is asked; add --why")
        if why and video_id is None:
            raise SettingsError("--why tells of one video; name it, as `thumb-assets show` lists them")
        store = table_store(data_dir)
        if video_id is None:
            _print_videos(store)
        elif why:
            _print_why(store, _complete(store, video_id), frame_index)
        else:
            _print_all(store, _complete(store, video_id))


def _complete(store: "TableStore", video_id: str) -> str:
    from thumb_assets.library.names import complete_video_id

    return complete_video_id(store, video_id)


def _print_videos(store: "TableStore") -> None:
    from thumb_assets.store.catalog import Catalog

    rows = Catalog(store.catalog_path).query(_VIDEOS)
    print_table("videos", ["video", "file", "stills", "state"], [list(map(str, row.values())) for row in rows])


def _print_all(store: "TableStore", video_id: str) -> None:
    from thumb_assets.cli.results import print_outcomes, print_selections, print_stored_notes, stored_outcomes
    from thumb_assets.store.catalog import Catalog

    catalog = Catalog(store.catalog_path)
    for row in catalog.query("SELECT * FROM funnel WHERE video_id = ?", (video_id,)):
        print_table("funnel", list(row), [[str(value) for value in row.values()]])
    print_selections(store, [video_id])
    for row in catalog.query("SELECT * FROM best_stills WHERE video_id = ? ORDER BY rank", (video_id,)):
        out.print(row["reason"], markup=False)
        out.print(f"  {store.stills_dir(video_id) / row['file_name']}", markup=False)
    previews = store.read_or_none("previews", video_id)
    if previews is not None:
        for name in dict.fromkeys(previews.column("file_name").to_pylist()):
            out.print(f"  {store.previews_dir(video_id) / name}", markup=False)
    reasons = catalog.query(
        "SELECT stage, reason, count(*) AS num_candidates FROM rejections WHERE video_id = ? GROUP BY 1, 2",
        (video_id,),
    )
    if reasons:
        print_table("rejections", list(reasons[0]), [[str(value) for value in row.values()] for row in reasons])
    print_outcomes(stored_outcomes(store, [video_id]))
    print_stored_notes(store, video_id)


def _print_why(store: "TableStore", video_id: str, frame_index: int | None) -> None:
    from thumb_assets.select.moments import MOMENT_TABLES
    from thumb_assets.select.tell import STORY_TABLES, story_of, tell_frame

    names = [*STORY_TABLES, *(name for name in MOMENT_TABLES if store.has(name, video_id))]
    story = story_of({name: store.read(name, video_id) for name in names})
    if frame_index is None:
        _print_story(story)
    else:
        out.print(tell_frame(story, frame_index), markup=False)


def _print_story(story: "Story") -> None:
    from thumb_assets.select.tell import funnel, tell_all

    rows = [[step.what, str(step.num_frames), step.setting] for step in funnel(story)]
    print_table("funnel", ["what", "frames", "setting"], rows)
    for line in tell_all(story):
        out.print(line, markup=False)
