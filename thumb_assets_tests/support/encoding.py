"""Encodes drawn frames into small files with PyAV; the only writer of video in the tests."""

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

RATE = 25


@dataclass(frozen=True)
class Tags:
    """FFmpeg's numbers (libavutil/pixfmt.h); the pictures are converted with that matrix and range."""

    matrix: int = 1
    transfer: int = 1
    primaries: int = 1
    range: int = 1


@dataclass(frozen=True)
class Encoding:
    """Encoding of a file; the defaults are quick constant-rate H.264 without B-frames."""

    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "crf": "16"})
    gop_size: int = 12
    num_b_frames: int = 0
    rotation_degrees: int = 0
    is_mirrored: bool = False
    sample_aspect_ratio: Fraction | None = None
    container_options: Mapping[str, str] = field(default_factory=dict)
    time_base: Fraction = Fraction(1, RATE)
    rate: int = RATE  # what the header says; the stamps say what is shown when
    field_order: str | None = None  # `tff` or `bff`, for interlaced video
    colours: "Tags | None" = None


@contextmanager
def _usual_scheduling() -> Iterator[None]:
    """Gives the process back the scheduling it had: SVT-AV1 makes it a real-time one where it runs as root.

    A real-time process, and all that it starts, keeps every other from the processor, servers of other tests too.
    """
    has_scheduling = hasattr(os, "sched_getscheduler")
    before = (os.sched_getscheduler(0), os.sched_getparam(0)) if has_scheduling else None
    try:
        yield
    finally:
        if before is not None and os.sched_getscheduler(0) != before[0]:
            os.sched_setscheduler(0, *before)


@_usual_scheduling()
def encode(
    path: Path,
    frames: Iterable[npt.NDArray[np.uint8]],
    encoding: Encoding | None = None,
    *,
    pts: Sequence[int] | None = None,
) -> Path:
    """Writes RGB frames, (H, W, 3) uint8 all of one size, as a video file.

    Args:
        pts: one stamp per frame in `encoding.time_base`; 0, 1, 2... where not given.
    """
    encoding = encoding or Encoding()
    frames = list(frames)
    with av.open(str(path), "w", options=dict(encoding.container_options)) as container:
        stream = container.add_stream(encoding.codec, rate=encoding.rate, options=dict(encoding.options))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = encoding.pix_fmt
        context = stream.codec_context
        context.time_base = encoding.time_base
        context.gop_size = encoding.gop_size
        context.max_b_frames = encoding.num_b_frames
        context.thread_count = 1
        if encoding.field_order:
            if hasattr(context, "field_order"):  # PyAV 17 does not know it
                context.field_order = {"tff": 2, "bff": 3}[encoding.field_order]  # FFmpeg's AVFieldOrder: TT, BB
            context.flags |= av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
        if encoding.colours:
            _tag(context, encoding.colours)
        if encoding.sample_aspect_ratio:
            context.sample_aspect_ratio = encoding.sample_aspect_ratio
        if encoding.rotation_degrees or encoding.is_mirrored:
            stream.set_display_matrix(_display_matrix(encoding))
        for position, rgb in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            picture = _converted(picture, encoding)
            if encoding.field_order:
                picture = _marked_interlaced(picture, encoding.field_order)
            picture.pts = pts[position] if pts is not None else position
            picture.time_base = encoding.time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def _converted(picture: av.VideoFrame, encoding: Encoding) -> av.VideoFrame:
    tags = encoding.colours
    if tags is None:
        return picture.reformat(format=encoding.pix_fmt)
    matrix = {6: 5, 10: 9}.get(tags.matrix, tags.matrix)  # swscale's numbers
    converted = picture.reformat(format=encoding.pix_fmt, dst_colorspace=matrix, dst_color_range=tags.range)
    _tag(converted, tags)
    return converted


def _tag(target: Any, tags: Tags) -> None:
    target.colorspace, target.color_range = tags.matrix, tags.range
    target.color_trc, target.color_primaries = tags.transfer, tags.primaries


def _display_matrix(encoding: Encoding) -> list[int]:
    """Left and right exchanged first, then the turn, counter-clockwise; y points down."""
    radians = math.radians(encoding.rotation_degrees)
    cosine, sine = round(math.cos(radians)) << 16, round(math.sin(radians)) << 16
    sign = -1 if encoding.is_mirrored else 1
    return [sign * cosine, -sign * sine, 0, sine, cosine, 0, 0, 0, 1 << 30]


def _marked_interlaced(picture: av.VideoFrame, field_order: str) -> av.VideoFrame:
    """The same picture with its flags set, which only a filter can do."""
    graph = av.filter.Graph()
    time_base = Fraction(1, RATE)
    source = graph.add_buffer(width=picture.width, height=picture.height, format=picture.format, time_base=time_base)
    marked, sink = graph.add("setfield", field_order), graph.add("buffersink")
    source.link_to(marked)
    marked.link_to(sink)
    graph.configure()
    picture.pts, picture.time_base = 0, time_base
    graph.push(picture)
    return graph.pull()
