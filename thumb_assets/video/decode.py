"""Opens a file, names its stream, yields every displayed frame with its identity."""

from collections import deque
from collections.abc import Generator, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import av
from av.codec.context import Flags
from av.error import FFmpegError
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import PictureType
from av.video.stream import VideoStream

from thumb_assets.errors import BadInputError
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.video.colour import (
    COLOR_PRIMARIES,
    COLOR_RANGES,
    COLOR_SPACES,
    COLOR_TRANSFERS,
    resolve_colours,
    side_data_of,
)
from thumb_assets.video.container import best_video_stream, open_container
from thumb_assets.video.damage import DamageError, decode_packets
from thumb_assets.video.filtering import cropped_size
from thumb_assets.video.frame import Frame, Look
from thumb_assets.video.geometry import Crop, Geometry, orientation_of
from thumb_assets.video.header import VideoHeader
from thumb_assets.video.interlace import FieldOrderReader
from thumb_assets.video.sizes import PixelShapes, look_at_sizes
from thumb_assets.video.track_facts import TrackFacts, track_facts

# Pictures that are held back at once, at most; more B-frames in a row than this are given as they come.
_MAX_HELD_BYTES = 64 * 2**20
# Their decoders take what to leave out from packet to packet; others read it once, when they are opened.
_SKIPPING_CODECS = frozenset({"h264", "hevc"})


class FrameSource(Protocol):
    """Source of frames for the engine: every displayed frame in order, and the errors met on the way."""

    header: VideoHeader
    num_decode_errors: int
    num_time_jumps: int
    last_seconds: float | None

    def __iter__(self) -> Iterator[Frame]: ...


