"""What a face is worth: its size, its distance from the border, its sharpness beside the video's other faces."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.select.align import candidate_positions
from thumb_assets.select.rank import percentile_ranks
from thumb_assets.settings import SelectionSettings

# A face of a third of the frame's height fills a close-up; a larger one is worth no more.
_LARGE_FACE_HEIGHT = 1 / 3
# A face nearer to the border than this share of the frame's height looks cut.
_SAFE_DISTANCE = 0.05


def face_bonuses(
    faces: pa.Table,
    *,
    frame_indices: NDArray[np.int64],
    frame_size: tuple[int, int] | None,
    settings: SelectionSettings,
) -> NDArray[np.float64]:
    """The bonus of each candidate for its clear faces: half of `face_bonus` for having one, the rest by quality.

    Of several clear faces each adds to the quality q, 1 - (1 - q1)(1 - q2)..., so that it never exceeds 1.

    Args:
        faces: table `faces`; boxes in pixels of the displayed frame.
        frame_indices: (N,) int64 of the candidates, ascending.
        frame_size: (width, height) of the displayed frame; may be None where `faces` has no row.
        settings: face_bonus, clear_face_confidence, clear_face_height.

    Returns:
        (N,) float64 from 0.0 to the bonus.

    Raises:
        ValueError: there are faces and no frame size.
    """
    bonuses = np.zeros(len(frame_indices))
    if not faces.num_rows:
        return bonuses
    if frame_size is None:
        raise ValueError("frame_size is needed to tell a clear face from a small one")
    positions, is_candidate = candidate_positions(faces, frame_indices=frame_indices)
    is_sure = faces.column("confidence").to_numpy() >= settings.clear_face_confidence
    is_tall = faces.column("height").to_numpy() >= settings.clear_face_height * frame_size[1]
    is_clear = is_candidate & is_sure & is_tall
    missing = np.ones(len(frame_indices))
    np.multiply.at(missing, positions[is_clear], 1 - face_qualities(faces, frame_size=frame_size)[is_clear])
    has_face = np.zeros(len(frame_indices), dtype=np.bool_)
    has_face[positions[is_clear]] = True
    bonuses[has_face] = settings.face_bonus * (0.5 + 0.5 * (1 - missing[has_face]))
    return bonuses


def face_qualities(faces: pa.Table, *, frame_size: tuple[int, int]) -> NDArray[np.float64]:
    """The mean of three measures of each face, each 0..1: size, distance from the border, sharpness.

    Sharpness is the percentile of its Laplacian variance among the video's faces; where it is not known, the mean is of
    the other two.

    Args:
        faces: table `faces` of one video, M rows.
        frame_size: (width, height) of the displayed frame in pixels.

    Returns:
        (M,) float64, 0..1.
    """
    x, y, width, height = (faces.column(name).to_numpy() for name in ("x", "y", "width", "height"))
    frame_width, frame_height = frame_size
    size = np.minimum(1.0, height / (_LARGE_FACE_HEIGHT * frame_height))
    distance = np.min([x, y, frame_width - (x + width), frame_height - (y + height)], axis=0)
    border = np.clip(distance / (_SAFE_DISTANCE * frame_height), 0.0, 1.0)
    variances = faces.column("laplacian_variance").to_numpy(zero_copy_only=False).astype(np.float64)
    sharpness = percentile_ranks(variances)
    quality: NDArray[np.float64] = np.nanmean(np.stack([size, border, sharpness]), axis=0)
    return quality
