"""One displayed frame: its identity, and its picture in whatever size and depth a consumer asks for."""

import copy
import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import xxhash

from thumb_assets.video.colour import Colours
from thumb_assets.video.filtering import cropped
from thumb_assets.video.geometry import NO_CROP, Bars, Crop, Geometry
from thumb_assets.video.interlace import FieldOrder, deinterlaced
from thumb_assets.video.planes import plane_rows
from thumb_assets.video.reduce import ReducedPlanes, small_size
from thumb_assets.video.rendition import Kind, render

UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]
Neighbours = tuple[av.VideoFrame | None, av.VideoFrame | None]
Fingerprint = tuple[str, str | None]


@dataclass(frozen=True)
class Look:
    """Looks of a stream: the size and shape most pictures have, the first one's colours, the container's crop."""

    geometry: Geometry
    colours: Colours
    crop: Crop = NO_CROP


def luma_hash_of(picture: av.VideoFrame) -> str:
    """XXH3-128, 32 hex digits, of the decoder's first plane (rows without padding)."""
    return xxhash.xxh3_128_hexdigest(np.ascontiguousarray(plane_rows(picture, 0)).data)


def chroma_hash_of(picture: av.VideoFrame) -> str | None:
    """XXH3-64, 16 hex digits, of the other planes, a palette included; None where there is none.

    Damage can spoil the chroma of a picture and leave its luma, so the luma alone does not identify a frame.
    """
    num_planes = len(picture.planes)
    if num_planes == 1:
        return None
    hasher = xxhash.xxh3_64()
    for plane_index in range(1, num_planes):
        hasher.update(np.ascontiguousarray(plane_rows(picture, plane_index)).data)
    return hasher.hexdigest()


