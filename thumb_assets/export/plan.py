"""Plans the files to write: names, sizes, space on disk. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Protocol

import pyarrow as pa

from thumb_assets.errors import ContractError
from thumb_assets.export.crop_box import crop_size
from thumb_assets.settings.stages import CropsSettings, StillFormat, StillsSettings
from thumb_assets.video.geometry import NO_BARS, Bars

EXTENSIONS: dict[str, str] = {"jpeg": "jpg", "png": "png", "webp": "webp", "avif": "avif"}

# Bytes per pixel to reserve. Largest of 52 frames of 26 real clips: PNG 1.28; JPEG 4:4:4 at quality 75, 90, 95, 100
# 0.25, 0.39, 0.51, 0.98. Pure noise takes 3.01 and 1.26, 1.87, 2.42, 4.11. So: twice the largest real one.
_PNG_BYTES_PER_PIXEL = {8: 2.6, 16: 6.2}  # the lower 8 of 16 bits are as good as noise
_JPEG_BYTES_PER_PIXEL = ((75, 0.5), (90, 0.8), (95, 1.0), (100, 2.0))
_HEADER_BYTES = 8192  # profile and facts
# Pixels of a side: libjpeg's JPEG_MAX_DIMENSION, libwebp's WEBP_MAX_DIMENSION, libavif's own limit.
MAX_SIDES = {"jpeg": 65_500, "webp": 16_383, "avif": 32_768}


class PlannedPicture(Protocol):
    """Properties of a picture on which its space on disk depends."""

    @property
    def width(self) -> int:
        """In pixels."""

    @property
    def height(self) -> int:
        """In pixels."""

    @property
    def format(self) -> StillFormat:
        """Format of the file."""

    @property
    def quality(self) -> int:
        """1..100; unused for PNG."""

    @property
    def bit_depth(self) -> int:
        """Bits per channel, 8 or 16."""


@dataclass(frozen=True)
class PlannedStill:
    """One still before it is written.

    Attributes:
        pts: stream units. pts_seconds: derived, s.
        width, height: upright, square pixels.
        quality: 1..100; unused for PNG.
        bit_depth: bits per channel, 8 or 16.
        bars: that are cut off the frame.
        max_bytes: of the file; quality goes down to meet it.
    """

    video_id: str
    frame_index: int
    pts: int
    pts_seconds: float
    combined_score: float
    rank: int
    width: int
    height: int
    format: StillFormat
    quality: int
    bit_depth: int
    bars: Bars = NO_BARS
    max_bytes: int | None = None

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left and top edge in the displayed frame, width and height."""
        return self.bars.left, self.bars.top, self.width, self.height

    @property
    def file_name(self) -> str:
        """Name within the video's folder; see `still_file_name`."""
        return still_file_name(
            self.video_id,
            frame_index=self.frame_index,
            pts_seconds=self.pts_seconds,
            extension=EXTENSIONS[self.format],
        )


def still_file_name(video_id: str, *, frame_index: int, pts_seconds: float, extension: str) -> str:
    """The name of a still: sorts by frame, and stays while the picture does; score and rank stand inside the file.

    >>> still_file_name("a-1", frame_index=42, pts_seconds=1.68, extension="jpg")
    'a-1_f00000042_t00001.680.jpg'
    >>> still_file_name("a-1", frame_index=0, pts_seconds=-0.4667, extension="png")
    'a-1_f00000000_t-0000.467.png'
    """
    # Adding 0.0 turns -0.0 into 0.0, so that no name says "-0000.000".
    return f"{video_id}_f{frame_index:08d}_t{round(pts_seconds, 3) + 0.0:09.3f}.{extension}"


