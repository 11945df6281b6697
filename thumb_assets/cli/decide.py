"""`thumb-assets pin`, `ban`, `cover` and `unpin`: what people decide of frames."""

import csv
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, settings_options, table_store
from thumb_assets.cli.output import one_line_errors, out
from thumb_assets.errors import BadInputError
from thumb_assets.library.decide import TAKES_BACK, Decided, decide_frames, present_videos
from thumb_assets.library.names import complete_video_id
from thumb_assets.store.decision_states import DecisionState, decision_states
from thumb_assets.store.decisions import DECISIONS, take_back
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.parquet import TableStore

_FOLLOWS = {
    "pin": "always selected",
    "ban": "never selected",
    "cover": "always selected, as rank 1",
    **dict.fromkeys(TAKES_BACK, "selected or not by score"),
}
_WORDS = (*DECISIONS, *TAKES_BACK)
_VIDEO = (
    "VIDEO is the file's name or path, or the beginning of the video's id; FRAMES are frame indices. VIDEO - reads CSV "
    "from standard input, with the columns video, frame and, if wanted, decision (pin, ban, cover, unpin, unban, "
    "uncover)."
)
_Asked = dict[str, list[tuple[int, str]]]


def _add_decision_command(name: str, about: str, *, undo: str | None, undo_help: str = "") -> None:
    def command(verbose: bool, /, *, video: str, frames: tuple[int, ...], undo_: bool = False, **where: Any) -> None:
        with one_line_errors(verbose=verbose):
            word = undo if undo_ and undo else name
            _decide(video, frames, word, **where)

    command.__doc__ = f"{about}\n\n    {_VIDEO}\n    "
    made = click.pass_obj(command)
    made = settings_options(made)
    if undo is not None:
        made = click.option("--undo", "undo_", is_flag=True, help=undo_help)(made)
    made = click.argument("frames", nargs=-1, type=int)(made)
    in_section("Decide")(click.command(name)(click.argument("video")(made)))


_add_decision_command(
    "pin",
    "Always select frames. Runs keep them, also with --recompute; they need not be candidates.",
    undo="unpin",
    undo_help="The same as unpin.",
)
_add_decision_command(
    "ban",
    "Never select frames, nor others that look like them.",
    undo="unban",
    undo_help="Let them be selected again.",
)
_add_decision_command(
    "cover",
    "Make a frame rank 1, whatever its score. The cover before it stays pinned.",
    undo="uncover",
    undo_help="Let the scores say which is rank 1.",
)
_add_decision_command("unpin", "Take pins and covers back.", undo=None)


def _decide(
    video: str,
    frames: Sequence[int],
    word: str,
    *,
    data_dir: Path | None,
    profile: str | None,
    overrides: Sequence[str],
) -> None:
    store = table_store(data_dir)
    settings = settings_of(store, profile, overrides)
    asked = _asked(video, frames, word)
    gone = _taken_back_without_files(store, asked)
    library, mirror = Library(store.data_dir), Mirror(settings.library, store)
    by_id: _Asked = {}
    for name, of_video in asked.items():
        by_id.setdefault(complete_video_id(store, name), []).extend(of_video)
    decided = []
    for video_id, of_video in by_id.items():
        decided.append(decide_frames(video_id, of_video, library=library, mirror=mirror, store=store))
        _print_decided(decided[-1], of_video)
    if gone:
        mirror.push_decisions()
    if decided:
        first = min((each.first_stage for each in decided), key=["candidate_frames", "selections"].index)
        paths = [str(each.video.path) for each in decided]
        command = _command(paths, data_dir=data_dir, profile=profile, overrides=overrides)
        out.print(f"takes effect when the stages from `{first}` on have run: {command}", markup=False)


