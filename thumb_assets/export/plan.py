"""What will be written: names, sizes, space on disk. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from thumb_assets.errors import ContractError
from thumb_assets.settings import StillsSettings

EXTENSIONS: dict[str, str] = {"jpeg": "jpg", "png": "png"}

# Bytes per pixel to reserve. Largest of 52 frames of 26 real clips: PNG 1.28; JPEG 4:4:4 at quality 75, 90, 95, 100
# 0.25, 0.39, 0.51, 0.98. Pure noise takes 3.01 and 1.26, 1.87, 2.42, 4.11. So: twice the largest real one.
_PNG_BYTES_PER_PIXEL = 2.6
_JPEG_BYTES_PER_PIXEL = ((75, 0.5), (90, 0.8), (95, 1.0), (100, 2.0))
_HEADER_BYTES = 8192  # profile and facts


@dataclass(frozen=True)
class PlannedStill:
    """One still before it is written.

    Attributes:
        pts: stream units. pts_seconds: derived, s.
        width, height: upright, square pixels.
        jpeg_quality: 1..100; unused for PNG.
    """

    video_id: str
    frame_index: int
    pts: int
    pts_seconds: float
    combined_score: float
    rank: int
    width: int
    height: int
    format: Literal["jpeg", "png"]
    jpeg_quality: int

    @property
    def file_name(self) -> str:
        """Name within the video's folder; see `still_file_name`."""
        return still_file_name(
            self.video_id,
            frame_index=self.frame_index,
            pts_seconds=self.pts_seconds,
            combined_score=self.combined_score,
            rank=self.rank,
            extension=EXTENSIONS[self.format],
        )


def still_file_name(
    video_id: str, *, frame_index: int, pts_seconds: float, combined_score: float, rank: int, extension: str
) -> str:
    """The name of a still: sorts by frame, tells everything a person asks first.

    >>> still_file_name("a-1", frame_index=42, pts_seconds=1.68, combined_score=0.5, rank=1, extension="jpg")
    'a-1_f00000042_t00001.680_s0.5000_r01.jpg'
    >>> still_file_name("a-1", frame_index=0, pts_seconds=-0.4667, combined_score=0.5, rank=2, extension="png")
    'a-1_f00000000_t-0000.467_s0.5000_r02.png'
    """
    # Adding 0.0 turns -0.0 into 0.0, so that no name says "-0000.000".
    seconds, score = round(pts_seconds, 3) + 0.0, round(combined_score, 4) + 0.0
    return f"{video_id}_f{frame_index:08d}_t{seconds:09.3f}_s{score:.4f}_r{rank:02d}.{extension}"


def plan_stills(
    selections: pa.Table, *, video_id: str, width: int, height: int, settings: StillsSettings | None = None
) -> list[PlannedStill]:
    """The stills of one video, by frame_index.

    Args:
        selections: table of the contract; every row is of `video_id`.
        width, height: the displayed frame, upright, square pixels.

    Raises:
        ContractError: a row of another video, or two rows of one frame.
    """
    settings = settings or StillsSettings()
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
            jpeg_quality=settings.jpeg_quality,
        )
        for row in rows
    ]


def estimate_num_bytes(plan: Iterable[PlannedStill]) -> int:
    """Bytes to have free before the plan is written: more than photographs need, less than noise can take."""
    return sum(_HEADER_BYTES + round(still.width * still.height * _bytes_per_pixel(still)) for still in plan)


def _bytes_per_pixel(still: PlannedStill) -> float:
    if still.format == "png":
        return _PNG_BYTES_PER_PIXEL
    return next(size for quality, size in _JPEG_BYTES_PER_PIXEL if still.jpeg_quality <= quality)
