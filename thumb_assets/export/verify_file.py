"""Says of a picture file, wherever it was found, if it still shows the frame that its own facts name."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps

from thumb_assets.errors import VerificationError
from thumb_assets.export.compare import picture_difference
from thumb_assets.export.pixels import RgbArray, bit_depth_of, pixels_of
from thumb_assets.export.renditions import SIZE, resized
from thumb_assets.export.resemblance import Placed, UInt8Array, placed_at, placements
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher, FrameIdentities
from thumb_assets.video.frame import Frame

# Another frame than the named one is what the picture shows if it fits better by this much of the rest to 1.
_CLEARLY_BETTER = 0.3
# Shorter side of the frames that are looked through.
_SMALL_SIDE = 180
# Frames that fit best in place, of which the file may be what would have been written.
_NUM_COMPARED = 3


@dataclass(frozen=True)
class Origin:
    """The verdict on one file.

    Attributes:
        verdict: `same`: pixel by pixel what was written of that frame; `edited`: that frame, worked on by somebody;
            `other`: something else than its facts say.
        frame_index: the frame that it shows, where that is known.
        pts_seconds: of that frame.
        reason: for people; empty for `same`.
    """

    verdict: Literal["same", "edited", "other"]
    frame_index: int | None
    pts_seconds: float | None
    reason: str = ""


def origin_of(
    path: Path,
    facts: Mapping[str, Any],
    video_path: Path,
    *,
    identities: FrameIdentities | None = None,
    video_settings: VideoSettings | None = None,
) -> Origin:
    """Decodes the frame that a file's facts name, and compares.

    Args:
        path: the picture.
        facts: what `read_still_metadata` gives of it.
        video_path: a file with the SHA-256 that the facts name.
        identities: what the decode pass recorded; None decodes from the first frame and counts.

    Raises:
        BadInputError: the video cannot be opened.
        VerificationError: the facts are not whole, or the video does not give the recorded frame again.
    """
    frame_index = facts.get("frame_index")
    if not isinstance(frame_index, int) or isinstance(frame_index, bool):
        raise VerificationError(f"{path}: its facts name no frame")
    frame = _frame(video_path, frame_index, identities, video_settings)
    if frame is None:
        return _other(f"its facts name frame {frame_index}, which {video_path.name} does not have")
    if facts.get("luma_hash") != frame.luma_hash:
        return _other(f"its facts give frame {frame_index} another luma_hash than {video_path.name} has")
    shown = _part_of(frame, facts, bit_depth_of(path))
    if shown is None:
        return _other(f"its facts name a part that frame {frame_index} does not have")
    difference = picture_difference(path, shown)
    if difference is None:
        return Origin("same", frame_index, frame.pts_seconds)
    return _of_changed(path, facts, frame, video_path, difference=difference, settings=video_settings)


def _of_changed(
    path: Path,
    facts: Mapping[str, Any],
    frame: Frame,
    video_path: Path,
    *,
    difference: str,
    settings: VideoSettings | None,
) -> Origin:
    """The verdict on a file that is not what was written."""
    picture = _picture_of(path)
    placed = () if picture is None else placements(picture, frame.rgb())
    if picture is None or not placed:
        return _other(f"it {difference}; nothing in it is like frame {frame.frame_index}")
    search = _Search(frame, video_path, settings)
    better = _written_of(path, facts, picture, search) or search.clearly_better(placed)
    if better is not None:
        return Origin("other", *better, f"its facts name frame {frame.frame_index}, it shows frame {better[0]}")
    return Origin("edited", frame.frame_index, frame.pts_seconds, f"it {difference}")


def _other(reason: str) -> Origin:
    return Origin("other", None, None, reason)


def _frame(
    video_path: Path, frame_index: int, identities: FrameIdentities | None, settings: VideoSettings | None
) -> Frame | None:
    if identities is not None:
        if not 0 <= frame_index < len(identities):
            return None
        with FrameFetcher(video_path, identities, settings) as fetcher:
            return fetcher.fetch(frame_index)[0]
    return next((frame for frame in _frames(video_path, settings) if frame.frame_index == frame_index), None)


def _frames(video_path: Path, settings: VideoSettings | None) -> Iterator[Frame]:
    with VideoDecoder(video_path, settings) as decoder:
        yield from decoder


def _part_of(frame: Frame, facts: Mapping[str, Any], bit_depth: int) -> RgbArray | None:
    """The pixels that were written, by the facts; None where the frame has no such part."""
    try:
        still = frame.part(*facts["still_box"]) if "still_box" in facts else frame
        rgb = pixels_of(still, bit_depth)
        if SIZE in facts:
            width, height = facts[SIZE]
            return resized(rgb, (width, height)) if bit_depth == 8 and 0 < width <= rgb.shape[1] else None
        if "crop_box" not in facts:
            return rgb
        x, y, width, height = facts["crop_box"]
        cut = rgb[y : y + height, x : x + width]
    except (TypeError, ValueError):
        return None
    return np.ascontiguousarray(cut) if cut.shape[:2] == (height, width) and min(x, y) >= 0 and cut.size else None


def _picture_of(path: Path) -> UInt8Array | None:
    """The picture as viewers show it, (H, W, 3) uint8 RGB; None where it cannot be read."""
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _written_of(
    path: Path, facts: Mapping[str, Any], picture: UInt8Array, search: "_Search"
) -> tuple[int, float] | None:
    """The other frame of which the file is pixel by pixel what would have been written; None where there is none."""
    depth, named = bit_depth_of(path), search.named
    shown = _part_of(named, facts, depth)
    if shown is None or shown.shape[:2] != picture.shape[:2]:  # somebody changed its size
        return None
    in_place = placed_at(picture, named.rgb(), _box_of(facts, named))
    for other in search.best_in_place(in_place):
        part = _part_of(other, facts, depth)
        if part is not None and picture_difference(path, part) is None:
            return other.frame_index, other.pts_seconds
    return None


def _box_of(facts: Mapping[str, Any], frame: Frame) -> tuple[int, int, int, int]:
    """Left and top edge, width and height, in the frame, of what the facts name; `_part_of` has accepted them."""
    whole = (0, 0, *frame.geometry.display_size)
    x, y, width, height = facts.get("still_box", whole)
    if "crop_box" in facts and SIZE not in facts:
        left, top, width, height = facts["crop_box"]
        x, y = x + left, y + top
    return x, y, width, height


class _Search:
    """Looks through a video for another frame than the named one that a picture shows."""

    def __init__(self, named: Frame, video_path: Path, settings: VideoSettings | None) -> None:
        self.named, self._video_path, self._settings = named, video_path, settings

    def best_in_place(self, in_place: Placed) -> list[Frame]:
        """The frames that are most like the picture just where it is said to lie.

        Where the camera moves, a part of the next frame is like a part beside the named one.
        """
        return heapq.nlargest(
            _NUM_COMPARED, self._others(), key=lambda each: in_place.correlation_with(each.rgb(_SMALL_SIDE))
        )

    def clearly_better(self, placed: Sequence[Placed]) -> tuple[int, float] | None:
        """The frame that fits the picture clearly better than the named one; None where none does."""

        def fit(other: Frame) -> float:
            small = other.rgb(_SMALL_SIDE)
            return max(each.correlation_with(small) for each in placed)

        named = fit(self.named)
        best, at = named, self.named
        for each in self._others():
            if (fitting := fit(each)) > best:
                best, at = fitting, each
        is_clear = best > named + _CLEARLY_BETTER * (1 - named)
        return (at.frame_index, at.pts_seconds) if is_clear else None

    def _others(self) -> Iterator[Frame]:
        every = _frames(self._video_path, self._settings)
        return (each for each in every if each.frame_index != self.named.frame_index)
