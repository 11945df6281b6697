"""Pictures of several sizes or pixel shapes in one stream: which one stands for the video, and how each is shown."""

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
from av.codec.context import Flags
from av.error import FFmpegError
from av.video.stream import VideoStream

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.video.container import open_container
from thumb_assets.video.filtering import cropped_size
from thumb_assets.video.geometry import Crop, Geometry

# A look at these moments (shares of the duration) shows if there is anything to count; then this many are counted.
_FIRST_LOOK = (0.5, 0.98)
_NUM_COUNTED = 16
_MIN_SECONDS = 0.5
_MAX_PACKETS_PER_LOOK = 100
# Containers that say what shape all pixels have; what the pictures say on the way is then no matter.
_KNOWN_SHAPES = frozenset({"mov", "mp4", "matroska", "webm", "avi", "asf", "mxf", "flv", "nut"})
# Two pictures whose widths over heights differ by less are of one shape: sizes are rounded.
_SAME_SHAPE = 0.02
_ANY_TIME_BASE = Fraction(1, 25)
_SHAPE_UNIT = 4096  # of the width that the filter below gives


@dataclass(frozen=True)
class Looks:
    """Findings of a few looks into a video.

    Attributes:
        usual: the geometry that is on screen for most of it; that of the first picture in a tie.
        has_several_shapes: whether pixels of several shapes were seen.
    """

    usual: Geometry
    has_several_shapes: bool = False


def look_at_sizes(path: Path, stream_index: int, *, first: Geometry, crop: Crop, max_pixels: int) -> Looks:
    """Looks at a few moments of a video whether all pictures are as the first one, and counts where not.

    A recording of a call begins small and grows; a broadcast may change between programmes.
    """
    try:
        status = path.stat()
    except OSError:
        return Looks(first)
    return _look(path, (status.st_size, status.st_mtime_ns), stream_index, first, crop, max_pixels)


# One file is opened several times: for its frames, its stills and their proof.
@lru_cache(maxsize=64)
def _look(
    path: Path, _stamp: tuple[int, int], stream_index: int, first: Geometry, crop: Crop, max_pixels: int
) -> Looks:
    try:
        seen = _geometries_at(path, stream_index, first, crop, _FIRST_LOOK)
        if all(geometry == first for geometry in seen):
            return Looks(first)
        moments = tuple((number + 0.5) / _NUM_COUNTED for number in range(_NUM_COUNTED))
        counts = Counter(_geometries_at(path, stream_index, first, crop, moments))
    except (FFmpegError, OSError, ValueError, IndexError, ThumbAssetsError):  # a damaged file may list other streams
        return Looks(first)
    usual = max(counts, key=lambda geometry: (counts[geometry], geometry == first), default=first)
    is_accepted = usual.display_size[0] * usual.display_size[1] <= max_pixels
    shapes = {geometry.sample_aspect_ratio for geometry in [*seen, *counts, first]}
    return Looks(usual if is_accepted else first, len(shapes) > 1)


def shown_geometry(own: Geometry, usual: Geometry) -> Geometry:
    """Geometry that one picture is shown in: the video's where it has the video's shape, else its own.

    >>> shown_geometry(Geometry(160, 90), Geometry(640, 360)).display_size
    (640, 360)
    >>> shown_geometry(Geometry(360, 640), Geometry(640, 360)).display_size
    (360, 640)
    """
    (width, height), (usual_width, usual_height) = own.square_size, usual.square_size
    is_same_shape = abs(width * usual_height / (height * usual_width) - 1) <= _SAME_SHAPE
    return usual if is_same_shape else own


class PixelShapes:
    """The shape of each picture's pixels, where it may change on the way.

    Args:
        first: of the stream's first picture.
    """

    def __init__(self, container_name: str, first: Fraction) -> None:
        self._is_known = not _KNOWN_SHAPES.isdisjoint(container_name.split(","))
        self._first = first
        self._first_of_codec: Fraction | None = None
        self._is_changed = False

    def of(self, picture: av.VideoFrame, stream: VideoStream) -> Fraction:
        """Width of a pixel over its height; the decoder's own word is read once a change was announced."""
        if self._is_known:
            return self._first
        announced = stream.codec_context.sample_aspect_ratio
        if announced is not None and announced > 0:
            self._is_changed |= announced != self._first
        return (shape_of(picture) or self._first) if self._is_changed else self._first


