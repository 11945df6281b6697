"""The traits of a candidate that people have words for: who is in it, how near, how light, of which colour, where calm.

Each trait is one declaration. What a trait is made of is stored with the candidates; no picture is looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.appearance import NUM_DIMENSIONS, colour_means, gradient_shares
from thumb_assets.select.measure import NO_CANDIDATE, SOURCES, CandidateArrays
from thumb_assets.select.ranks import groups_of
from thumb_assets.settings.selection import SelectionSettings

# In the place of a trait that is not known.
UNKNOWN = -1
# Of the frame's height: a face from the first on is seen; below the second the person is far, from the third on near.
_SEEN_FACE, _FAR_FACE, _NEAR_FACE = 0.05, 0.15, 0.30
# The same by the subject's share of the picture, where no face is seen.
_FAR_SUBJECT, _NEAR_SUBJECT = 0.08, 0.25
# Mean luma below which a picture is dark, and from which on it is bright.
_DARK, _BRIGHT = 85.0, 135.0
# Levels by which blue exceeds red in a cold picture, and red exceeds blue in a warm one.
_COLD, _WARM = -8.0, 12.0
# Largest share of the picture's gradients in a half, and in a quarter at the top or bottom, that has room for a title.
_CALM_HALF, _CALM_QUARTER = 0.25, 0.10

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Trait:
    """A trait with its words.

    Attributes:
        name: for the docs.
        words: by code.
        about: what decides between the words.
        measure: (N,) the code of each candidate, UNKNOWN where it is not known.
        reads: columns that it is made of, as `table.column`.
        is_ordered: between the first and the last word there is half of their difference.
    """

    name: str
    words: tuple[str, ...]
    about: str
    measure: Callable[[CandidateArrays, SelectionSettings], Codes]
    reads: tuple[str, ...]
    is_ordered: bool = False


def _face_heights(measured: CandidateArrays, settings: SelectionSettings) -> NDArray[np.float64]:
    """(N,) height of the largest face that is surely one, of the frame's; 0 without, NaN where none was looked for."""
    faces = measured.faces
    heights = np.where(np.repeat(measured.has_faces, np.diff(measured.offsets)), 0.0, np.nan)
    videos = groups_of(faces.offsets)
    own = faces.height / np.maximum(measured.frame_sizes[videos, 1], 1)
    is_seen = (faces.positions != NO_CANDIDATE) & (faces.confidence >= settings.clear_face_confidence)
    is_seen &= own >= _SEEN_FACE
    np.maximum.at(heights, (measured.offsets[videos] + faces.positions)[is_seen], own[is_seen])
    return heights


def _faces(measured: CandidateArrays, settings: SelectionSettings) -> Codes:
    heights = _face_heights(measured, settings)
    return np.where(np.isnan(heights), UNKNOWN, heights > 0)


def _framing(measured: CandidateArrays, settings: SelectionSettings) -> Codes:
    heights = _face_heights(measured, settings)
    by_face = _steps(heights, _FAR_FACE, _NEAR_FACE)
    by_subject = _steps(measured["subject_share"], _FAR_SUBJECT, _NEAR_SUBJECT)
    return np.where(heights > 0, by_face, by_subject)


def _light(measured: CandidateArrays, _settings: SelectionSettings) -> Codes:
    return _steps(measured["luma_mean"], _DARK, _BRIGHT)


def _colour(measured: CandidateArrays, _settings: SelectionSettings) -> Codes:
    means = colour_means(_descriptors(measured))
    return _steps(means[:, 0] - means[:, 2], _COLD, _WARM)


def _space(measured: CandidateArrays, settings: SelectionSettings) -> Codes:
    """The calmest of the parts that have room, beside what is allowed there; none where a face is in it."""
    cells = gradient_shares(_descriptors(measured))
    rows, columns = cells.sum(axis=2), cells.sum(axis=1)
    half = columns.shape[1] // 2
    halves = np.stack([columns[:, :half].sum(axis=1), columns[:, half:].sum(axis=1)], axis=1) / _CALM_HALF
    fill = np.hstack([halves, rows[:, [0, -1]] / _CALM_QUARTER])
    fill[_with_face(measured, settings)] = np.inf
    is_known = ~np.isnan(fill).any(axis=1)
    calmest = np.argmin(np.where(is_known[:, None], fill, 0.0), axis=1)
    has_room = fill[np.arange(len(fill)), calmest] <= 1
    return np.where(is_known, np.where(has_room, 1 + calmest, 0), UNKNOWN)