def plan_stills(
    selections: pa.Table,
    *,
    video_id: str,
    width: int,
    height: int,
    settings: StillsSettings | None = None,
    bars: Bars = NO_BARS,
) -> list[PlannedStill]:
    """The stills of one video, by frame_index.

    Args:
        selections: table of the contract; every row is of `video_id`.
        width, height: the displayed frame, upright, square pixels.
        bars: to cut off.

    Raises:
        ContractError: a row of another video, or two rows of one frame.
    """
    settings = settings or StillsSettings()
    _, _, width, height = bars.part_of(width, height)
    rows = sorted(selections.to_pylist(), key=lambda row: int(row["frame_index"]))
    others = sorted({row["video_id"] for row in rows} - {video_id})
    if others:
        raise ContractError(f"selections of {video_id} hold a row of {others[0]}")
    if len({row["frame_index"] for row in rows}) != len(rows):
        raise ContractError(f"selections of {video_id} hold one frame twice")
    return [
        PlannedStill(
            video_id=video_id,
            frame_index=row["frame_index"],
            pts=row["pts"],
            pts_seconds=row["pts_seconds"],
            combined_score=row["combined_score"],
            rank=row["rank"],
            width=width,
            height=height,
            format=settings.format,
            quality=settings.quality,
            max_bytes=settings.max_bytes,
            bit_depth=settings.bit_depth,
            bars=bars,
        )
        for row in rows
    ]


@dataclass(frozen=True)
class PlannedCrop:
    """One crop of a still before it is written.

    Attributes:
        still: the still's row.
        aspect_ratio: `W:H`.
        width, height: of the crop.
        quality: 1..100; unused for PNG.
        bit_depth: bits per channel, 8 or 16.
        max_bytes: of the file; quality goes down to meet it.
    """

    still: Mapping[str, Any]
    aspect_ratio: str
    width: int
    height: int
    format: StillFormat
    quality: int
    bit_depth: int
    max_bytes: int | None = None

    @property
    def file_name(self) -> str:
        """Name within the video's folder; see `crop_file_name`."""
        return crop_file_name(
            self.still["file_name"], aspect_ratio=self.aspect_ratio, extension=EXTENSIONS[self.format]
        )


def crop_file_name(still_file_name: str, *, aspect_ratio: str, extension: str) -> str:
    """The name of a crop: that of its still with the ratio behind.

    >>> crop_file_name("a-1_f00000042_t00001.680.jpg", aspect_ratio="16:9", extension="png")
    'a-1_f00000042_t00001.680_16x9.png'
    """
    return f"{PurePath(still_file_name).stem}_{aspect_ratio.replace(':', 'x')}.{extension}"


def plan_crops(
    stills: pa.Table, *, video_id: str, settings: CropsSettings, stills_settings: StillsSettings | None = None
) -> list[PlannedCrop]:
    """The crops of one video's stills, by frame_index and then in the order of the settings.

    Args:
        stills: table of the contract; every row is of `video_id`.

    Raises:
        ContractError: a row of another video.
    """
    files = stills_settings or StillsSettings()
    rows = sorted(stills.to_pylist(), key=lambda row: int(row["frame_index"]))
    others = sorted({row["video_id"] for row in rows} - {video_id})
    if others:
        raise ContractError(f"stills of {video_id} hold a row of {others[0]}")
    return [
        PlannedCrop(
            row,
            aspect_ratio,
            *size,
            format=files.format,
            quality=files.quality,
            max_bytes=files.max_bytes,
            bit_depth=files.bit_depth,
        )
        for row in rows
        for aspect_ratio in settings.aspect_ratios
        for size in [crop_size(row["width"], row["height"], aspect_ratio)]
    ]


def estimate_num_bytes(plan: Iterable[PlannedPicture]) -> int:
    """Bytes to have free before the plan is written: more than photographs need, less than noise can take."""
    return sum(_HEADER_BYTES + round(picture.width * picture.height * _bytes_per_pixel(picture)) for picture in plan)


def _bytes_per_pixel(picture: PlannedPicture) -> float:
    if picture.format == "png":
        return _PNG_BYTES_PER_PIXEL[picture.bit_depth]
    return next(size for quality, size in _JPEG_BYTES_PER_PIXEL if picture.quality <= quality)
