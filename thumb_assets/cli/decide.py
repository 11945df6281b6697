"""`thumb-assets pin`, `ban` and `unpin`: what people decide of single frames."""

import shlex
from pathlib import Path

import click

from thumb_assets.cli.options import complete_video_id, data_dir_option, table_store
from thumb_assets.cli.output import one_line_errors, out
from thumb_assets.errors import BadInputError
from thumb_assets.store import Library, TableStore, decide

_FOLLOWS = {"pin": "is always selected", "ban": "is never selected", None: "is selected or not by its score"}
_DECIDED = {"pin": "pinned", "ban": "banned"}


@click.command("pin")
@click.argument("video_id")
@click.argument("frame", type=int)
@click.option("--undo", is_flag=True, help="The same as unpin.")
@data_dir_option
@click.pass_obj
def pin_command(verbose: bool, *, video_id: str, frame: int, undo: bool, data_dir: Path | None) -> None:
    """Have a frame always selected: FRAME is its frame_index, VIDEO_ID the beginning of the video's id.

    Runs keep it, also with --recompute; it need not be a candidate so far.
    """
    with one_line_errors(verbose=verbose):
        _decide(video_id, frame, "pin", data_dir=data_dir, is_undone=undo)


@click.command("ban")
@click.argument("video_id")
@click.argument("frame", type=int)
@click.option("--undo", is_flag=True, help="Let it be selected again.")
@data_dir_option
@click.pass_obj
def ban_command(verbose: bool, *, video_id: str, frame: int, undo: bool, data_dir: Path | None) -> None:
    """Have a frame never selected: FRAME is its frame_index, VIDEO_ID the beginning of the video's id."""
    with one_line_errors(verbose=verbose):
        _decide(video_id, frame, "ban", data_dir=data_dir, is_undone=undo)


@click.command("unpin")
@click.argument("video_id")
@click.argument("frame", type=int)
@data_dir_option
@click.pass_obj
def unpin_command(verbose: bool, *, video_id: str, frame: int, data_dir: Path | None) -> None:
    """Take a pin back."""
    with one_line_errors(verbose=verbose):
        _decide(video_id, frame, "pin", data_dir=data_dir, is_undone=True)


def _decide(prefix: str, frame_index: int, decision: str, *, data_dir: Path | None, is_undone: bool) -> None:
    store = table_store(data_dir)
    video_id = complete_video_id(store, prefix)
    before = _decision_before(store, video_id, frame_index)
    if is_undone and before != decision:
        raise BadInputError(f"{video_id}: frame {frame_index} is not {_DECIDED[decision]}, so nothing is taken back")
    command = _command(store, video_id, data_dir)  # before anything is written: a video without a file ends here
    decisions = decide(store, video_id, frame_index, None if is_undone else decision).column("decision").to_pylist()
    counts = ", ".join(f"{decisions.count(kind)} {word}" for kind, word in _DECIDED.items())
    out.print(f"{video_id}: frame {frame_index} {_FOLLOWS[None if is_undone else decision]} ({counts})", markup=False)
    first = "candidate_frames" if "pin" in {before, decision} else "selections"  # a pinned frame is a candidate
    out.print(f"it counts once the stages from `{first}` on have run: {command}", markup=False)


def _decision_before(store: TableStore, video_id: str, frame_index: int) -> str | None:
    table = store.read_or_none("decisions", video_id)
    rows = [] if table is None else table.to_pylist()
    return next((row["decision"] for row in rows if row["frame_index"] == frame_index), None)


def _command(store: TableStore, video_id: str, data_dir: Path | None) -> str:
    """What runs this video; stages that nothing changed for are not run again."""
    path = Library(store.data_dir).find(video_id).path
    where = [] if data_dir is None else ["--data-dir", str(data_dir)]
    return shlex.join(["thumb-assets", "run", str(path), *where])
