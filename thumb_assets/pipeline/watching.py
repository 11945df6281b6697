"""The events of the work that somebody watches, also where Dagster calls the engine in between."""

from collections.abc import Iterator
from contextlib import contextmanager

from thumb_assets.events import UNWATCHED, Events

_watching = [UNWATCHED]  # the innermost is last


@contextmanager
def watching(events: Events) -> Iterator[None]:
    """Inside, every `run_isolated` that is given no events reports to these, also where Dagster makes the call."""
    _watching.append(events)
    try:
        yield
    finally:
        _watching.remove(events)


def watched_events() -> Events:
    """The innermost of those that watch."""
    return _watching[-1]
