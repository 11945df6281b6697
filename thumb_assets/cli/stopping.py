"""Stops of commands that serve until they are stopped: Ctrl+C and SIGTERM are their normal end, with exit code 0."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from thumb_assets.cli.output import err

_STOPPED = "stopped"


@contextmanager
def until_stopped() -> Iterator[None]:
    """Inside, a server runs. Its end is said in one line, also where the interrupt itself was lost on the way out."""
    # uvicorn ends well on SIGTERM and then sends it to us once more, which would end us before a `finally`.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        yield
    err.print(_STOPPED)


def stop_at_once() -> None:
    """From now on a signal ends this process in the middle of whatever it does.

    For servers that read standard input: a thread waits in there, and nothing else would end it.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    err.print(_STOPPED)
    os._exit(0)
