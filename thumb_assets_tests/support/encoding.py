"""Encodes drawn frames into small files with PyAV; the only writer of video in the tests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

RATE = 25


@dataclass(frozen=True)
class Encoding:
    """How a file is encoded; the defaults are quick constant-rate H.264 without B-frames."""

    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "crf": "16"})
    gop_size: int = 12
    num_b_frames: int = 0
    rotation_degrees: int = 0
    sample_aspect_ratio: Fraction | None = None
    container_options: Mapping[str, str] = field(default_factory=dict)
    time_base: Fraction = Fraction(1, RATE)
    is_interlaced: bool = False


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
        stream = container.add_stream(encoding.codec, rate=RATE, options=dict(encoding.options))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = encoding.pix_fmt
        context = stream.codec_context
        context.time_base = encoding.time_base
        context.gop_size = encoding.gop_size
        context.max_b_frames = encoding.num_b_frames
        context.thread_count = 1
        if encoding.is_interlaced:
            context.flags |= av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
        if encoding.sample_aspect_ratio:
            context.sample_aspect_ratio = encoding.sample_aspect_ratio
        if encoding.rotation_degrees:
            stream.set_display_rotation(encoding.rotation_degrees)
        for position, rgb in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            picture = picture.reformat(format=encoding.pix_fmt)
            picture.pts = pts[position] if pts is not None else position
            picture.time_base = encoding.time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path
