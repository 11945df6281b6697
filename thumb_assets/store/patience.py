"""Reads files of which the disk may never answer: a dead mount, a lease, a device behind a link."""

import hashlib
import os
import queue
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from thumb_assets.errors import BadInputError
from thumb_assets.settings.stages import VideoSettings

_T = TypeVar("_T")
_NUM_BYTES_PER_READ = 1 << 20
# A disk that wakes up, or a tape that is fetched, takes less.
_MAX_STALL_SECONDS = 120.0
# Once a file has not been answered for, the next ones of a dead mount must not take as long each.
_IMPATIENT_SECONDS = 10.0


@dataclass(frozen=True)
class ReadLimits:
    """When a file is given up: larger than `max_bytes`, or no answer of the disk for `stall_seconds`."""

    max_bytes: int
    stall_seconds: float

    @classmethod
    def of(cls, settings: VideoSettings) -> "ReadLimits":
        """Those of the settings."""
        return cls(settings.max_file_bytes, min(settings.stall_seconds, _MAX_STALL_SECONDS))


class PatientReader:
    """Looks at files in a thread that is left behind where the disk does not answer, so that the other files go on.

    A thread that waits for the disk cannot be ended; it ends with the process, or when the disk answers after all.
    """

    def __init__(self, limits: ReadLimits) -> None:
        self._limits = limits
        self._patience = limits.stall_seconds
        self._worker: _Worker | None = None

    def close(self) -> None:
        """Ends the thread, where it is not stuck."""
        if self._worker is not None:
            self._worker.tasks.put(None)
            self._worker = None

    def status(self, path: Path) -> os.stat_result:
        """Size and time of a regular file.

        Raises:
            BadInputError: it is not there, no regular file, or the disk does not answer.
        """
        return self.ask(path, lambda _: _status(path))

    def sha256(self, path: Path) -> str:
        """Hex SHA-256 of a file's content; its size is asked first.

        Raises:
            BadInputError: it is larger than allowed, cannot be read, or the disk does not answer.
        """
        num_bytes = self.status(path).st_size
        if num_bytes > self._limits.max_bytes:
            raise BadInputError(
                f"{str(path)!r}: has {num_bytes:,} bytes, more than video.max_file_bytes; raise it to accept this"
            )
        return self.ask(path, lambda on_progress: _sha256(path, on_progress))

    def ask(self, path: Path, call: Callable[[Callable[[], None]], _T]) -> _T:
        """Runs a call that may wait for the disk forever; returns its result.

        Args:
            path: for the message.
            call: gets a function to be called whenever something came.

        Raises:
            BadInputError: nothing came for the time allowed.
        """
        worker = self._worker = self._worker or _Worker()
        answer = worker.begin(call)
        while not answer.is_there.wait(min(self._patience, 1.0)):
            if time.monotonic() - answer.last_progress > self._patience:
                waited, self._patience = self._patience, min(self._patience, _IMPATIENT_SECONDS)
                worker.tasks.put(None)
                self._worker = None
                raise BadInputError(
                    f"{str(path)!r}: the disk or mount did not answer for {waited:g} s; check it and run again"
                )
        if answer.error is not None:
            raise answer.error
        return answer.value  # type: ignore[no-any-return]


class _Answer:
    def __init__(self) -> None:
        self.is_there = threading.Event()
        self.last_progress = time.monotonic()
        self.value: Any = None
        self.error: BaseException | None = None

    def on_progress(self) -> None:
        self.last_progress = time.monotonic()


class _Worker:
    def __init__(self) -> None:
        self.tasks: queue.SimpleQueue[tuple[Callable[[Callable[[], None]], Any], _Answer] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="thumb-assets-files", daemon=True).start()

    def begin(self, call: Callable[[Callable[[], None]], Any]) -> _Answer:
        answer = _Answer()
        self.tasks.put((call, answer))
        return answer

    def _work(self) -> None:
        while (task := self.tasks.get()) is not None:
            call, answer = task
            try:
                answer.value = call(answer.on_progress)
            except BaseException as error:  # noqa: BLE001 - raised by whoever asked
                answer.error = error
            answer.is_there.set()


def _status(path: Path) -> os.stat_result:
    try:
        status = path.stat()
    except OSError as error:
        raise BadInputError(
            f"{str(path)!r}: the file cannot be found: {error.strerror}; put it back or check the link"
        ) from error
    if not stat.S_ISREG(status.st_mode):  # reading a pipe or a device would wait for ever
        raise BadInputError(f"{str(path)!r}: is not a regular file; give a video file")
    return status


def _sha256(path: Path, on_progress: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as handle:
            while chunk := handle.read(_NUM_BYTES_PER_READ):
                digest.update(chunk)
                on_progress()
    except OSError as error:
        raise BadInputError(
            f"{str(path)!r}: cannot be read: {error.strerror}; check its rights and the disk"
        ) from error
    return digest.hexdigest()