class Frame:
    """A decoded frame with its place in the video.

    Attributes:
        frame_index: 0-based position among the displayed frames.
        pts: presentation time stamp in units of the stream's time base.
        pts_seconds: seconds on the video's timeline, see `Clock`.
        is_keyframe: whether the codec calls it a sync frame.
        field_order: whether it is made of two fields, and which of them is shown first.
        decoded_on: `cpu`, or FFmpeg's name of the device that decoded it.
        is_corrupt: whether the decoder says that data of the picture was missing or wrong.

    The pictures are made on demand, each size once, and kept while the frame is.

    Args:
        shown: how this one is shown, where its shape is not that of the video.
        neighbours: the decoded pictures shown before and after it; only an interlaced frame needs them.
    """

    def __init__(
        self,
        picture: av.VideoFrame,
        *,
        frame_index: int,
        pts: int,
        pts_seconds: float,
        look: Look,
        is_keyframe: bool,
        shown: Geometry | None = None,
        field_order: FieldOrder = "progressive",
        neighbours: Neighbours = (None, None),
        decoded_on: str = "cpu",
    ) -> None:
        self.frame_index = frame_index
        self.pts = pts
        self.pts_seconds = pts_seconds
        self.is_keyframe = is_keyframe
        self.field_order = field_order
        self.decoded_on = decoded_on
        self.is_corrupt = bool(picture.is_corrupt)
        self.geometry = shown or look.geometry
        self._usual = look.geometry
        self._colours = look.colours
        self._crop = look.crop
        self._picture = picture
        self._neighbours = neighbours
        self._renditions: dict[tuple[str, int, int], npt.NDArray[Any]] = {}
        self._box: tuple[int, int, int, int] | None = None

    def inside(self, bars: Bars) -> "Frame":
        """The same frame whose `rgb`, `rgb16` and `luma` are those of the picture between the bars of its video.

        A frame of another shape than most of the video has no such bars and stays whole.
        """
        if not bars or self.is_of_other_shape:
            return self
        return self.part(*bars.part_of(*self.geometry.display_size))

    def part(self, x: int, y: int, width: int, height: int) -> "Frame":
        """The same frame whose `rgb`, `rgb16` and `luma` are those of a part of it.

        Args:
            x, y, width, height: in pixels of the displayed frame, whatever part of it this one is.

        Raises:
            ValueError: it is empty or reaches out of the frame.
        """
        whole_width, whole_height = self.geometry.display_size
        if not (0 <= x < x + width <= whole_width and 0 <= y < y + height <= whole_height):
            raise ValueError(f"{width}x{height} at {x},{y} is no part of a frame of {whole_width}x{whole_height}")
        part = copy.copy(self)
        box = None if (width, height) == (whole_width, whole_height) else (x, y, width, height)
        part._box = box  # noqa: SLF001 - a copy of this one
        return part

    @property
    def whole(self) -> "Frame":
        """The same frame with all of its picture."""
        return self if self._box is None else self.part(0, 0, *self.geometry.display_size)

    def let_go_of_halves(self) -> None:
        """Frees what smaller pictures were made from: of 4K with 10 bits as much as half of its luma."""
        self.__dict__.pop("_reduced", None)

    def as_decoded(self) -> "Frame":
        """The same frame, whole, without what was made of it so far: its hashes are taken of its bytes again."""
        own = copy.copy(self)
        for name in ("luma_hash", "chroma_hash", "neighbour_fingerprints", "_reduced", "_shown"):
            own.__dict__.pop(name, None)
        own._box, own._renditions = None, {}  # noqa: SLF001 - a copy of this one
        return own

    @property
    def shown_by(self) -> Hashable | None:
        """Equal for two frames of a video that look the same to the last bit; None where neighbours have a say."""
        return None if self.field_order != "progressive" else (self.fingerprint, self._box, self.geometry)

    @property
    def num_bytes(self) -> int:
        """Memory of the picture as decoded."""
        return sum(plane.buffer_size for plane in self._picture.planes)

    @property
    def is_of_other_shape(self) -> bool:
        """True if it is shown in another size than most of the video, since its shape is another."""
        return self.geometry != self._usual

    @cached_property
    def luma_hash(self) -> str:
        """See `luma_hash_of`; of the picture as decoded, before anything is made of it."""
        return luma_hash_of(self._picture)

    @cached_property
    def chroma_hash(self) -> str | None:
        """See `chroma_hash_of`; of the picture as decoded."""
        return chroma_hash_of(self._picture)

    @property
    def fingerprint(self) -> Fingerprint:
        """Both hashes."""
        return self.luma_hash, self.chroma_hash

    @cached_property
    def neighbour_fingerprints(self) -> tuple[Fingerprint | None, Fingerprint | None]:
        """Those of the pictures before and after, where it has them."""
        before, after = self._neighbours
        return _fingerprint_of(before), _fingerprint_of(after)

    def rgb(self, short_side: int | None = None) -> UInt8Array:
        """The picture as people see it.

        Args:
            short_side: length of the shorter side in pixels; None is full resolution. Never enlarged. Reduced pictures
                of a video are all of one size, also where a picture on the way has another shape. That of a part of the
                frame may be a pixel shorter, so that nothing beside it is mixed in.

        Returns:
            (H, W, 3) uint8 RGB, full range, BT.709 primaries, upright, square pixels, contiguous.
        """
        return self._rendition("rgb8", short_side)

    def rgb16(self) -> UInt16Array:
        """As `rgb` in full resolution, (H, W, 3) uint16, white 65535."""
        return self._rendition("rgb16", None)

    def luma(self, short_side: int | None = None) -> UInt8Array:
        """The luma, full range 0..255.

        Returns:
            (H, W) uint8, upright, square pixels, contiguous.
        """
        return self._rendition("luma", short_side)

    def small_rgb(self, least_short_side: int) -> UInt8Array:
        """A small picture to compare frames by: what it shows is no matter, only that it is alike for all of a video.

        It is neither turned nor are its pixels squared. Its size is that of the stream's pictures divided by a power of
        two, also where a picture on the way has another size.

        Args:
            least_short_side: pixels that the shorter side keeps at least, where it has as many.

        Returns:
            (H, W, 3) uint8 RGB, full range.
        """
        geometry = self._usual
        width, height = small_size(geometry.width, geometry.height, least_short_side=least_short_side)
        small = self._reduced.small_rgb(width, height)
        if small is None:
            small = render(self._shown, "rgb8", width=width, height=height, colours=self._colours)
        return small

    @cached_property
    def _reduced(self) -> ReducedPlanes:
        return ReducedPlanes(self._shown, self._colours)

    @cached_property
    def _shown(self) -> av.VideoFrame:
        """The picture without combs, and without what the container has left out."""
        if self.field_order == "progressive":
            return cropped(self._picture, self._crop)
        previous, following = self._neighbours
        whole = deinterlaced(self._picture, previous=previous, following=following, field_order=self.field_order)
        return cropped(whole, self._crop)

    def _rendition(self, kind: Kind, short_side: int | None) -> npt.NDArray[Any]:
        if self._box is None:
            return self._whole_rendition(kind, short_side)
        whole_width, whole_height = self.geometry.display_size
        x, y, width, height = self._box
        if short_side is not None:
            is_reduced = short_side < min(width, height)
            scale = min(whole_width, whole_height) / min(width, height)
            short_side = math.ceil(short_side * scale) if is_reduced else None
        picture = self._whole_rendition(kind, short_side)
        across, down = picture.shape[1] / whole_width, picture.shape[0] / whole_height
        rows = slice(math.ceil(y * down), max(math.ceil(y * down) + 1, math.floor((y + height) * down)))
        columns = slice(math.ceil(x * across), max(math.ceil(x * across) + 1, math.floor((x + width) * across)))
        return np.ascontiguousarray(picture[rows, columns])

    def _whole_rendition(self, kind: Kind, short_side: int | None) -> npt.NDArray[Any]:
        geometry = self.geometry if short_side is None else self._usual
        width, height = geometry.scaled_square_size(short_side)
        key = (kind, width, height)
        if key not in self._renditions:
            array: npt.NDArray[Any] | None = self._reduced.luma(width, height) if kind == "luma" else None
            if array is None:
                array = render(self._shown, kind, width=width, height=height, colours=self._colours)
            self._renditions[key] = self.geometry.upright(array)
        return self._renditions[key]


def _fingerprint_of(picture: av.VideoFrame | None) -> Fingerprint | None:
    return None if picture is None else (luma_hash_of(picture), chroma_hash_of(picture))
