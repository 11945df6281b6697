"""The protocol of a contestant, and the simplest one: decoding alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import av


@dataclass(frozen=True)
class Done:
    """Result of one run.

    Attributes:
        text: for the report.
        num_frames: frames seen, of a contestant that has to see every one; held against the others'.
        peak_bytes: most memory, of a contestant that only starts others; else that of its own process counts.
        watching_seconds: CPU time that went into finding that out, and is not the contestant's.
    """

    text: str
    num_frames: int | None = None
    peak_bytes: int | None = None
    watching_seconds: float = 0.0


class Contestant(Protocol):
    """Lives in a process of its own; the calls come in the order `load`, `prepare`, `run`, `run`, ..."""

    def load(self, folder: Path) -> tuple[str, ...]:
        """Imports, and loads models: counted as start.

        Args:
            folder: an existing one to work in, which others use too.

        Returns:
            The stages whose model cannot be had or is off.
        """
        ...

    def prepare(self) -> None:
        """Does the work that the measurement does not count, and runs over something short, which warms caches."""
        ...

    def run(self) -> Done:
        """Does the work that is measured."""
        ...


@dataclass
class DecodeAlone:
    """Demuxes and decodes every frame with the job's library and number of threads, and lets it go."""

    path: Path
    num_threads: int

    def load(self, _folder: Path) -> tuple[str, ...]:
        """See Contestant; this module's imports are all it needs."""
        return ()

    def prepare(self) -> None:
        """See Contestant; there is nothing to warm but the file, which the others read as well."""

    def run(self) -> Done:
        """See Contestant."""
        with av.open(f"file:{self.path}") as container:
            stream = container.streams.best("video")
            stream.codec_context.thread_type = "AUTO"
            stream.codec_context.thread_count = self.num_threads
            num_frames = sum(len(packet.decode()) for packet in container.demux(stream))
        return Done(f"{num_frames} frames", num_frames)
