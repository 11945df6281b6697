"""Prints for the commands: tables (no cell cut or folded), one line per error, progress bars. It decides nothing."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import TextIOWrapper
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from thumb_assets.cli.group import read_index
from thumb_assets.errors import ModelUnavailableError, SettingsError, ThumbAssetsError, as_thumb_assets_error
from thumb_assets.events import Events
from thumb_assets.settings.environment import uv_of_this_run
from thumb_assets.wording import count, escape_log_lines, one_line, traceback_lines

# A file name need not be text: what cannot be written is shown escaped, rather than ending the command.
for _stream in (sys.stdout, sys.stderr):
    if isinstance(_stream, TextIOWrapper):
        _stream.reconfigure(errors="backslashreplace")
escape_log_lines()
_GAP = "  "
_PROGRAM = "thumb-assets"


def as_typed(text: object) -> str:
    """The text with the commands of this program as they can be typed where it was started.

    Messages name a command `thumb-assets NAME`, wherever they are made or kept. That is found by a shell whose PATH has
    the environment's programs; `uv run` sets such a PATH for this process alone.
    """
    pattern, start = _commands()
    return pattern.sub(lambda _: start, str(text)) if start != _PROGRAM else str(text)


def program_as_typed() -> str:
    """The name by which this program can be started where it was, see `as_typed`."""
    return _commands()[1]


@cache
def _commands() -> tuple[re.Pattern[str], str]:
    """Finds where a text names a command of this program, and says what is typed there for the program."""
    names = "|".join(map(re.escape, read_index())) or "$."
    pattern = re.compile(rf"(?<![\w./-]){_PROGRAM}(?= (?:{names})\b)")
    if uv_of_this_run() is not None:
        return pattern, f"uv run {_PROGRAM}"
    return pattern, _PROGRAM if shutil.which(_PROGRAM) else f"{shlex.quote(sys.executable)} -m thumb_assets"


class LineConsole(Console):
    """A console on which every text is one line, and nothing in it moves the cursor or sets the terminal.

    All that the commands print goes through here; texts may hold file names and messages of other programs. Several
    lines are several texts.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich's; texts are escaped, and commands in them are as they can be typed."""
        super().print(*(one_line(as_typed(each)) if isinstance(each, str) else each for each in objects), **options)


# In a pipe there is no width to keep to.
out = LineConsole(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 240)
err = LineConsole(stderr=True, highlight=False, soft_wrap=True)


# The exit code of a command that was ended by Ctrl+C, as shells expect it.
INTERRUPTED = 130


class Interrupted(KeyboardInterrupt):
    """Ctrl+C, how far the work had come, and what to do."""

    def __init__(self, how_far: str, *, advice: str = "run the same command again to go on") -> None:
        super().__init__(how_far)
        self.advice = advice


@contextmanager
def one_line_errors(*, verbose: bool) -> Iterator[None]:
    try:
        yield
    except (ThumbAssetsError, ImportError) as raised:
        error = as_thumb_assets_error(raised, "OpenCV")
        if isinstance(raised, ImportError) and not isinstance(error, ModelUnavailableError):
            raise
        if verbose:
            print_traceback(error)
        err.print(f"error: {error}", markup=False)
        sys.exit(2 if isinstance(error, SettingsError) else 1)


@contextmanager
def download_progress() -> Iterator[Events]:
    """A bar per file, on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=err, transient=True, disable=not sys.stderr.isatty()) as progress:
        yield NamedProgress(progress)


class NamedProgress(Events):
    """One bar per name that is reported, from its first report on."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def progress(self, name: str, done: int, total: int | None) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(cell(name), total=total)
        self._bars.update(self._tasks[name], completed=done, total=total)


class _Counted(MofNCompleteColumn):
    """The count and its total; empty where nothing is counted."""

    def render(self, task: Task) -> Text:
        """As rich's."""
        return super().render(task) if task.completed or task.total is not None else Text()


def progress(console: Console = err) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=16), _Counted())
    return Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not sys.stderr.isatty())


class TableProgress(Events):
    """A bar that counts the videos whose tables are read, and one for what is compared, where that is named.

    Attributes:
        videos: the first bar.
    """

    def __init__(self, bars: Progress, *, compared: str | None = None) -> None:
        self._bars = bars
        self.videos = bars.add_task("videos read from tables", total=None)
        self._compared = None if compared is None else bars.add_task(compared, total=None)

    def video(self, video_id: str) -> None:  # noqa: ARG002 - a name of the event
        self._bars.update(self.videos, advance=1)

    def progress(self, name: str, done: int, total: int | None) -> None:  # noqa: ARG002
        if self._compared is not None:
            self._bars.update(self._compared, completed=done, total=total)


