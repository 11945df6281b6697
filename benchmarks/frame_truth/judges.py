"""Judges whether a picture is the right frame, the right way up, in the right colours. Pure.

Nothing here knows how a picture was made: each judge compares one with a reference that another program made.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from thumb_assets.video.colour import Colours
from thumb_assets.video.tone import map_to_sdr
from thumb_assets_tests.support.drawing import read_frame_index

AnyArray = npt.NDArray[np.generic]
Signatures = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]

# Mean absolute difference, levels of 255, in pictures of this short side.
COMPARED_SHORT_SIDE = 160
MAX_COLOUR_LEVELS = 2.0
MAX_FORMULA_LEVELS = 1.0
MIN_RANK_CORRELATION = 0.98
MAX_HUE_DEGREES = 10.0
# Root mean squares of normalised grey. A picture is of another frame when its distance to that one is at most the first
# of its distance to the one asked for, and smaller by the second; it is garbage when the latter is over the third (a
# flat picture is 1 from all that are not).
_CLEARLY_NEARER, _AT_LEAST_NEARER, _GARBAGE = 0.8, 0.02, 0.9
_SIGNATURE_SIZE = (64, 36)
# Levels by which another orientation has to be nearer: still and black pictures look alike either way up.
_ORIENTATION_MARGIN = 0.5
# Chroma below which a pixel has no hue worth comparing, levels.
_MIN_CHROMA = 8.0


@dataclass(frozen=True)
class Finding:
    """A verdict and what it rests on, in a few words."""

    is_right: bool
    text: str


def orientations_of(picture: AnyArray) -> Iterator[AnyArray]:
    """The eight turned and mirrored versions, the picture itself first."""
    for version in (picture, picture[:, ::-1]):
        for turns in range(4):
            yield np.ascontiguousarray(np.rot90(version, turns))


def signature_of(rgb: AnyArray) -> npt.NDArray[np.float32]:
    """(36 * 64,) float32: small grey picture of mean 0 and, unless it is flat, standard deviation 1."""
    grey = cv2.resize(rgb, _SIGNATURE_SIZE, interpolation=cv2.INTER_AREA).astype(np.float32).mean(axis=2)
    return ((grey - grey.mean()) / max(float(grey.std()), 1.0)).reshape(-1)


def is_other_frame(rgb: AnyArray | None, frame_index: int, signatures: Signatures, drawn_index: int | None) -> bool:
    """True if another tool gave another frame, garbage or nothing.

    The way up is not held against it. Ties, as in still content, go to the tool.

    Args:
        rgb: (H, W, 3) uint8, or None where it gave nothing.
        signatures: of all frames.
        drawn_index: what the picture's strip must read; None where it has none.
    """
    if rgb is None or min(rgb.shape[:2]) < 2:
        return True
    if drawn_index is not None:
        read = [index for version in orientations_of(rgb) if (index := _index_in(version)) is not None]
        if read:
            return drawn_index not in read
    candidates = np.stack([signature_of(version) for version in orientations_of(rgb)])
    # |a - b|^2 by the dot product; (8, N) root mean squares.
    squares = (candidates**2).sum(axis=1)[:, None] + (signatures**2).sum(axis=1)[None, :]
    distances = np.sqrt(np.maximum(squares - 2 * candidates @ signatures.T, 0) / signatures.shape[1])
    row = distances[int(distances.min(axis=1).argmin())]
    own, best = float(row[frame_index]), float(row.min())
    return own > _GARBAGE or (best < _CLEARLY_NEARER * own and own - best > _AT_LEAST_NEARER)


def judge_index(rgb: AnyArray, drawn_index: int) -> Finding:
    """Verdict: the index drawn into an upright picture is that one."""
    found = _index_in(rgb)
    return Finding(found == drawn_index, f"reads {found}" if found is not None else "no index can be read")


def judge_geometry(ours: Mapping[int, AnyArray], references: Mapping[int, AnyArray]) -> Finding:
    """Verdict: size and orientation are those of the references, over all frames of a video together.

    Args:
        ours, references: (H, W, 3) uint8 RGB by frame_index.
    """
    sizes = [(ours[index].shape[:2], references[index].shape[:2]) for index in ours if index in references]
    if not sizes:
        return Finding(is_right=False, text="no reference")
    width, height = sizes[0][0][1], sizes[0][0][0]
    for (our_height, our_width), (height_there, width_there) in sizes:
        if abs(our_height - height_there) > 1 or abs(our_width - width_there) > 1:
            return Finding(is_right=False, text=f"{our_width}x{our_height}, not {width_there}x{height_there}")
    distances = np.zeros(8)
    for index in ours.keys() & references.keys():
        wanted = _small_grey(references[index])
        distances += [float(np.abs(_small_grey(version) - wanted).mean()) for version in orientations_of(ours[index])]
    distances /= len(sizes)
    nearest = int(distances.argmin())
    if distances[0] > distances[nearest] + _ORIENTATION_MARGIN:
        turned = f"{90 * (nearest % 4)} degrees{', mirrored' if nearest >= 4 else ''}"
        return Finding(is_right=False, text=f"is off by {turned}")
    return Finding(is_right=True, text=f"{width}x{height}")


def judge_colour(ours: AnyArray, reference: AnyArray, *, max_levels: float = MAX_COLOUR_LEVELS) -> tuple[bool, float]:
    """Verdict: two pictures, uint8 RGB, have the same colours; and their mean difference, levels."""
    difference = float(np.abs(_compared(ours) - _compared(reference, like=ours)).mean())
    return difference <= max_levels, difference


def judge_tone(ours: AnyArray, reference: AnyArray) -> tuple[bool, float, float]:
    """Verdict: another tone curve keeps the order of luma and the hue.

    Returns:
        (is_right, rank correlation of luma, turn of the mean hue in degrees).
    """
    mine, other = _compared(ours), _compared(reference, like=ours)
    weights = np.array([0.2126, 0.7152, 0.0722])
    correlation = _rank_correlation(mine @ weights, other @ weights)
    turn = _hue_turn_degrees(mine, other)
    return correlation >= MIN_RANK_CORRELATION and abs(turn) <= MAX_HUE_DEGREES, correlation, turn


def judge_formula(ours: AnyArray, signal_16: AnyArray, colours: Colours) -> tuple[bool, float]:
    """Verdict: a picture is that of the tone mapping's formula for a signal; and the mean difference, levels.

    Args:
        ours: (H, W, 3) uint8 RGB.
        signal_16: (H, W, 3) uint16 R'G'B' of the stream, full range, as another program decoded it.
    """
    mapped = 255 * map_to_sdr(signal_16.astype(np.float64) / 65535, colours)
    difference = float(np.abs(_compared(ours) - _compared(mapped, like=ours)).mean())
    return difference <= MAX_FORMULA_LEVELS, difference


def _index_in(rgb: AnyArray) -> int | None:
    try:
        return read_frame_index(rgb)
    except ValueError:
        return None


def _small_grey(rgb: AnyArray) -> FloatArray:
    """64x64, contrast normalised to a standard deviation of 64 levels, so that tone curves do not matter."""
    grey = cv2.resize(rgb, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float64).mean(axis=2)
    return np.asarray((grey - grey.mean()) * 64 / max(float(grey.std()), 8.0))


def _compared(rgb: AnyArray, *, like: AnyArray | None = None) -> FloatArray:
    """The picture reduced by area to the size at which colours are compared."""
    height, width = (rgb if like is None else like).shape[:2]
    scale = min(1.0, COMPARED_SHORT_SIDE / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb.astype(np.float32), size, interpolation=cv2.INTER_AREA).astype(np.float64))


def _rank_correlation(first: FloatArray, second: FloatArray) -> float:
    """Spearman's; ties share the mean of their ranks. 1 where either picture is flat."""
    ranks = [_ranks(np.round(values.reshape(-1))) for values in (first, second)]
    if min(float(rank.std()) for rank in ranks) == 0:
        return 1.0
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(values: FloatArray) -> FloatArray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse])


def _hue_turn_degrees(first: FloatArray, second: FloatArray) -> float:
    """Mean angle from one picture's hues to the other's, weighted by chroma; 0 where there is no colour."""
    planes = [_chroma(rgb) for rgb in (first, second)]
    strength = np.minimum(np.abs(planes[0]), np.abs(planes[1]))
    strength = np.where(strength >= _MIN_CHROMA, strength, 0)
    if not strength.any():
        return 0.0
    turns = np.angle(planes[1] * np.conj(planes[0]))
    return float(np.degrees(np.angle((strength * np.exp(1j * turns)).sum())))


def _chroma(rgb: FloatArray) -> npt.NDArray[np.complex128]:
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    return np.asarray((red - (green + blue) / 2) + 1j * np.sqrt(3) / 2 * (green - blue))
