"""The facts of a file that are known from its container and its first picture."""

from dataclasses import dataclass, replace
from fractions import Fraction

import av

from thumb_assets.video.filtering import chroma_step
from thumb_assets.video.frame import Look
from thumb_assets.video.geometry import NO_CROP, Geometry
from thumb_assets.video.sizes import shown_geometry
from thumb_assets.video.timing import Clock
from thumb_assets.video.track_facts import DolbyVision


@dataclass(frozen=True)
class VideoHeader:
    """Facts from the container and the first frame, before everything is decoded; see the `videos` table for units."""

    container: str
    codec: str
    stream_index: int
    look: Look
    pix_fmt: str
    bit_depth: int
    color_space: str
    color_transfer: str
    color_primaries: str
    color_range: str
    time_base: Fraction
    average_frame_rate: Fraction | None
    guessed_frame_rate: Fraction | None
    duration_seconds: float | None
    num_frames_from_header: int | None
    first_geometry: Geometry  # of the first picture; `geometry` is that of most of the video
    has_several_shapes: bool  # whether the shape of the pixels changes on the way, as far as a few samples show
    decoded_size: tuple[int, int]  # width and height of the first picture before the container's crop
    dolby_vision: DolbyVision | None

    @property
    def geometry(self) -> Geometry:
        """Sizes and orientation of most of the video's pictures."""
        return self.look.geometry

    def clock(self) -> Clock:
        """A new clock for the frames from the first one on."""
        return Clock(self.time_base, container=self.container, frame_rate=self.guessed_frame_rate)

    def shown(self, width: int, height: int, sample_aspect_ratio: Fraction) -> Geometry:
        """Geometry that a decoded picture of that size and pixel shape is shown in; see `shown_geometry`."""
        usual = self.look.geometry
        if self.look.crop != NO_CROP:
            step = chroma_step(av.VideoFormat(self.pix_fmt))
            _, _, width, height = self.look.crop.part_of(width, height, step=step)
        if (width, height, sample_aspect_ratio) == (usual.width, usual.height, usual.sample_aspect_ratio):
            return usual
        own = replace(usual, width=width, height=height, sample_aspect_ratio=sample_aspect_ratio)
        return shown_geometry(own, usual)

    @property
    def usual_decoded_size(self) -> tuple[int, int]:
        """Width and height of most of the pictures before the container's crop."""
        crop, geometry = self.look.crop, self.geometry
        return geometry.width + crop.left + crop.right, geometry.height + crop.top + crop.bottom