class VideoDecoder:
    """Every displayed frame of a file, in presentation order.

    Use as a context manager; iterate once, or `seek` and iterate again: `pts_seconds` is then not mended by what was
    passed over.

    Attributes:
        num_decode_errors: packets that were lost so far.
        num_time_jumps: see `Clock`, as far as was iterated.
        last_seconds: how long the last frame that was given is on screen, by the file; None where it does not say.

    Raises:
        BadInputError: no such file, not a video, no video stream, no frame that can be decoded, or more pixels, frames
            or seconds than the settings allow.
    """

    def __init__(self, path: Path, settings: VideoSettings | None = None) -> None:
        self.path = path
        self._settings = settings or VideoSettings()
        self._num_threads = self._settings.decode_threads
        self._hwaccel = self._settings.hwaccel
        self._seek_pts: int | None = None
        # Frames shown before this stamp are left out where no other is made from them; set by who seeks one frame.
        self.skip_before: int | None = None
        self.num_decode_errors = 0
        self.num_time_jumps = 0
        self.last_seconds: float | None = None
        self._open()
        try:
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
        self._drop_pending()
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        """Frames from the present position; `frame_index` counts from 0 at the start of the file."""
        header, fields = self.header, FieldOrderReader(self._stream)
        shapes = PixelShapes(header.container, header.first_geometry.sample_aspect_ratio)
        pictures = self._pictures()
        previous, picture, next_pts = None, next(pictures, None), 0
        frame_index, clock, begin, usual_step = 0, header.clock(), None, self._usual_step
        while picture is not None:
            field_order = fields.read(picture)
            # Only an interlaced picture is made with those around it: others would hold the one before for nothing.
            is_alone = field_order == "progressive"
            following = None if is_alone else next(pictures, None)
            pts = picture.pts if picture.pts is not None else picture.dts
            if pts is None:  # a raw stream without stamps is shown at its average rate; fetches go by count and hash
                pts = next_pts
            next_pts = pts + usual_step
            seconds = clock.seconds(pts)
            begin = seconds if begin is None else begin
            self.num_time_jumps, self.last_seconds = clock.num_jumps, self._own_seconds(picture)
            self._check_length(frame_index, seconds - begin)
            yield Frame(
                picture,
                frame_index=frame_index,
                pts=pts,
                pts_seconds=seconds,
                look=header.look,
                shown=header.shown(picture.width, picture.height, shapes.of(picture, self._stream)),
                is_keyframe=bool(picture.key_frame),
                field_order=field_order,
                neighbours=(None, None) if is_alone else (previous, following),
                decoded_on=self._device,
            )
            frame_index += 1
            previous = picture
            picture = next(pictures, None) if is_alone else following

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
        """Goes to the start by opening the file again, which no container's index can spoil, and stays on the CPU.

        Everything is as in a new decoder, so that a damaged file is met in the same way as in the first pass over it.
        """
        self._first, self._seek_pts, self.skip_before, self._hwaccel = None, None, None, "none"
        self._num_threads = self._settings.decode_threads
        self._open_again()
        self._pending = self._decode()

    @property
    def _usual_step(self) -> int:
        """Ticks from one frame to the next at the guessed rate; 1 where no rate is known."""
        rate = self.header.guessed_frame_rate
        return max(1, round(1 / (rate * self.header.time_base))) if rate else 1

    @property
    def _device(self) -> str:
        """Name of the decoding device; PyAV falls back to the CPU where the device cannot decode."""
        return self._opened_device if self._stream.codec_context.is_hwaccel else "cpu"

    def _own_seconds(self, picture: av.VideoFrame) -> float | None:
        """Seconds that a picture is shown, as the file says; of some containers FFmpeg makes it a tick, or nothing."""
        rate = self.header.guessed_frame_rate
        base = self.header.time_base  # in whole numbers: a fraction takes ten times as long
        seconds = (picture.duration or 0) * base.numerator / base.denominator
        if _keeps_durations(self.header.container):
            return seconds or None
        return max(seconds, rate.denominator / rate.numerator) if rate else None

    def _check_length(self, frame_index: int, seconds: float) -> None:
        settings = self._settings
        if frame_index >= settings.max_num_frames:
            raise BadInputError(
                f"{self.path}: has over {settings.max_num_frames} frames (video.max_num_frames); raise it to accept"
            )
        if seconds > settings.max_duration_seconds:
            raise BadInputError(
                f"{self.path}: is longer than {settings.max_duration_seconds:.0f} s (video.max_duration_seconds); "
                "raise it to accept"
            )

    def _pictures(self) -> Iterator[av.VideoFrame]:
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        yield from self._pending

    def _drop_pending(self) -> None:
        """Ends the decoding under way, which names this decoder and, suspended, holds its pictures and their codec."""
        self._first = None
        self._pending.close()

    def _decode(self) -> Generator[av.VideoFrame, None, None]:
        """Decodes with all threads; at the first sign of damage starts over with one and goes on where it was.

        With threads what a damaged file decodes to depends on their number and on chance: pictures are patched from
        others that are not finished yet, and errors among the last packets take intact pictures with them. The damage
        of a picture shows in those before it that are made from it, too, and only its own is told: they are held back
        until it comes.
        """
        num_yielded = 0
        held: deque[av.VideoFrame] = deque()
        try:
            for picture in decode_packets(self._packets(), self._stream, self._refuse_damage):
                held.append(self._on_cpu(picture))
                if picture.pict_type != PictureType.B or len(held) * _num_bytes(held[-1]) > _MAX_HELD_BYTES:
                    num_yielded += len(held)
                    while held:
                        yield held.popleft()
            yield from held
        except DamageError:
            self._num_threads, self._hwaccel = 1, "none"
            # Where some were left out, none can be passed over by number: who seeks knows the one that is wanted.
            num_known = num_yielded if self.skip_before is None else 0
            self.skip_before = None
            self._open_again()
            yield from islice(decode_packets(self._packets(), self._stream, self._count_error), num_known, None)

    def _packets(self) -> "Iterator[av.Packet[Any]]":
        context = self._stream.codec_context
        can_skip = context.codec.canonical_name in _SKIPPING_CODECS
        is_skipping: bool | None = None  # unknown: the decoder may have served another seek
        for packet in self._container.demux(self._stream):
            is_early = self.skip_before is not None and packet.pts is not None and packet.pts < self.skip_before
            if can_skip and is_early != is_skipping:
                is_skipping = is_early
                context.skip_frame = "NONREF" if is_early else "DEFAULT"
            yield packet

    def _on_cpu(self, picture: av.VideoFrame) -> av.VideoFrame:
        """The picture in the layout the CPU's decoder gives: devices interleave the chroma, which moves no value."""
        pix_fmt = self._stream.codec_context.pix_fmt
        if self._device == "cpu" or pix_fmt is None or picture.format.name == pix_fmt:
            return picture
        return picture.reformat(format=pix_fmt)

    def _refuse_damage(self, *, is_lost: bool) -> None:
        if self._num_threads != 1 or self._device != "cpu":
            raise DamageError
        self._count_error(is_lost=is_lost)

    def _count_error(self, *, is_lost: bool) -> None:
        self.num_decode_errors += is_lost

    def _open(self) -> None:
        self._container, self._opened_device = open_container(
            self.path, hwaccel=self._hwaccel, max_bytes=self._settings.max_file_bytes
        )
        try:
            self._stream = self._open_stream()
        except BaseException:
            self._container.close()
            raise

    def _open_again(self) -> None:
        self._container.close()
        self._open()
        if self._seek_pts is not None:
            self._seek_container(self._seek_pts)

    def _seek_container(self, pts: int) -> bool:
        try:
            self._container.seek(pts, stream=self._stream, backward=True, any_frame=False)
        except FFmpegError:
            return False
        return True

    def _open_stream(self) -> VideoStream:
        stream = best_video_stream(self._container, self.path)
        context = stream.codec_context
        if context.width * context.height > self._settings.max_pixels:
            raise BadInputError(
                f"{self.path}: {context.width}x{context.height} is more than video.max_pixels; raise it to accept this"
            )
        # Without it a crop on the left is rounded away, so that rows stay aligned: 6 of 6 columns were left standing.
        context.flags |= Flags.unaligned
        # What the container says is no promise: the stream itself may ask for more, even on the way.
        context.options["max_pixels"] = str(self._settings.max_pixels)
        if self._num_threads != 1:
            # Decoders hide what they can; with threads, how well differs from run to run. So every sign is wanted.
            context.options["err_detect"] = "explode"
        context.thread_type = "AUTO"
        context.thread_count = self._num_threads
        return stream

    def _read_header(self, first: av.VideoFrame | None) -> VideoHeader:
        context = self._stream.codec_context
        if first is None and context.name == "rawvideo" and context.pix_fmt is None:
            raise BadInputError(f"{self.path}: FFmpeg knows no pixel format for its raw pictures; convert the file")
        if first is None:
            raise BadInputError(f"{self.path}: has a video stream but no frame that can be decoded; replace the file")
        stream = self._stream
        num_frames = stream.frames
        facts = _facts_of(self.path, self._container, stream)
        first_geometry = _read_geometry(first, stream, facts.crop)
        max_pixels = self._settings.max_pixels
        looks = look_at_sizes(self.path, stream.index, first=first_geometry, crop=facts.crop, max_pixels=max_pixels)
        geometry = looks.usual
        width, height = geometry.display_size  # a pixel aspect ratio can ask for any size
        if width * height > max_pixels:
            raise BadInputError(
                f"{self.path}: {width}x{height} as displayed is more than video.max_pixels; raise it to accept this"
            )
        return VideoHeader(
            container=self._container.format.name,
            codec=context.codec.canonical_name,
            stream_index=stream.index,
            look=Look(geometry, resolve_colours(first, codec=context.codec), facts.crop),
            pix_fmt=first.format.name,
            bit_depth=max(component.bits for component in first.format.components),
            color_space=COLOR_SPACES.get(int(first.colorspace), str(int(first.colorspace))),
            color_transfer=COLOR_TRANSFERS.get(int(first.color_trc), str(int(first.color_trc))),
            color_primaries=COLOR_PRIMARIES.get(int(first.color_primaries), str(int(first.color_primaries))),
            color_range=COLOR_RANGES.get(int(first.color_range), "unspecified"),
            time_base=stream.time_base or Fraction(1, 90_000),
            average_frame_rate=_positive(stream.average_rate),
            guessed_frame_rate=_positive(stream.guessed_rate),
            duration_seconds=_duration_seconds(self._container, stream),
            num_frames_from_header=num_frames if 0 < num_frames < 2**40 else None,
            first_geometry=first_geometry,
            has_several_shapes=looks.has_several_shapes,
            decoded_size=(first.width, first.height),
            dolby_vision=facts.dolby_vision,
        )


