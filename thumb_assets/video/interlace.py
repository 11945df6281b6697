"""Interlaced pictures: which field comes first, and a whole picture out of both (FFmpeg's bwdif)."""

from typing import Literal

import av
from av.error import ArgumentError
from av.video.stream import VideoStream

from thumb_assets.video.filtering import filtered

FieldOrder = Literal["progressive", "top_first", "bottom_first"]

# AVFieldOrder of a stream, in the order of display: TT and BT show the top field first, BB and TB the bottom one.
_STREAM_ORDERS: dict[int, FieldOrder] = {2: "top_first", 3: "bottom_first", 4: "bottom_first", 5: "top_first"}
# Codecs whose pictures carry no flag of their own: only the container knows.
_CODECS_WITHOUT_FLAGS = frozenset({"ffv1", "ffvhuff", "huffyuv", "jpeg2000", "magicyuv", "mjpeg", "utvideo", "v210"})


class FieldOrderReader:
    """Tells the field order of decoded pictures of one stream.

    PyAV says only that a picture is interlaced; FFmpeg's select filter says which field is first.
    """

    def __init__(self, stream: VideoStream) -> None:
        context = stream.codec_context
        is_unflagged = context.codec.canonical_name in _CODECS_WITHOUT_FLAGS
        # PyAV 17, the last for Python 3.10, does not report the stream's order.
        order = int(getattr(context, "field_order", 0)) if is_unflagged else 0
        self._of_stream: FieldOrder = _STREAM_ORDERS.get(order, "progressive")

    def read(self, picture: av.VideoFrame) -> FieldOrder:
        """The order of a picture's fields: its own flags, else what the stream says where its codec has no flags."""
        if not picture.interlaced_frame:
            return self._of_stream
        # A graph for each: one that has passed over a picture holds on to it.
        found = filtered([picture], [("select", "eq(interlace_type,TOPFIRST)")])
        return "top_first" if found else "bottom_first"


def deinterlaced(
    picture: av.VideoFrame,
    *,
    previous: av.VideoFrame | None,
    following: av.VideoFrame | None,
    field_order: FieldOrder,
) -> av.VideoFrame:
    """A whole picture out of two fields, of the moment of the first; one too small for bwdif is left as it is.

    Args:
        previous, following: the displayed pictures before and after; None at the ends of the video.
        field_order: of `picture`, not progressive.
    """
    same = [previous if _is_alike(previous, picture) else None, following if _is_alike(following, picture) else None]
    pictures = [each for each in (same[0], picture, same[1]) if each is not None]
    parity = "tff" if field_order == "top_first" else "bff"
    try:
        results = filtered(pictures, [("bwdif", f"mode=send_frame:parity={parity}:deint=all")])
    except ArgumentError:  # of a few pixels: there is nothing to take from above and below
        return picture
    return results[0 if same[0] is None else 1]


def _is_alike(other: av.VideoFrame | None, picture: av.VideoFrame) -> bool:
    """True if a neighbour can go through the same filter; a stream may change its size on the way."""
    return other is not None and (other.width, other.height, other.format.name) == (
        picture.width,
        picture.height,
        picture.format.name,
    )