def _asked(video: str, frames: Sequence[int], word: str) -> _Asked:
    """Decisions asked for, by the video's name as it was given."""
    if video == "-":
        if frames:
            raise BadInputError("- reads the frames from standard input; give either - or frames")
        return _from_csv(word)
    if not frames:
        raise BadInputError(f"{video!r}: no frame was named; give one frame_index or more")
    if word == "cover" and len(frames) > 1:
        raise BadInputError(f"{video!r}: a video has one cover, and {len(frames)} frames were named; give one")
    return {video: [(frame, word) for frame in frames]}


def _from_csv(word: str) -> _Asked:
    """The rows of standard input."""
    asked: _Asked = {}
    reader = csv.DictReader(sys.stdin)
    columns = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    video_column = columns.get("video", columns.get("video_id"))
    frame_column = columns.get("frame", columns.get("frame_index"))
    if video_column is None or frame_column is None:
        raise BadInputError("standard input: its first line must name the columns video and frame")
    for row in reader:
        video, frame = (row.get(video_column) or "").strip(), (row.get(frame_column) or "").strip()
        said = (row.get(columns.get("decision", "")) or "").strip().lower() or word
        if not video or not frame.isdigit() or said not in _WORDS:
            raise BadInputError(
                f"standard input: line {reader.line_num}: {video!r}, {frame!r}, {said!r} is no video, frame_index and "
                f"decision (one of {', '.join(_WORDS)}); nothing was decided"
            )
        asked.setdefault(video, []).append((int(frame), said))
    if not asked:
        raise BadInputError("standard input: holds no row; give rows of video and frame")
    return asked


def _taken_back_without_files(store: TableStore, asked: _Asked) -> bool:
    """Takes back what is asked for of videos whose file is gone, and drops it from `asked`."""
    if not any(word in TAKES_BACK for of_video in asked.values() for _, word in of_video):
        return False
    here = present_videos(store)
    states = decision_states(store, here)
    num_asked = len(asked)
    for name, of_video in list(asked.items()):
        own = [state for state in states if _is_named(state, name)]
        gone = {s.frame_index: s for s in own if not any(s.record.is_of(video.sha256) for video in here)}
        is_of_gone = all(f in gone and gone[f].decision in TAKES_BACK.get(word, ()) for f, word in of_video)
        if not is_of_gone or len(gone) < len(own):
            continue
        del asked[name]
        for frame, _ in of_video:
            take_back(store, gone[frame].record, frame)
            out.print(f"{gone[frame].video_id}: frame {frame}: taken back; its file is gone", markup=False)
    return len(asked) < num_asked


def _is_named(state: DecisionState, name: str) -> bool:
    return Path(state.file).name == Path(name).name or state.video_id.startswith(name)


def _print_decided(decided: Decided, frames: Sequence[tuple[int, str]]) -> None:
    by_word: dict[str, list[int]] = {}
    for frame, word in frames:
        by_word.setdefault(word, []).append(frame)
    for word, own in by_word.items():
        names = f"frame {own[0]} is" if len(own) == 1 else f"frames {', '.join(map(str, own))} are"
        out.print(f"{decided.video.video_id}: {names} {_FOLLOWS[word]} ({decided.counts})", markup=False)
    _print_former_cover(decided.video.video_id, decided.before, decided.now)


def _print_former_cover(video_id: str, before: Mapping[int, str], now: Mapping[int, str]) -> None:
    former = next((frame for frame, decision in before.items() if decision == "cover"), None)
    if former is not None and now.get(former) == "pin":
        out.print(f"{video_id}: frame {former}, the cover so far, stays pinned; unpin takes that back", markup=False)


def _command(paths: Sequence[str], *, data_dir: Path | None, profile: str | None, overrides: Sequence[str]) -> str:
    """Command that runs these videos with the same options; stages that nothing changed for are not run again."""
    options = [] if data_dir is None else ["--data-dir", str(data_dir)]
    options += [] if profile is None else ["--profile", profile]
    options += [word for override in overrides for word in ("--set", override)]
    return shlex.join(["thumb-assets", "run", *paths, *options])
