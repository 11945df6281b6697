"""One segment as a file: packets are copied under a hidden name, the file is opened and looked at, then renamed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from thumb_assets.errors import BadInputError, StorageError
from thumb_assets.files import storage_errors
from thumb_assets.live.arrivals import ticks_of
from thumb_assets.video.container import open_container

SUFFIX = ".mkv"  # holds any codec, and is whole without a second pass
_PART = ".part"


@dataclass(frozen=True)
class Closed:
    """A verified file.

    Attributes:
        path: still the hidden name.
        begin_stamp, end_stamp: of the source, in seconds: when the first frame is shown and the last one ends.
        first_pts_seconds: stamp of the first frame in the file.
    """

    path: Path
    begin_stamp: float
    end_stamp: float
    first_pts_seconds: float
    num_frames: int


class Cutter:
    """Writes the packets of one segment.

    Args:
        folder: of the segments.
        first: the sync frame that it begins with; the streams of its container are copied.
        number: tells hidden files apart.
    """

    def __init__(self, folder: Path, first: "av.Packet[Any]", number: int) -> None:
        self._path = folder / f".{number}{SUFFIX}{_PART}"
        self.form = form_of(first)
        _, dts, time_base = ticks_of(first)
        self._begin = dts * time_base
        self._stamps: list[tuple[float, float]] = []
        self._last_dts: dict[int, int] = {}
        with storage_errors(self._path):
            try:
                self._container = av.open(str(self._path), "w", format="matroska")
            except FFmpegError as error:
                raise StorageError(f"{self._path}: cannot be written: {error.strerror}; check the disk") from error
        self._outputs = self._copied(first)

    def _copied(self, first: "av.Packet[Any]") -> dict[str, Any]:
        """The file's streams, by type; sound that the container does not hold is left out."""
        outputs = {"video": self._container.add_stream_from_template(first.stream)}
        for stream in first.stream.container.streams.audio[:1]:
            try:
                outputs["audio"] = self._container.add_stream_from_template(stream)
            except (FFmpegError, ValueError):
                continue
        return outputs

    @property
    def seconds(self) -> float:
        """Length so far, up to the last frame's end."""
        return self._end() - min(begin for begin, _ in self._stamps) if self._stamps else 0.0

    def add(self, packet: "av.Packet[Any]") -> None:
        """Copies a packet.

        Raises:
            StorageError: the disk is full or gone.
        """
        output = self._outputs.get(packet.stream.type)
        pts, dts, time_base = ticks_of(packet)
        shift = round(self._begin / time_base)
        if output is None or dts < shift:
            return
        kind = packet.stream.type
        if kind == "video":
            self._stamps.append((float(pts * time_base), float((packet.duration or 0) * time_base)))
        elif dts < self._last_dts.get(output.index, dts):  # sound that was sent twice
            return
        self._last_dts[output.index] = dts
        packet.pts, packet.dts = pts - shift, dts - shift
        packet.stream = output
        with storage_errors(self._path):
            try:
                self._container.mux_one(packet)
            except FFmpegError as error:
                raise StorageError(f"{self._path}: cannot be written: {error.strerror}; check the disk") from error

    def close(self) -> Closed:
        """Closes the file and looks at it.

        Raises:
            BadInputError: it cannot be opened, is empty, or its stamps go backwards; it is removed.
            StorageError: the disk is full or gone; likewise.
        """
        begin, end = min(begin for begin, _ in self._stamps), self._end()
        try:
            with storage_errors(self._path):
                self._container.close()
            first, num_frames, _ = verified(self._path)
        except FFmpegError as error:
            self.discard()
            raise StorageError(f"{self._path}: cannot be written: {error.strerror}; check the disk") from error
        except Exception:
            self.discard()
            raise
        return Closed(self._path, begin, end, first, num_frames)

    def discard(self) -> None:
        """Removes the file."""
        self._path.unlink(missing_ok=True)

    def _end(self) -> float:
        """When the last frame ends: a missing duration is taken from the usual step."""
        begins = sorted(begin for begin, _ in self._stamps)
        last = max(self._stamps)
        step = (begins[-1] - begins[0]) / (len(begins) - 1) if len(begins) > 1 else 0.0
        return last[0] + (last[1] or step)


def form_of(packet: "av.Packet[Any]") -> tuple[Any, ...]:
    """The facts that must not change within a file: codec, size and the decoder's head."""
    context = packet.stream.codec_context
    return context.name, context.width, context.height, context.extradata


def verified(path: Path) -> tuple[float, int, float]:
    """Stamp of the first frame in seconds, how many frames a file has, and how long it is.

    Raises:
        BadInputError: it cannot be opened, is empty, does not begin with a sync frame, or its stamps go backwards.
    """
    container, _ = open_container(path)
    with container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.dts is not None and packet.size]
        ticks = [ticks_of(packet) for packet in packets]
        decoding = [dts for _, dts, _ in ticks]
        if not packets or not packets[0].is_keyframe:
            raise BadInputError(f"{path}: holds no frames, or does not begin with a sync frame; it is removed")
        if decoding != sorted(decoding):
            raise BadInputError(f"{path}: its stamps go backwards; it is removed")
        shown = sorted(float(pts * time_base) for pts, _, time_base in ticks)
        step = (shown[-1] - shown[0]) / max(1, len(shown) - 1)
        return shown[0], len(shown), shown[-1] - shown[0] + step


def remove_unfinished(folder: Path) -> int:
    """Removes what a recorder that was killed left; gives how many files that were."""
    left = list(folder.glob(f".*{SUFFIX}{_PART}"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)
