"""Packets of a source as they come, and the containers that they may come in."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import av

from thumb_assets.errors import BadInputError

# Containers of streams; a playlist or a script names other addresses, so no content is ever taken for one.
_FORMATS = {b"\x47": "mpegts", b"\x1a\x45\xdf\xa3": "matroska", b"FLV": "flv"}
_BOXES = {b"ftyp", b"styp", b"moof", b"moov", b"sidx", b"emsg", b"prft"}
# Contents alone are opened here: nothing that they name is.
CONTENT_OPTIONS = {
    "protocol_whitelist": "pipe",
    "enable_drefs": "0",
    # Else seconds of a live stream would be read before its first packet is given.
    "analyzeduration": "1000000",
    "probesize": "1000000",
}


class StopWatching(Exception):  # noqa: N818 - no error: somebody ended the watch
    """The watch is to end."""


class Stop:
    """Says to all that wait for a source that the watch is to end."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ends the watch."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """True once the watch is to end."""
        return self._event.is_set()

    def check(self) -> None:
        """Raises StopWatching once the watch is to end."""
        if self.is_set:
            raise StopWatching

    def wait(self, seconds: float) -> None:
        """Waits; StopWatching ends it."""
        self._event.wait(seconds)
        self.check()


@dataclass(frozen=True)
class Arrival:
    """A packet of video or sound, or none: the end of a piece, or that no further one has come yet.

    Attributes:
        packet: None between two pieces, of which the next one begins with a sync frame.
        at: when it came, in seconds since the epoch.
        run: stamps of one run are of one clock.
    """

    packet: "av.Packet[Any] | None"
    at: float
    run: int


class Source(Protocol):
    """A live source that was named."""

    name: str
    shown: str

    def arrivals(self, stop: Stop) -> Iterator[Arrival]:
        """Yields packets as they come; returns where the source has ended for good.

        Raises:
            NetworkError: the connection is lost, or could not be made; it may be made again.
            BadInputError: it never can, as where the source points elsewhere.
        """


def ticks_of(packet: "av.Packet[Any]") -> tuple[int, int, Fraction]:
    """The packet's pts, dts and time base, which `packets_of` makes sure of.

    Raises:
        ValueError: it has none.
    """
    if packet.pts is None or packet.dts is None or packet.time_base is None:
        raise ValueError("a packet has no time stamps")
    return packet.pts, packet.dts, packet.time_base


def format_of(head: bytes, *, shown: str) -> str:
    """FFmpeg's name of the container that a content begins.

    Raises:
        BadInputError: it is none of a stream.
    """
    known = next((name for magic, name in _FORMATS.items() if head.startswith(magic)), None)
    if known is None and head[4:8] in _BOXES:
        known = "mp4"
    if known is None:
        raise BadInputError(
            f"{shown}: sends no MPEG-TS, fragmented MP4, Matroska or FLV; name the address of a stream in one of them"
        )
    return known


def packets_of(container: Any, *, now: Callable[[], float], run: int) -> Iterator[Arrival]:
    """The packets of the first video stream and the first of sound, as far as they have stamps.

    Raises:
        BadInputError: there is no video.
    """
    if not container.streams.video:
        raise BadInputError("it has no video stream")
    wanted = [container.streams.video[0], *container.streams.audio[:1]]
    for packet in container.demux(wanted):
        if packet.dts is not None and packet.pts is not None and packet.size:
            yield Arrival(packet, now(), run)


class Pipe:
    """A file or pipe that grows, read as it does.

    Args:
        handle: of an open file; of a pipe it does not block.
        stop: ends the reading.
        timeout_seconds: without a byte for so long it has ended.
        is_ended: says of what writes it that nothing more will come.
    """

    def __init__(
        self, handle: int, stop: Stop, *, timeout_seconds: float, is_ended: Callable[[], bool] = lambda: False
    ) -> None:
        self._handle, self._stop, self._timeout_seconds = handle, stop, timeout_seconds
        self._is_ended = is_ended
        self._head = b""

    def peek(self, num_bytes: int) -> bytes:
        """The first bytes, which `read` gives once more."""
        while len(self._head) < num_bytes and (more := self._wait_for(num_bytes - len(self._head))):
            self._head += more
        return self._head

    def read(self, num_bytes: int) -> bytes:
        """Gives the bytes that are there, up to so many; empty at the end."""
        if self._head:
            head, self._head = self._head[:num_bytes], self._head[num_bytes:]
            return head
        return self._wait_for(num_bytes)

    def _wait_for(self, num_bytes: int) -> bytes:
        waited = 0.0
        while waited <= self._timeout_seconds:
            is_last = self._is_ended()  # before the look: what was written till then is read
            try:
                content = os.read(self._handle, num_bytes)
            except BlockingIOError:
                content = b""
            if content:
                return content
            if is_last:
                return b""
            self._stop.wait(_POLL_SECONDS)
            waited += _POLL_SECONDS
        return b""


_POLL_SECONDS = 0.05
