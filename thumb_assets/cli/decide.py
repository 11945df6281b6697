"""`thumb-assets pin`, `ban` and `unpin`: what people decide of single frames."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.options import complete_video_id, settings_of, settings_options, table_store
from thumb_assets.cli.output import one_line_errors, out
from thumb_assets.errors import BadInputError, ThumbAssetsError
from thumb_assets.store import Library, Mirror, TableStore, decide, settle_decisions

_FOLLOWS = {"pin": "is always selected", "ban": "is never selected", None: "is selected or not by its score"}
_DECIDED = {"pin": "pinned", "ban": "banned"}


@click.command("pin")
@click.argument("video_id")
@click.argument("frame", type=int)
@click.option("--undo", is_flag=True, help="The same as unpin.")
@settings_options
@click.pass_obj
def pin_command(verbose: bool, /, *, video_id: str, frame: int, undo: bool, **where: Any) -> None:
    """Have a frame always selected: FRAME is its frame_index, VIDEO_ID the beginning of the video's id.

    Runs keep it, also with --recompute; it need not be a candidate so far.
    """
    with one_line_errors(verbose=verbose):
        _decide(video_id, frame, "pin", is_undone=undo, **where)


@click.command("ban")
@click.argument("video_id")
@click.argument("frame", type=int)
@click.option("--undo", is_flag=True, help="Let it be selected again.")
@settings_options
@click.pass_obj
def ban_command(verbose: bool, /, *, video_id: str, frame: int, undo: bool, **where: Any) -> None:
    """Have a frame never selected: FRAME is its frame_index, VIDEO_ID the beginning of the video's id."""
    with one_line_errors(verbose=verbose):
        _decide(video_id, frame, "ban", is_undone=undo, **where)


@click.command("unpin")
@click.argument("video_id")
@click.argument("frame", type=int)
@settings_options
@click.pass_obj
def unpin_command(verbose: bool, /, *, video_id: str, frame: int, **where: Any) -> None:
    """Take a pin back."""
    with one_line_errors(verbose=verbose):
        _decide(video_id, frame, "pin", is_undone=True, **where)


def _decide(
    prefix: str,
    frame_index: int,
    decision: str,
    *,
    is_undone: bool,
    data_dir: Path | None,
    profile: str | None,
    overrides: Sequence[str],
) -> None:
    store = table_store(data_dir)
    settings = settings_of(store, profile, overrides)
    video_id = complete_video_id(store, prefix)
    mirror = Mirror(settings.library, store)
    mirror.bring(video_id)  # what was decided on other machines stays
    video = Library(store.data_dir).find(video_id)
    settle_decisions(store, video)
    before = _decision_before(store, video_id, frame_index)
    if is_undone and before != decision:
        raise BadInputError(f"{video_id}: frame {frame_index} is not {_DECIDED[decision]}, so nothing is taken back")
    command = _command(video.path, data_dir=data_dir, profile=profile, overrides=overrides)
    now = None if is_undone else decision
    decisions = decide(store, video_id, frame_index, now, path=os.fspath(video.path)).column("decision").to_pylist()
    try:
        mirror.push(video_id)
    except ThumbAssetsError:
        decide(store, video_id, frame_index, before)  # rather than to say that it failed, and keep it here
        raise
    counts = ", ".join(f"{decisions.count(kind)} {word}" for kind, word in _DECIDED.items())
    out.print(f"{video_id}: frame {frame_index} {_FOLLOWS[now]} ({counts})", markup=False)
    first = "candidate_frames" if "pin" in {before, decision} else "selections"  # a pinned frame is a candidate
    out.print(f"it counts once the stages from `{first}` on have run: {command}", markup=False)


def _decision_before(store: TableStore, video_id: str, frame_index: int) -> str | None:
    table = store.read_or_none("decisions", video_id)
    rows = [] if table is None else table.to_pylist()
    return next((row["decision"] for row in rows if row["frame_index"] == frame_index), None)


def _command(path: Path, *, data_dir: Path | None, profile: str | None, overrides: Sequence[str]) -> str:
    """What runs this video with the same options; stages that nothing changed for are not run again."""
    options = [] if data_dir is None else ["--data-dir", str(data_dir)]
    options += [] if profile is None else ["--profile", profile]
    options += [word for override in overrides for word in ("--set", override)]
    return shlex.join(["thumb-assets", "run", str(path), *options])
