"""Reads video files: what they are, every displayed frame with its identity, and one exact frame again.

What belongs here: probing, the only decode loop of the project, exact fetches, the rules of colour and geometry. What
does not: any judgement of a picture, any table file, any model. Arrays leave this room as RGB or luma, upright, with
square pixels, without combs, in the colours of sRGB.
"""

from thumb_assets.video.container import LOCAL_FILE_OPTIONS
from thumb_assets.video.decode import FrameSource, VideoDecoder, VideoHeader, read_header
from thumb_assets.video.fetch import FrameFetcher, FrameIdentities
from thumb_assets.video.frame import Frame, Look
from thumb_assets.video.geometry import Geometry
from thumb_assets.video.groups import IndexedDecoder
from thumb_assets.video.index import FrameIndex, UntrustedIndexError
from thumb_assets.video.interlace import FieldOrder
from thumb_assets.video.planes import num_picture_bytes, picture_from_planes
from thumb_assets.video.reduce import halved, one_thread_per_picture
from thumb_assets.video.timing import Clock, VideoTiming, seconds_on_screen

__all__ = [
    "LOCAL_FILE_OPTIONS",
    "Clock",
    "FieldOrder",
    "Frame",
    "FrameFetcher",
    "FrameIdentities",
    "FrameIndex",
    "FrameSource",
    "Geometry",
    "IndexedDecoder",
    "Look",
    "UntrustedIndexError",
    "VideoDecoder",
    "VideoHeader",
    "VideoTiming",
    "halved",
    "num_picture_bytes",
    "one_thread_per_picture",
    "picture_from_planes",
    "read_header",
    "seconds_on_screen",
]
