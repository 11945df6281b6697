"""Animated previews: a WebP by Pillow, and an MP4 where FFmpeg's libraries have an H.264 encoder."""

import io
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from thumb_assets.video.frame import UInt8Array

_H264_ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox")
_BT709, _LIMITED_RANGE = 1, 1  # libavutil/pixfmt.h: AVCOL_SPC_BT709 and the like, AVCOL_RANGE_MPEG


def h264_encoder() -> str | None:
    """The name of an H.264 encoder of FFmpeg's libraries; None where there is none."""
    for name in _H264_ENCODERS:
        try:
            av.codec.Codec(name, "w")
        except av.FFmpegError:
            continue
        return name
    return None


def encode_webp(pictures: Sequence[UInt8Array], *, rate: int, quality: int) -> bytes:
    """An animated WebP that repeats for ever.

    Args:
        pictures: (H, W, 3) uint8 RGB each, all of one size, one or more.
        rate: pictures per second.
    """
    first, *others = (Image.fromarray(picture) for picture in pictures)
    buffer, shown = io.BytesIO(), round(1000 / rate)
    first.save(buffer, "WEBP", save_all=True, append_images=others, duration=shown, loop=0, quality=quality, method=4)
    return buffer.getvalue()


def encode_mp4(pictures: Sequence[UInt8Array], *, rate: int, encoder: str) -> bytes:
    """An H.264 video without sound that begins to play before all of it is there; odd edges are cut off.

    Args:
        pictures: (H, W, 3) uint8 RGB each, all of one size, one or more.
        rate: pictures per second.
        encoder: see `h264_encoder`.
    """
    height, width = (length - length % 2 for length in pictures[0].shape[:2])
    with tempfile.TemporaryDirectory() as folder:  # FFmpeg opens the file again to move its index to the front
        path = Path(folder) / "preview.mp4"
        _write_mp4(path, pictures, size=(width, height), rate=rate, encoder=encoder)
        return path.read_bytes()


def _write_mp4(path: Path, pictures: Sequence[UInt8Array], *, size: tuple[int, int], rate: int, encoder: str) -> None:
    width, height = size
    options = {"crf": "23", "preset": "medium"} if encoder == "libx264" else {}
    with av.open(str(path), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream(encoder, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.thread_count = 1  # more threads give other bytes
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        for number, picture in enumerate(pictures):
            rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="rgb24")
            frame = rgb.reformat(format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED_RANGE)
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def webp_pictures(data: bytes, *, rate: int) -> Iterator[UInt8Array]:
    """The pictures of an animated WebP at the moments of that rate; a picture that stays is given again."""
    with Image.open(io.BytesIO(data)) as image:
        ends, end = [], 0
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            end += int(image.info.get("duration", 0))
            ends.append(end)
        number = 0
        for moment in range(round(end * rate / 1000)):
            while number < len(ends) - 1 and ends[number] <= (moment + 0.5) * 1000 / rate:
                number += 1
            image.seek(number)
            yield np.asarray(image.convert("RGB"))


def mp4_pictures(data: bytes) -> Iterator[UInt8Array]:
    """The pictures of a video in order."""
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