def _facts_of(path: Path, container: av.container.InputContainer, stream: VideoStream) -> TrackFacts:
    place = [each.index for each in container.streams.video].index(stream.index)
    return track_facts(path, container.format.name, track_id=stream.id, video_place=place)


def read_header(path: Path, settings: VideoSettings | None = None) -> VideoHeader:
    """Reads the header of a file.

    Raises:
        BadInputError: as VideoDecoder.
    """
    with VideoDecoder(path, settings) as decoder:
        return decoder.header


def _read_geometry(first: av.VideoFrame, stream: VideoStream, crop: Crop) -> Geometry:
    ratio = _positive(stream.sample_aspect_ratio) or Fraction(1)
    matrix = side_data_of(first, SideDataType.DISPLAYMATRIX)
    # Where the matrix cannot be read PyAV still gives the turn.
    rotation, is_mirrored = orientation_of(matrix) if matrix is not None else (90 * round(first.rotation / 90), False)
    return Geometry(*cropped_size(first, crop), ratio, rotation, is_mirrored)


def _duration_seconds(container: av.container.InputContainer, stream: VideoStream) -> float | None:
    """As the file says; it may be wrong."""
    if stream.duration and stream.time_base:
        return max(0.0, float(stream.duration * stream.time_base))
    return max(0.0, container.duration / av.time_base) if container.duration else None


def _keeps_durations(container: str) -> bool:
    return "mp4" in container.split(",")


def _positive(value: Fraction | None) -> Fraction | None:
    return value if value is not None and value > 0 else None


def _num_bytes(picture: av.VideoFrame) -> int:
    return sum(plane.buffer_size for plane in picture.planes)
