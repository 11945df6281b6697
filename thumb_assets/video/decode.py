"""Opens a file, names its stream, yields every displayed frame with its identity."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Protocol

import av
from av.codec.codec import Capabilities
from av.error import FFmpegError
from av.video.stream import VideoStream

from thumb_assets.errors import BadInputError, StorageError
from thumb_assets.settings import VideoSettings
from thumb_assets.video.damage import DamageError, decode_packets
from thumb_assets.video.frame import Frame
from thumb_assets.video.geometry import Geometry

# A read that hangs (a network mount, a pipe) is given up after this many seconds without a byte.
_READ_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class VideoHeader:
    """What the container and the first frame say, before everything is decoded; see the `videos` table for units."""

    container: str
    codec: str
    stream_index: int
    geometry: Geometry
    pix_fmt: str
    bit_depth: int
    color_space: str
    color_transfer: str
    color_range: str
    time_base: Fraction
    average_frame_rate: Fraction | None
    num_frames_from_header: int | None


class FrameSource(Protocol):
    """Where the engine gets frames from: every displayed frame in order, and the errors met on the way."""

    header: VideoHeader
    num_decode_errors: int

    def __iter__(self) -> Iterator[Frame]: ...


class VideoDecoder:
    """Every displayed frame of a file, in presentation order.

    Use as a context manager; iterate once, or `seek` and iterate again.

    Raises:
        BadInputError: no such file, not a video, no video stream, or no frame that can be decoded.
    """

    def __init__(self, path: Path, settings: VideoSettings | None = None) -> None:
        self.path = path
        self._settings = settings or VideoSettings()
        self._num_threads = self._settings.decode_threads
        self._seek_pts: int | None = None
        self.num_decode_errors = 0
        self._container = _open_container(path)
        try:
            self._stream = self._open_stream()
            self._pending = self._decode()
            self._first = next(self._pending, None)
            self.header = self._read_header(self._first)
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> "VideoDecoder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        """Frames from the present position; `frame_index` counts from 0 at the start of the file."""
        header, next_pts = self.header, 0
        for frame_index, picture in enumerate(self._pictures()):
            pts = picture.pts if picture.pts is not None else picture.dts
            if pts is None:  # a raw stream without stamps is shown at its average rate; fetches go by count and hash
                pts = next_pts
            next_pts = pts + self._usual_step
            yield Frame(picture, frame_index=frame_index, pts=pts, time_base=header.time_base, geometry=header.geometry)

    def seek(self, pts: int) -> bool:
        """Goes to the sync frame at or before `pts` (stream units); frames then count from 0 there.

        Returns:
            False where the file cannot seek (no index, a raw stream); use `rewind` then.
        """
        self._first, self._seek_pts = None, pts
        is_done = self._seek_container(pts)
        self._pending = self._decode()
        return is_done

    def rewind(self) -> None:
        """Goes to the start by opening the file again, which no container's index can spoil."""
        self._first, self._seek_pts = None, None
        self._open_again()
        self._pending = self._decode()

    @property
    def _usual_step(self) -> int:
        """Ticks from one frame to the next at the average rate; 1 where no rate is known."""
        rate = self.header.average_frame_rate
        return max(1, round(1 / (rate * self.header.time_base))) if rate else 1

    def _pictures(self) -> Iterator[av.VideoFrame]:
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        yield from self._pending

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Decodes with all threads; at the first sign of damage starts over with one and goes on where it was.

        With frame threads what a damaged file decodes to depends on their number: pictures are patched from others
        that are not finished yet, and errors among the last packets take intact pictures with them.
        """
        num_yielded = 0
        try:
            for picture in decode_packets(self._container, self._stream, self._refuse_damage):
                yield picture
                num_yielded += 1
        except DamageError:
            self._num_threads = 1
            self._open_again()
            yield from islice(decode_packets(self._container, self._stream, self._count_error), num_yielded, None)

    def _refuse_damage(self, *, is_lost: bool) -> None:
        context = self._stream.codec_context
        if self._num_threads != 1 and context.codec.capabilities & Capabilities.frame_threads:
            raise DamageError
        self._count_error(is_lost=is_lost)

    def _count_error(self, *, is_lost: bool) -> None:
        self.num_decode_errors += is_lost

    def _open_again(self) -> None:
        self._container.close()
        self._container = _open_container(self.path)
        self._stream = self._open_stream()
        if self._seek_pts is not None:
            self._seek_container(self._seek_pts)

    def _seek_container(self, pts: int) -> bool:
        try:
            self._container.seek(pts, stream=self._stream, backward=True, any_frame=False)
        except FFmpegError:
            return False
        return True

    def _open_stream(self) -> VideoStream:
        stream = self._container.streams.best("video")
        if not isinstance(stream, VideoStream):
            raise BadInputError(f"{self.path}: has no video stream (audio only?); remove it from the library")
        context = stream.codec_context
        if context is None:
            raise BadInputError(f"{self.path}: no decoder for its video stream; convert the file")
        if context.width * context.height > self._settings.max_pixels:
            raise BadInputError(
                f"{self.path}: {context.width}x{context.height} is more than video.max_pixels; raise it to accept this"
            )
        context.thread_type = "AUTO"
        context.thread_count = self._num_threads
        return stream

    def _read_header(self, first: av.VideoFrame | None) -> VideoHeader:
        if first is None:
            raise BadInputError(f"{self.path}: has a video stream but no frame that can be decoded; replace the file")
        stream, context = self._stream, self._stream.codec_context
        num_frames = stream.frames
        geometry = Geometry(
            first.width,
            first.height,
            _positive(stream.sample_aspect_ratio) or Fraction(1),
            int(first.rotation),
        )
        return VideoHeader(
            container=self._container.format.name,
            codec=context.codec.canonical_name,
            stream_index=stream.index,
            geometry=geometry,
            pix_fmt=first.format.name,
            bit_depth=max(component.bits for component in first.format.components),
            color_space=_COLOR_SPACES.get(int(first.colorspace), str(int(first.colorspace))),
            color_transfer=_COLOR_TRANSFERS.get(int(first.color_trc), str(int(first.color_trc))),
            color_range={1: "limited", 2: "full"}.get(int(first.color_range), "unspecified"),
            time_base=stream.time_base or Fraction(1, 90_000),
            average_frame_rate=_positive(stream.average_rate),
            num_frames_from_header=num_frames if 0 < num_frames < 2**40 else None,
        )


def _open_container(path: Path) -> av.container.InputContainer:
    if not path.exists():
        raise BadInputError(f"{path}: no such file; check the path")
    if not path.is_file():
        raise BadInputError(f"{path}: is not a file")
    if path.stat().st_size == 0:
        raise BadInputError(f"{path}: is empty (0 bytes); copy it again")
    try:
        # `file:` keeps FFmpeg from reading a name such as `concat:a` or `12:30.mp4` as a protocol.
        return av.open(
            f"file:{path}", metadata_errors="replace", timeout=_READ_TIMEOUT_SECONDS, options=dict(_LOCAL_FILES_ONLY)
        )
    except PermissionError:
        raise BadInputError(f"{path}: cannot be read (permission denied)") from None
    except MemoryError as error:
        raise StorageError(f"{path}: not enough memory to open it") from error
    except (FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInputError(f"{path}: is not a video FFmpeg can read ({reason}); replace or remove it") from None


def _positive(value: Fraction | None) -> Fraction | None:
    return value if value is not None and value > 0 else None


# A playlist or container that refers to other files or addresses is not followed.
_LOCAL_FILES_ONLY = {"protocol_whitelist": "file", "enable_drefs": "0"}

# FFmpeg's AVColorSpace and AVColorTransferCharacteristic (libavutil/pixfmt.h), by number.
_COLOR_SPACES = {
    0: "rgb",
    1: "bt709",
    2: "unspecified",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
}
_COLOR_TRANSFERS = {
    1: "bt709",
    2: "unspecified",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    18: "arib-std-b67",
}