class FetchProgress(Events):
    """A bar that counts the videos that are fetched."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._fetched = bars.add_task("fetching videos", total=None)

    def progress(self, name: str, done: int, total: int | None) -> None:  # noqa: ARG002 - names of the event
        self._bars.update(self._fetched, advance=1)


class WorkProgress(Events):
    """Progress bars of work on videos: how many are done, and how far the one under way is.

    Args:
        log: gets a line for each video that is done; None where nobody reads one.

    Attributes:
        num_done: videos whose last stage has a result.
    """

    def __init__(self, bars: Progress, num_videos: int, last_stage: str, *, log: Console | None = None) -> None:
        self._bars, self._log = bars, log
        self._num_videos, self._last_stage = num_videos, last_stage
        self._videos = bars.add_task("videos", total=num_videos)
        self._frames = bars.add_task("starting the engine", total=None)
        self._video_id = ""
        self._done: set[str] = set()

    @property
    def num_done(self) -> int:
        return len(self._done)

    def video(self, video_id: str) -> None:
        # A video whose frames still wait for their scores is finished after the next one was decoded.
        self._video_id = video_id

    def frame(self, video_id: str, frame_index: int, num_frames: int | None) -> None:
        total = None if num_frames is None else max(num_frames, frame_index + 1)
        self._bars.update(self._frames, description=cell(video_id[:30]), completed=frame_index + 1, total=total)

    def step(self, name: str, *, is_of_file: bool) -> None:
        video = f"{self._video_id[:16]}: " if self._video_id and is_of_file else ""
        # The frames that were counted are of the step before; rich takes no total back, so the bar is a new one.
        self._bars.remove_task(self._frames)
        self._frames = self._bars.add_task(cell(f"{video}{name}"[:44]), total=None)

    def note(self, note: str) -> None:
        self._bars.console.print(f"note: {note}", markup=False)

    def stage_done(self, video_id: str, stage: str) -> None:
        if stage == self._last_stage and video_id not in self._done:
            self._done.add(video_id)
            self._bars.update(self._videos, completed=len(self._done))
            if self._log is not None:
                said = f"{len(self._done)} of {count(self._num_videos, 'video')} worked through: {video_id}"
                self._log.print(said, markup=False)


@contextmanager
def _kept(console: Console, stream: TextIO, *, has_bars: bool) -> Iterator[Console]:
    """A console under a descriptor of its own: Dagster sends 1 and 2 to a file while a step runs."""
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, ValueError):  # closed, or a text in memory
        yield console
        return
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as own:
        stream.flush()
        yield LineConsole(file=own, highlight=False, soft_wrap=True, width=None if has_bars else 240)


@contextmanager
def work_progress(num_videos: int, last_stage: str) -> Iterator[WorkProgress]:
    """Bars for work on so many videos, each done once its last stage has a result.

    A log gets a line per video instead: where the output or the errors are no terminal, it would stay empty for hours.

    Raises:
        Interrupted: Ctrl+C, with how many videos were done.
    """
    has_bars, is_log = sys.stderr.isatty(), not (sys.stderr.isatty() and sys.stdout.isatty())
    with (
        _kept(err, sys.stderr, has_bars=has_bars) as console,
        _kept(out, sys.stdout, has_bars=False) as log,
        progress(console) as bars,
    ):
        work = WorkProgress(bars, num_videos, last_stage, log=log if is_log else None)
        try:
            yield work
        except KeyboardInterrupt:
            raise Interrupted(f"{work.num_done} of {count(num_videos, 'video')} done") from None


@contextmanager
def waiting(what: str, *, is_logged: bool = True) -> Iterator[None]:
    """Says what is waited for: on a terminal while it is waited for, else in a line, where a log is to have one."""
    if is_logged and not sys.stderr.isatty():
        err.print(what, markup=False)
    with err.status(cell(what)):
        yield


def print_traceback(error: BaseException) -> None:
    for line in traceback_lines(error):
        err.print(line, markup=False)


def print_errors(errors: Iterable[object]) -> None:
    """One line each."""
    for error in errors:
        err.print(f"error: {error}", markup=False)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table, every row on one line; where the terminal is too narrow, laid out otherwise, never cut."""
    lines = layout(list(columns), [[one_line(as_typed(each)) for each in row] for row in rows], width=out.width)
    if lines is None or not sys.stdout.isatty():
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*map(cell, row))
        out.print(table, soft_wrap=False)
        return
    out.print(title, style="italic", markup=False)
    for line in lines:
        out.print(line, markup=False)


def cell(text: object) -> str:
    """A text for what rich lays out itself (tables, progress bars): escaped, and no markup."""
    return escape(one_line(as_typed(text)))


def layout(columns: Sequence[str], rows: Sequence[Sequence[str]], *, width: int) -> list[str] | None:
    """Lines for a table that does not fit; None where it does.

    The first column becomes a heading above the rows it stands for, where the others fit then; else each row becomes
    lines of a name and a value.

    >>> layout(["video", "rank"], [["a-name", "1"], ["a-name", "2"]], width=40) is None
    True
    >>> layout(["video", "rank"], [["a-name", "1"], ["a-name", "2"]], width=9)
    ['  rank', 'a-name', '  1', '  2']
    >>> layout(["video", "reason"], [["a", "too dark"]], width=9)
    ['video   a', 'reason  too dark']
    """
    if _width(columns, rows) <= width:
        return None
    others, values = columns[1:], [row[1:] for row in rows]
    if others and _width(others, values) + len(_GAP) <= width and len(rows) > 1:
        return _with_headings(columns, rows)
    longest = max(map(cell_len, columns))
    lines: list[str] = []
    for row in rows:
        lines += [""] if lines else []
        lines += [f"{_padded(name, longest)}{_GAP}{value}" for name, value in zip(columns, row, strict=True)]
    return lines


def _with_headings(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = _widths(columns[1:], [row[1:] for row in rows])

    def line(cells: Sequence[str]) -> str:
        return (_GAP + _GAP.join(map(_padded, cells, widths))).rstrip()

    lines = [line(columns[1:])]
    heading = None
    for row in rows:
        if row[0] != heading:
            heading = row[0]
            lines.append(heading)
        lines.append(line(row[1:]))
    return lines


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    return sum(_widths(columns, rows)) + len(_GAP) * (len(columns) - 1)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
