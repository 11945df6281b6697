"""One displayed frame: its identity, and its picture in whatever size and colour a consumer asks for."""

from fractions import Fraction
from functools import cached_property
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import xxhash
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from thumb_assets.video.geometry import Geometry

UInt8Array = npt.NDArray[np.uint8]

# AVCOL_SPC_UNSPECIFIED; swscale would take it for BT.601 at any size.
_UNSPECIFIED = 2
# Untagged video of at least this many lines or columns is BT.709, smaller is BT.601: the rule of mpv and VLC.
_HD_HEIGHT, _HD_WIDTH = 720, 1280
# Without FULL_CHR_H_INT swscale's table-driven RGB is up to 2 levels dark: white (Y=235) came out as 253.
# By number (swscale.h: SWS_FULL_CHR_H_INT, SWS_ACCURATE_RND): PyAV 17, the last for Python 3.10, has no names for them.
_EXACT = 0x2000 | 0x40000
_REDUCE = int(Interpolation.AREA) | _EXACT
_KEEP_OR_ENLARGE = int(Interpolation.BICUBIC) | _EXACT


class Frame:
    """A decoded frame with its place in the video.

    Attributes:
        frame_index: 0-based position among the displayed frames.
        pts: presentation time stamp in units of the stream's time base.
        pts_seconds: pts x time base.
        is_keyframe: whether the codec calls it a sync frame.

    The pictures are made on demand, each size once, and kept while the frame is.
    """

    def __init__(
        self, picture: av.VideoFrame, *, frame_index: int, pts: int, time_base: Fraction, geometry: Geometry
    ) -> None:
        self.frame_index = frame_index
        self.pts = pts
        self.pts_seconds = float(pts * time_base)
        self.is_keyframe = bool(picture.key_frame)
        self.is_interlaced = bool(picture.interlaced_frame)
        self.geometry = geometry
        self._picture = picture
        self._renditions: dict[tuple[str, int, int], UInt8Array] = {}

    @cached_property
    def luma_hash(self) -> str:
        """XXH3-128, 32 hex digits, of the decoder's first plane (rows without padding): the frame's fingerprint."""
        return xxhash.xxh3_128_hexdigest(np.ascontiguousarray(_first_plane(self._picture)).data)

    def rgb(self, short_side: int | None = None) -> UInt8Array:
        """The picture as people see it.

        Args:
            short_side: length of the shorter side in pixels; None is full resolution. Never enlarged.

        Returns:
            (H, W, 3) uint8 RGB, full range, upright, square pixels, contiguous.
        """
        return self._rendition("rgb24", short_side)

    def luma(self, short_side: int | None = None) -> UInt8Array:
        """The luma, full range 0..255.

        Returns:
            (H, W) uint8, upright, square pixels, contiguous.
        """
        return self._rendition("gray", short_side)

    def _rendition(self, pix_fmt: str, short_side: int | None) -> UInt8Array:
        width, height = self.geometry.scaled_square_size(short_side)
        key = (pix_fmt, width, height)
        if key not in self._renditions:
            array = self._reformatted(pix_fmt, width, height)
            turned = np.rot90(array, self.geometry.num_quarter_turns)
            self._renditions[key] = np.ascontiguousarray(turned)
        return self._renditions[key]

    def _reformatted(self, pix_fmt: str, width: int, height: int) -> UInt8Array:
        picture = self._picture
        is_reduced = width < picture.width or height < picture.height
        options: dict[str, Any] = {"dst_color_range": ColorRange.JPEG}
        if pix_fmt == "gray" and not picture.format.is_rgb:
            # The same matrix on both sides, whichever it is: gray counts as BT.601, and from any other one swscale
            # would go through a colour matrix that mixes chroma into luma (13 levels were seen), ten times slower.
            options["src_colorspace"] = options["dst_colorspace"] = Colorspace.ITU601
        elif int(picture.colorspace) == _UNSPECIFIED and not picture.format.is_rgb:
            is_hd = self.geometry.height >= _HD_HEIGHT or self.geometry.width >= _HD_WIDTH
            options["src_colorspace"] = Colorspace.ITU709 if is_hd else Colorspace.ITU601
        reformatted = picture.reformat(
            width=width,
            height=height,
            format=pix_fmt,
            interpolation=_REDUCE if is_reduced else _KEEP_OR_ENLARGE,
            threads=1,
            **options,
        )
        return np.asarray(reformatted.to_ndarray(), dtype=np.uint8)


def _first_plane(picture: av.VideoFrame) -> UInt8Array:
    """The rows of plane 0 without padding, (H, bytes per row) uint8; luma in every YUV format."""
    plane = picture.planes[0]
    on_plane = [component for component in picture.format.components if component.plane == 0]
    if len(on_plane) == 1 and not picture.format.is_bit_stream:
        num_row_bytes = plane.width * ((on_plane[0].bits + 7) // 8)
    else:
        num_row_bytes = (plane.width * picture.format.padded_bits_per_pixel + 7) // 8
    rows: UInt8Array = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * plane.height].reshape(
        plane.height, -1
    )
    return rows[:, :num_row_bytes]