def shape_of(picture: av.VideoFrame) -> Fraction | None:
    """The pixel shape a picture carries, which PyAV does not give but FFmpeg's scaler knows; None where it has none."""
    graph = _shape_graph(picture.width, picture.height, picture.format.name)
    pts, time_base = picture.pts, picture.time_base
    picture.pts, picture.time_base = 0, _ANY_TIME_BASE
    try:
        graph.push(picture)
        width = graph.pull().width
    except (FFmpegError, ValueError):
        _shape_graph.cache_clear()
        return None
    finally:
        picture.pts = pts
        if time_base is not None:
            picture.time_base = time_base
    return simplest_between(Fraction(2 * width - 1, 2 * _SHAPE_UNIT), Fraction(2 * width + 1, 2 * _SHAPE_UNIT))


def simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the least denominator in [low, high], both above 0 (Stern and Brocot's tree).

    >>> simplest_between(Fraction(5957, 4096), Fraction(5959, 4096))
    Fraction(16, 11)
    """
    whole = -(-low.numerator // low.denominator)
    if whole <= high:
        return Fraction(whole)
    below = low.numerator // low.denominator
    return below + 1 / simplest_between(1 / (high - below), 1 / (low - below))


@lru_cache(maxsize=8)
def _shape_graph(width: int, height: int, pix_fmt: str) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat(pix_fmt), time_base=_ANY_TIME_BASE)
    # The scaler reads the shape of each picture; the width it is asked for carries it out. A few rows cost little.
    width_of = f"w='if(gt(sar,0),max(1,min(65536,round({_SHAPE_UNIT}*sar))),{_SHAPE_UNIT})'"
    scaler = graph.add("scale", f"{width_of}:h=16:flags=neighbor:eval=frame")
    sink = graph.add("buffersink")
    source.link_to(scaler)
    scaler.link_to(sink)
    graph.configure()
    return graph


def _geometries_at(
    path: Path, stream_index: int, first: Geometry, crop: Crop, moments: tuple[float, ...]
) -> list[Geometry]:
    """Those of the sync frames at or before the moments, as far as they can be reached."""
    container, _ = open_container(path)
    with container:
        stream = container.streams[stream_index]
        if not isinstance(stream, VideoStream) or stream.time_base is None:
            return []
        begin, duration = stream.start_time or 0, _duration(container, stream)
        if duration is None or duration * stream.time_base < _MIN_SECONDS:
            return []
        stream.codec_context.thread_count = 1
        stream.codec_context.flags |= Flags.unaligned  # else a crop on the left is rounded away; see `decode`
        shapes = PixelShapes(container.format.name, first.sample_aspect_ratio)
        found = []
        for moment in moments:
            container.seek(begin + int(moment * duration), stream=stream, backward=True, any_frame=False)
            picture = _first_picture(container, stream)
            if picture is not None:
                shape = shapes.of(picture, stream)
                width, height = cropped_size(picture, crop)
                found.append(replace(first, width=width, height=height, sample_aspect_ratio=shape))
        return found


def _duration(container: av.container.InputContainer, stream: VideoStream) -> int | None:
    if stream.duration is not None or container.duration is None or stream.time_base is None:
        return stream.duration
    return int(Fraction(container.duration, av.time_base) / stream.time_base)


def _first_picture(container: av.container.InputContainer, stream: VideoStream) -> av.VideoFrame | None:
    stream.codec_context.flush_buffers()
    for number, packet in enumerate(container.demux(stream)):
        for picture in packet.decode():
            if isinstance(picture, av.VideoFrame):
                return picture
        if number >= _MAX_PACKETS_PER_LOOK:
            break
    return None
