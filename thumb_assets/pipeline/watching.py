"""Callbacks by which the engine's caller watches it work."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from thumb_assets.pipeline.decode_pass import OnFrame
from thumb_assets.pipeline.result import StageResult

OnVideo = Callable[[str], None]
OnNote = Callable[[str], object]
_LOGGER = logging.getLogger(__name__)


class OnStep(Protocol):
    """Called when the engine begins a step that may take long; `is_of_file`: it reads the video's file."""

    def __call__(self, name: str, *, is_of_file: bool) -> None: ...


def _ignore(_: object) -> None:
    pass


def log_note(note: str) -> None:
    """Logs a note as a warning; the default unless the caller says otherwise."""
    _LOGGER.warning("%s", note)


@dataclass(frozen=True)
class Watcher:
    """Callbacks by which somebody watches the work of `run_isolated`: frames, steps by name, results, notes.

    A note is one line on something that is no failure and that people should know.
    """

    on_frame: OnFrame | None = None
    on_step: Callable[[str], object] = _ignore
    on_result: Callable[[StageResult], object] = _ignore
    on_note: OnNote = log_note


_watchers = [Watcher()]  # the innermost is last


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Inside, the watcher is called for the work of every `run_isolated`, also where Dagster makes the call."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def current_watcher(on_frame: OnFrame | None = None) -> Watcher:
    """The innermost watcher; a callback of the call itself comes before its own."""
    watcher = _watchers[-1]
    return watcher if on_frame is None else replace(watcher, on_frame=on_frame)
