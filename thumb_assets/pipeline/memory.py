"""Memory of the engine's own process between two videos: what one huge video took is given back.

The process asks malloc to keep freed pictures for the next frame (see `process`), up to a gigabyte and more: after one
picture of 64 megapixels that is several gigabytes, kept for a run that may go on for days.
"""

import ctypes
import gc
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_MEBIBYTE = 1024**2
# Below this growth nothing is given back: fresh pages cost more than the memory is worth.
_SLACK_BYTES = 512 * _MEBIBYTE
# A process that holds so much more than it did, after giving back, twice in a row, is better replaced.
_GROWN_BYTES = 1024 * _MEBIBYTE
_NUM_TURNS = 2


def resident_bytes() -> int | None:
    """Memory that this process holds; None where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None


def trim() -> None:
    """Gives freed memory back to the system, where the C library can.

    Pictures that hang on a cycle of references, such as a traceback, are freed first: Python's collector counts objects
    and no bytes, and may leave a gigabyte for minutes.
    """
    gc.collect()
    with suppress(OSError, AttributeError):  # malloc_trim is glibc's
        ctypes.CDLL(None).malloc_trim(0)


class Memory:
    """Watches what the process holds from one video to the next.

    Args:
        resident: gives the bytes that the process holds, or None.
        give_back: gives freed memory back to the system.
    """

    def __init__(
        self, *, resident: Callable[[], int | None] = resident_bytes, give_back: Callable[[], None] = trim
    ) -> None:
        self._resident, self._give_back = resident, give_back
        self._least: int | None = None
        self._num_grown = 0

    @property
    def is_grown(self) -> bool:
        """True once the process has stayed large for too long: a new one should do the rest."""
        return self._num_grown >= _NUM_TURNS

    def while_small(self, video_ids: Iterable[str]) -> Iterator[str]:
        """The videos, until the process is grown; memory is given back between them."""
        for video_id in video_ids:
            self.settle()
            if self.is_grown:
                return
            yield video_id

    def expect_more(self) -> None:
        """Begins to compare from the next video on: a model is loaded, which stays."""
        self._least, self._num_grown = None, 0

    def settle(self) -> None:
        """Gives back what a video took and nothing needs; called between two videos."""
        held = self._resident()
        if held is None:
            return
        if self._least is None or held > self._least + _SLACK_BYTES:
            self._give_back()
            held = self._resident() or held
        # Videos that still wait for their scores may hold their pictures at one turn, hardly at the next as well.
        is_grown = self._least is not None and held > self._least + _GROWN_BYTES
        self._num_grown = self._num_grown + 1 if is_grown else 0
        self._least = held if self._least is None else min(self._least, held)
