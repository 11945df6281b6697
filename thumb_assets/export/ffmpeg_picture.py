"""Pictures out of the bytes FFmpeg the program wrote, alike in every way to those PyAV decodes."""

from fractions import Fraction

import av
import numpy as np

from thumb_assets.video.frame import Frame
from thumb_assets.video.planes import picture_from_planes, plane_rows, write_plane

_ANY_TIME_BASE = Fraction(1, 25)


class PictureMaker:
    """Makes pictures of one stream out of raw bytes.

    A picture is more than its planes: where the chroma samples lie, for one, decides how they are enlarged, and PyAV
    can neither read nor write it. So each picture starts as a copy of the stream's first one.
    """

    def __init__(self, first: Frame) -> None:
        self._first: av.VideoFrame = first._picture  # noqa: SLF001 - what it carries cannot be had otherwise
        self._first.pts, self._first.time_base = 0, _ANY_TIME_BASE
        width, height, pix_fmt = self._first.width, self._first.height, self._first.format
        self._graph = av.filter.Graph()
        chain = [
            self._graph.add_buffer(width=width, height=height, format=pix_fmt, time_base=_ANY_TIME_BASE),
            self._graph.add("copy"),
            # The first one may be interlaced and others not; the table says which are.
            self._graph.add("setparams", "field_mode=prog"),
            self._graph.add("buffersink"),
        ]
        for number, context in enumerate(chain[:-1]):
            context.link_to(chain[number + 1])
        self._graph.configure()

    def make(self, data: bytes, *, device: str = "cpu") -> av.VideoFrame:
        """The picture of rawvideo bytes; from a device as NV12 or P010.

        Raises:
            ValueError: another number of bytes than a picture of the stream has.
        """
        width, height, pix_fmt = self._first.width, self._first.height, self._first.format.name
        if device != "cpu":
            data = _planar(data, num_luma=width * height, pix_fmt=pix_fmt)
        source = picture_from_planes(data, width=width, height=height, pix_fmt=pix_fmt)
        self._graph.push(self._first)
        picture = self._graph.pull()
        if not isinstance(picture, av.VideoFrame):
            raise TypeError(f"the filter gave a {type(picture).__name__}")
        for index, plane in enumerate(picture.planes):
            write_plane(plane, plane_rows(source, index))
        return picture


def _planar(data: bytes, *, num_luma: int, pix_fmt: str) -> bytes:
    """NV12 or P010 as the CPU's decoder has it: chroma in two planes, 10 bits in the lower part of two bytes.

    Raises:
        ValueError: no whole number of samples.
    """
    is_deep = pix_fmt.endswith("10le")
    samples = np.frombuffer(data, "<u2" if is_deep else np.uint8)
    if is_deep:
        samples = samples >> 6
    chroma = samples[num_luma:]
    return b"".join(part.tobytes() for part in (samples[:num_luma], chroma[::2], chroma[1::2]))
