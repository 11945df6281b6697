"""Places a crop of another aspect ratio: around faces, else around the salient part. Pure geometry."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

CropRule = Literal["faces", "saliency", "centre"]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FaceBox:
    """A face in a frame, in pixels of the frame; parts outside of it do not count.

    Attributes:
        confidence: the detector's, 0..1.
    """

    x: float
    y: float
    width: float
    height: float
    confidence: float = 1.0


@dataclass(frozen=True)
class CropBox:
    """Part of a frame to cut out, in its pixels, and the reason for its place.

    Attributes:
        num_faces: faces it shows, whole or in part. num_faces_cut: those in part.
    """

    x: int
    y: int
    width: int
    height: int
    rule: CropRule
    num_faces: int = 0
    num_faces_cut: int = 0


@dataclass(frozen=True)
class _Faces:
    """N faces along the axis that is free; integers throughout, so that equal positions compare equal.

    Attributes:
        start, end: (N,) first pixel, and first pixel behind the face; 0 <= start < end <= the frame's length.
        breadth: (N,) pixels across.
        weight: (N,) area times confidence, in thousandths.
    """

    start: IntArray
    end: IntArray
    breadth: IntArray
    weight: IntArray


def crop_size(width: int, height: int, aspect_ratio: str) -> tuple[int, int]:
    """Size of the largest box of a ratio inside a frame: one side is the frame's, the other right to half a pixel.

    Args:
        aspect_ratio: `W:H`, positive integers.

    >>> crop_size(1920, 1080, "9:16"), crop_size(1920, 1080, "1:1"), crop_size(1080, 1920, "16:9")
    ((608, 1080), (1080, 1080), (1080, 608))
    >>> crop_size(640, 360, "16:9"), crop_size(3, 3, "100:1")
    ((640, 360), (3, 1))
    """
    across, down = (int(part) for part in aspect_ratio.split(":"))
    if width * down >= height * across:
        return max(1, _rounded(height * across, down)), height
    return width, max(1, _rounded(width * down, across))


def crop_box(
    width: int,
    height: int,
    aspect_ratio: str,
    *,
    faces: Iterable[FaceBox] = (),
    salience_centre: tuple[float, float] | None = None,
) -> CropBox:
    """The largest box of a ratio inside a frame, at the best of its positions; only one axis is free.

    With faces, of all integer positions along that axis the one that comes first by these rules, in this order:

    1. No face that fits is cut: each is whole or not there at all. (Positions that hold no face do not count here:
       where two faces too wide for the crop together overlap, one is cut rather than both left out.)
    2. It holds the most face weight, area times confidence. A face is held when it is whole; one longer than the
       crop when it fills the crop.
    3. The least face area is cut off: of faces shown in part, what the crop could have shown of them.
    4. The weighted mean of the held faces' centres is nearest to the crop's centre horizontally, to its upper third
       vertically, where people have room below. Of a face longer than the crop the top is kept vertically.
    5. It is the leftmost or topmost.

    Without faces it is centred on the salience, else on the frame. Where an upright frame (height > width) is cut
    vertically, the frame's centre is replaced by its upper third, and the salience by the point halfway to there.

    Args:
        width, height: the frame, at least 1 px each.
        aspect_ratio: `W:H`, positive integers.
        faces: in any order; those without a pixel inside the frame do not count.
        salience_centre: (x, y), each 0..1 of the frame; used where there is no face.

    >>> crop_box(1920, 1080, "1:1", faces=[FaceBox(1500, 300, 200, 260)])
    CropBox(x=840, y=0, width=1080, height=1080, rule='faces', num_faces=1, num_faces_cut=0)
    >>> crop_box(1080, 1920, "1:1", faces=[FaceBox(400, 900, 200, 260)])
    CropBox(x=0, y=670, width=1080, height=1080, rule='faces', num_faces=1, num_faces_cut=0)
    >>> crop_box(1920, 1080, "9:16", faces=[FaceBox(100, 300, 300, 400), FaceBox(1500, 300, 200, 260)])
    CropBox(x=0, y=0, width=608, height=1080, rule='faces', num_faces=1, num_faces_cut=0)
    >>> crop_box(1920, 1080, "1:1", salience_centre=(0.25, 0.9))
    CropBox(x=0, y=0, width=1080, height=1080, rule='saliency', num_faces=0, num_faces_cut=0)
    >>> crop_box(1080, 1920, "1:1")
    CropBox(x=0, y=100, width=1080, height=1080, rule='centre', num_faces=0, num_faces_cut=0)
    """
    crop_width, crop_height = crop_size(width, height, aspect_ratio)
    is_vertical = crop_height < height
    length, size = (height, crop_height) if is_vertical else (width, crop_width)
    rule: CropRule = "centre" if salience_centre is None else "saliency"
    num_faces = num_cut = 0
    along = _faces_along(faces, width=width, height=height, is_vertical=is_vertical)
    if len(along.start):
        rule, position = "faces", _position_of_faces(along, length=length, size=size, is_vertical=is_vertical)
        overlap = _overlaps(along, np.array([position]), size)[0]
        num_faces = int((overlap > 0).sum())
        num_cut = int(((overlap > 0) & (overlap < along.end - along.start)).sum())
    else:
        target = _target_without_faces(salience_centre, is_vertical=is_vertical, is_upright=height > width)
        position = min(max(math.floor(target * length - size / 2 + 0.5), 0), length - size)
    x, y = (0, position) if is_vertical else (position, 0)
    return CropBox(x, y, crop_width, crop_height, rule, num_faces, num_cut)


def _target_without_faces(salience_centre: tuple[float, float] | None, *, is_vertical: bool, is_upright: bool) -> float:
    """Wanted centre of the crop, as a share of the free axis."""
    upper_third = 1 / 3 if is_vertical and is_upright else None
    if salience_centre is None:
        return 0.5 if upper_third is None else upper_third
    salient = salience_centre[1 if is_vertical else 0]
    return salient if upper_third is None else (salient + upper_third) / 2


def _faces_along(faces: Iterable[FaceBox], *, width: int, height: int, is_vertical: bool) -> _Faces:
    """The faces by the pixels they touch: a box is whole where all of these are inside the crop."""
    rows = []
    for face in faces:
        left, right = _span(face.x, face.width, width)
        top, bottom = _span(face.y, face.height, height)
        if left >= right or top >= bottom:
            continue
        weight = (right - left) * (bottom - top) * max(1, round(1000 * face.confidence))
        start, end, breadth = (top, bottom, right - left) if is_vertical else (left, right, bottom - top)
        rows.append((start, end, breadth, weight))
    return _Faces(*np.array(rows, np.int64).reshape(-1, 4).T)


def _span(start: float, length: float, limit: int) -> tuple[int, int]:
    """First pixel, and first pixel behind, of what lies inside 0..limit; two zeros where nothing does."""
    inside_start, inside_end = max(0.0, start), min(float(limit), start + length)
    return (math.floor(inside_start), math.ceil(inside_end)) if inside_start < inside_end else (0, 0)


def _overlaps(faces: _Faces, positions: IntArray, size: int) -> IntArray:
    """(P, N) pixels of every face along the free axis inside the crop at every position."""
    ends = np.minimum(faces.end, positions[:, None] + size)
    return np.asarray(np.maximum(ends - np.maximum(faces.start, positions[:, None]), 0), np.int64)


def _position_of_faces(faces: _Faces, *, length: int, size: int, is_vertical: bool) -> int:
    """The first position by the rules of `crop_box`, of all integers 0..length - size."""
    positions = np.arange(length - size + 1)
    overlap, possible = _overlaps(faces, positions, size), np.minimum(faces.end - faces.start, size)
    is_held = overlap == possible
    is_part = (overlap > 0) & ~is_held
    is_clean = is_held.any(axis=1) & ~(is_part & (faces.end - faces.start <= size)).any(axis=1)
    weight_held = is_held @ faces.weight
    area_cut = (is_part * (possible - overlap)) @ faces.breadth
    # Six times the position that suits each face, to stay among the integers: thirds below, halves here.
    centres = 3 * (faces.start + faces.end)
    ideal = np.where(possible < faces.end - faces.start, 6 * faces.start, centres - 2 * size)
    ideal = ideal if is_vertical else centres - 3 * size
    distance = np.abs(6 * positions * weight_held - is_held @ (ideal * faces.weight))
    # The distance is times the weight, which is the same wherever it decides.
    return int(np.lexsort((positions, distance, area_cut, -weight_held, ~is_clean))[0])


def _rounded(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
