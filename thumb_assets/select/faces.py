"""The worth of the faces in the candidates: clear ones, closed eyes, who is turned away."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.measure import NO_CANDIDATE, CandidateArrays
from thumb_assets.select.ranks import groups_of, groups_of_shots, order_of_known, percentile_ranks
from thumb_assets.select.takes import groups_of_takes
from thumb_assets.settings.selection import SelectionSettings

# A face of a third of the frame's height fills a close-up; a larger one is worth no more.
_LARGE_FACE_HEIGHT = 1 / 3
# A face nearer to the border than this share of the frame's height looks cut.
_SAFE_DISTANCE = 0.05
# Below this frontality one eye is hidden or nearly so: the face is turned away.
_LEAST_FRONTALITY = 0.25
# A face from this share of the frame's height on is seen; a shot of fewer candidates does not say what is usual in it.
_SEEN_FACE_HEIGHT, _FEW_CANDIDATES = 0.05, 4
# Openness of eyes, of what is usual in the video: below the first they are closed, above the second open. Some people's
# eyes are narrow; where nobody's are open, what is usual counts for no less than the last.
_CLOSED_EYES, _OPEN_EYES, _LEAST_USUAL_OPENNESS = 0.4, 0.8, 0.15
# A mouth at rest or smiling, and one in the middle of a word.
_SHUT_MOUTH, _OPEN_MOUTH = 0.1, 0.5


def face_bonuses(measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.float64]:
    """The bonus of each candidate for its clear faces: half of `face_bonus` for having one, the rest by quality.

    A face with closed eyes, or that is turned away, is no clear one. Of several clear faces each adds to the quality q,
    1 - (1 - q1)(1 - q2)..., so that it never exceeds 1.

    Args:
        measured: one video or many.
        settings: face_bonus, clear_face_confidence, clear_face_height.

    Returns:
        (N,) float64 from 0 to face_bonus.
    """
    depends_on = (settings.face_bonus, settings.clear_face_confidence, settings.clear_face_height)
    return measured.once("face_bonuses", depends_on, lambda: _bonuses(measured, settings))


def _bonuses(measured: CandidateArrays, settings: SelectionSettings) -> NDArray[np.float64]:
    faces = measured.faces
    bonuses = np.zeros(len(measured.frame_indices))
    if not len(faces.height):
        return bonuses
    videos, is_clear = groups_of(faces.offsets), are_clear(measured, settings=settings)
    positions = (measured.offsets[videos] + faces.positions)[is_clear]
    missing = np.ones(len(bonuses))
    np.multiply.at(missing, positions, 1 - face_qualities(measured)[is_clear])
    has_face = np.zeros(len(bonuses), dtype=np.bool_)
    has_face[positions] = True
    bonuses[has_face] = settings.face_bonus * (0.5 + 0.5 * (1 - missing[has_face]))
    return bonuses


def are_clear(measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.bool_]:
    """(M,) bool: the faces of candidates that are surely ones, large enough, and neither turned away nor eyes shut."""
    faces = measured.faces
    is_sure = faces.confidence >= settings.clear_face_confidence
    frame_heights = measured.frame_sizes[groups_of(faces.offsets), 1]
    is_tall = faces.height >= settings.clear_face_height * frame_heights
    is_unseeing = (eyes_open(measured) <= 0) | (faces.frontality < _LEAST_FRONTALITY)
    return np.asarray((faces.positions != NO_CANDIDATE) & is_sure & is_tall & ~is_unseeing)


def eyes_of_largest(measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.float64]:
    """(N,) float64, 0 closed to 1 open: the eyes of the largest sure face; NaN without one, and where it is not known.

    Args:
        measured: one video or many.
        settings: clear_face_confidence, clear_face_height.
    """
    faces, openness = measured.faces, eyes_open(measured)
    videos = groups_of(faces.offsets)
    is_seen = (faces.positions != NO_CANDIDATE) & (faces.confidence >= settings.clear_face_confidence)
    is_seen &= faces.height >= settings.clear_face_height * measured.frame_sizes[videos, 1]
    by_height = np.flatnonzero(is_seen)[np.argsort(faces.height[is_seen], kind="stable")]
    eyes = np.full(len(measured.frame_indices), np.nan)
    candidates = measured.offsets[videos] + faces.positions
    eyes[candidates[by_height]] = openness[by_height]  # the last one, the largest, stays
    return eyes


def face_qualities(measured: CandidateArrays) -> NDArray[np.float64]:
    """The mean of the measures of each face, each 0..1; one that is not known does not count.

    Size, distance from the border, sharpness (the percentile of its Laplacian variance among the video's faces),
    frontality, open eyes, a shut mouth, gaze.

    Args:
        measured: one video or many, M faces in all, the frame size known where there is one.

    Returns:
        (M,) float64, 0..1.
    """
    faces = measured.faces
    videos = groups_of(faces.offsets)
    frame_widths, frame_heights = measured.frame_sizes[videos].T
    size = np.minimum(1.0, faces.height / (_LARGE_FACE_HEIGHT * frame_heights))
    rights = frame_widths - (faces.x + faces.width)
    bottoms = frame_heights - (faces.y + faces.height)
    distance = np.min([faces.x, faces.y, rights, bottoms], axis=0)
    border = np.clip(distance / (_SAFE_DISTANCE * frame_heights), 0.0, 1.0)
    order = order_of_known(faces.laplacian_variance, offsets=faces.offsets)
    sharpness = percentile_ranks(faces.laplacian_variance, groups=videos, order=order)
    mouth = 1 - np.clip((faces.mouth_openness - _SHUT_MOUTH) / (_OPEN_MOUTH - _SHUT_MOUTH), 0.0, 1.0)
    measures = [size, border, sharpness, faces.frontality, eyes_open(measured), mouth, faces.gaze]
    quality: NDArray[np.float64] = np.nanmean(np.stack(measures), axis=0)
    return quality


def face_shares(measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.float64]:
    """Share of the candidates around it that show a face, for each candidate without one: turned away or hidden.

    Around it are those of its take, or of its shot where the take has few.

    Returns:
        (N,) float64, 0..1; NaN where it shows one, faces were not looked for or the shot has few candidates.
    """
    faces = measured.faces
    videos = groups_of(faces.offsets)
    is_seen = (faces.positions != NO_CANDIDATE) & (faces.height >= _SEEN_FACE_HEIGHT * measured.frame_sizes[videos, 1])
    has_face = np.zeros(len(measured.frame_indices), dtype=np.bool_)
    has_face[(measured.offsets[videos] + faces.positions)[is_seen]] = True
    shares = np.full(len(has_face), np.nan)
    for groups in (
        groups_of_shots(measured.offsets, measured.shot_indices),
        groups_of_takes(measured, settings=settings),
    ):
        sizes = np.bincount(groups)[groups]
        own = np.bincount(groups, weights=has_face)[groups] / sizes
        shares = np.where(sizes < _FEW_CANDIDATES, shares, own)
    return np.where(has_face, np.nan, shares)


def eyes_open(measured: CandidateArrays) -> NDArray[np.float64]:
    """(M,) float64: 0 where a face's eyes are closed, 1 where they are open, NaN where that is not known.

    Compared with the upper quartile of the video's faces.
    """
    openness = measured.faces.eye_openness
    offsets = measured.faces.offsets
    usual = np.full(len(openness), np.nan)
    for start, end in pairwise(offsets.tolist()):
        known = openness[start:end][~np.isnan(openness[start:end])]
        if len(known):
            usual[start:end] = max(float(np.quantile(known, 0.75)), _LEAST_USUAL_OPENNESS)
    return np.asarray(np.clip((openness / usual - _CLOSED_EYES) / (_OPEN_EYES - _CLOSED_EYES), 0.0, 1.0))
