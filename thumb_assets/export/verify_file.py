"""Says of a picture file, wherever it was found, if it still shows the frame that its own facts name."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    others = (each for each in _frames(video_path, settings) if each.frame_index != frame.frame_index)
    better = _better_frame(path, facts, picture, placed=placed, named=frame, others=others)
    if better is not None:
        told = f"its facts name frame {frame.frame_index}, it shows frame {better.frame_index}"
        return Origin("other", better.frame_index, better.pts_seconds, told)
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


def _better_frame(
    path: Path,
    facts: Mapping[str, Any],
    picture: UInt8Array,
    *,
    placed: Sequence[Placed],
    named: Frame,
    others: Iterable[Frame],
) -> Frame | None:
    """Another frame that the picture shows rather than the named one; None where there is none.

    It is the one of which the file is pixel by pixel what would have been written, else one that fits clearly better.
    """
    in_place, depth = _in_place(path, facts, picture, named), bit_depth_of(path)
    least = best = _fit(placed, named.rgb(_SMALL_SIDE))
    at: Frame | None = None
    # Where the camera moves, a part of the next frame is like a part beside the named one, so the place counts.
    nearest: list[tuple[float, int, Frame]] = []
    for other in others:
        small = other.rgb(_SMALL_SIDE)
        if in_place is not None:
            own = (in_place.correlation_with(small), -other.frame_index, other)
            nearest = heapq.nlargest(_NUM_COMPARED, [*nearest, own])
        if (fitting := _fit(placed, small)) > best:
            best, at = fitting, other
    for _, _, other in nearest:
        part = _part_of(other, facts, depth)
        if part is not None and picture_difference(path, part) is None:
            return other
    return at if best > least + _CLEARLY_BETTER * (1 - least) else None


def _fit(placed: Sequence[Placed], small: UInt8Array) -> float:
    return max(each.correlation_with(small) for each in placed)


def _in_place(path: Path, facts: Mapping[str, Any], picture: UInt8Array, named: Frame) -> Placed | None:
    """The picture just where it is said to lie; None where somebody changed its size."""
    shown = _part_of(named, facts, bit_depth_of(path))
    if shown is None or shown.shape[:2] != picture.shape[:2]:
        return None
    return placed_at(picture, named.rgb(), _box_of(facts, named))


def _box_of(facts: Mapping[str, Any], frame: Frame) -> tuple[int, int, int, int]:
    """Left and top edge, width and height, in the frame, of what the facts name; `_part_of` has accepted them."""
    whole = (0, 0, *frame.geometry.display_size)
    x, y, width, height = facts.get("still_box", whole)
    if "crop_box" in facts and SIZE not in facts:
        left, top, width, height = facts["crop_box"]
        x, y = x + left, y + top
    return x, y, width, height