def _with_face(measured: CandidateArrays, settings: SelectionSettings) -> NDArray[np.bool_]:
    """(N, 4) the left and right half, the top and bottom quarter that a face reaches into by a third of itself."""
    faces, is_in = measured.faces, np.zeros((len(measured.frame_indices), 4), dtype=np.bool_)
    videos = groups_of(faces.offsets)
    widths, heights = np.maximum(measured.frame_sizes[videos], 1).T
    left, right = faces.x + faces.width / 3, faces.x + faces.width * 2 / 3
    top, bottom = faces.y + faces.height / 3, faces.y + faces.height * 2 / 3
    parts = (left < widths / 2, right > widths / 2, top < heights / 4, bottom > heights * 3 / 4)
    is_sure = (faces.positions != NO_CANDIDATE) & (faces.confidence >= settings.clear_face_confidence)
    positions = measured.offsets[videos] + faces.positions
    for part, reaches in enumerate(parts):
        is_in[positions[is_sure & reaches], part] = True
    return is_in


def _descriptors(measured: CandidateArrays) -> NDArray[np.float16]:
    """(N, NUM_DIMENSIONS) of all videos; NaN where a candidate, or a video, has none."""
    missing = np.full((0, NUM_DIMENSIONS), np.nan, np.float16)
    parts = [missing]
    for video, own in enumerate(measured.descriptors):
        span = measured.span(video)
        is_known = own.shape[1] == NUM_DIMENSIONS
        parts.append(own if is_known else np.full((span.stop - span.start, NUM_DIMENSIONS), np.nan, np.float16))
    return np.concatenate(parts)


def _steps(values: NDArray[np.float64], low: float, high: float) -> Codes:
    """0 below the first bound, 2 from the second on, 1 between.

    >>> _steps(np.array([0.0, 1.0, 2.0, np.nan]), 1.0, 2.0).tolist()
    [0, 1, 2, -1]
    """
    return np.where(np.isnan(values), UNKNOWN, np.digitize(values, [low, high]))


_OF_FACES = tuple(f"faces.{name}" for name in ("x", "y", "width", "height", "confidence"))
_LOOK = ("appearance.descriptor",)
TRAITS: tuple[Trait, ...] = (
    Trait("face", ("no face", "face"), f"a face of {_SEEN_FACE:.0%} of the height or more", _faces, _OF_FACES),
    Trait(
        "framing",
        ("wide", "medium", "close"),
        f"the largest face: below {_FAR_FACE:.0%} of the height, from {_NEAR_FACE:.0%} on; without one the subject: "
        f"below {_FAR_SUBJECT:.0%} of the picture, from {_NEAR_SUBJECT:.0%} on",
        _framing,
        (*_OF_FACES, *SOURCES["subject_share"]),
        is_ordered=True,
    ),
    Trait(
        "light",
        ("dark", "even light", "bright"),
        f"mean luma: below {_DARK:g}, from {_BRIGHT:g} on",
        _light,
        SOURCES["luma_mean"],
        is_ordered=True,
    ),
    Trait(
        "colour",
        ("cold", "neutral", "warm"),
        f"mean red minus blue: below {_COLD:g} levels, from {_WARM:g} on",
        _colour,
        _LOOK,
        is_ordered=True,
    ),
    Trait(
        "space",
        ("no space", "space left", "space right", "space above", "space below"),
        f"room for a title: a half with {_CALM_HALF:.0%} of the gradients at most, or a quarter at the top or bottom "
        f"with {_CALM_QUARTER:.0%}, and no face there",
        _space,
        (*_LOOK, *_OF_FACES),
    ),
)
# Columns that traits are made of, as `table.column`.
TRAIT_SOURCES: tuple[str, ...] = tuple(dict.fromkeys(source for trait in TRAITS for source in trait.reads))


def traits_of(measured: CandidateArrays, *, settings: SelectionSettings) -> Codes:
    """The code of every trait.

    Args:
        measured: one video or many.
        settings: clear_face_confidence.

    Returns:
        (N, T) int64, a column for each of TRAITS; UNKNOWN where it is not known.
    """
    depends_on = settings.clear_face_confidence
    return measured.once(
        "traits", depends_on, lambda: np.stack([trait.measure(measured, settings) for trait in TRAITS], axis=1)
    )


def words_of_traits(codes: Codes) -> str:
    """The words of one candidate's traits that are known.

    >>> words_of_traits(np.array([1, 2, UNKNOWN, 0, 3]))
    'face, close, cold, space above'
    """
    known = [trait.words[code] for trait, code in zip(TRAITS, codes.tolist(), strict=True) if code != UNKNOWN]
    return ", ".join(known)


def differences(traits: Codes, other: Codes) -> NDArray[np.float64]:
    """The number of traits in which candidates differ from another; neighbours on a scale differ by half.

    What is not known of one of the two is no difference.

    >>> differences(np.array([[1, 2, 1, 0, 3], [1, 1, UNKNOWN, 0, 0]]), np.array([0, 0, 1, 0, 0])).tolist()
    [3.0, 1.5]
    """
    is_known = (traits != UNKNOWN) & (other != UNKNOWN)
    scales = np.array([1 / (len(trait.words) - 1) if trait.is_ordered else np.inf for trait in TRAITS])
    steps = np.minimum(np.abs(traits - other) * np.where(np.isinf(scales), 1.0, scales), 1.0)
    return np.asarray(np.where(is_known, steps, 0.0).sum(axis=1), np.float64)
