"""Reads video files: what they are, every displayed frame with its identity, and one exact frame again.

What belongs here: probing, the only decode loop of the project, exact fetches, the rules of colour and geometry. What
does not: any judgement of a picture, any table file, any model. Arrays leave this room as RGB or luma uint8, upright,
with square pixels.
"""

from thumb_assets.video.decode import FrameSource, VideoDecoder, VideoHeader
from thumb_assets.video.fetch import FrameFetcher, FrameIdentities
from thumb_assets.video.frame import Frame
from thumb_assets.video.geometry import Geometry
from thumb_assets.video.timing import VideoTiming

__all__ = [
    "Frame",
    "FrameFetcher",
    "FrameIdentities",
    "FrameSource",
    "Geometry",
    "VideoDecoder",
    "VideoHeader",
    "VideoTiming",
]
