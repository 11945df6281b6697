"""What a face is worth: its size, its distance from the border, its sharpness, whether it looks at the camera."""

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.measured import NO_CANDIDATE, Measured
from thumb_assets.select.rank import groups_of, percentile_ranks
from thumb_assets.settings import SelectionSettings

# A face of a third of the frame's height fills a close-up; a larger one is worth no more.
_LARGE_FACE_HEIGHT = 1 / 3
# A face nearer to the border than this share of the frame's height looks cut.
_SAFE_DISTANCE = 0.05


def face_bonuses(measured: Measured, *, settings: SelectionSettings) -> NDArray[np.float64]:
    """The bonus of each candidate for its clear faces: half of `face_bonus` for having one, the rest by quality.

    Of several clear faces each adds to the quality q, 1 - (1 - q1)(1 - q2)..., so that it never exceeds 1.

    Args:
        measured: one video or many.
        settings: face_bonus, clear_face_confidence, clear_face_height.

    Returns:
        (N,) float64 from 0 to face_bonus.
    """
    faces = measured.faces
    bonuses = np.zeros(len(measured.frame_indices))
    if not len(faces.height):
        return bonuses
    videos = groups_of(faces.offsets)
    is_sure = faces.confidence >= settings.clear_face_confidence
    is_tall = faces.height >= settings.clear_face_height * measured.frame_sizes[videos, 1]
    is_clear = (faces.positions != NO_CANDIDATE) & is_sure & is_tall
    positions = (measured.offsets[videos] + faces.positions)[is_clear]
    missing = np.ones(len(bonuses))
    np.multiply.at(missing, positions, 1 - face_qualities(measured)[is_clear])
    has_face = np.zeros(len(bonuses), dtype=np.bool_)
    has_face[positions] = True
    bonuses[has_face] = settings.face_bonus * (0.5 + 0.5 * (1 - missing[has_face]))
    return bonuses


def face_qualities(measured: Measured) -> NDArray[np.float64]:
    """The mean of four measures of each face, each 0..1: size, distance from the border, sharpness, frontality.

    Sharpness is the percentile of its Laplacian variance among the video's faces; where it or the frontality is not
    known, the mean is of the others.

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
    sharpness = percentile_ranks(faces.laplacian_variance, groups=videos)
    quality: NDArray[np.float64] = np.nanmean(np.stack([size, border, sharpness, faces.frontality]), axis=0)
    return quality
