"""The takes of a video: its shots, cut where a transition shows that no detector found."""

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.measure import SOURCES, CandidateArrays
from thumb_assets.select.ranks import groups_of_shots
from thumb_assets.settings.selection import SelectionSettings

# The columns that takes are told by, as `table.column`.
TAKES = ("candidate_frames.shot_index", *SOURCES["contrast_share"])


def groups_of_takes(measured: CandidateArrays, *, settings: SelectionSettings) -> NDArray[np.unsignedinteger]:
    """The take of each candidate, counted through all videos.

    A candidate whose contrast is far below what is around it, as in the middle of a dissolve (rule `in_transition`),
    begins a take where the one before it does not: detectors miss slow dissolves and join what lies on their two sides.
    A fall of the sharpness begins none, since motion makes it fall too.

    Args:
        measured: one video or many.
        settings: reject.min_contrast_share.

    Returns:
        (N,) unsigned integers, rising; none is left out.
    """
    least = settings.reject.min_contrast_share
    return measured.once("takes", least, lambda: _takes(measured, least))


def _takes(measured: CandidateArrays, min_contrast_share: float) -> NDArray[np.unsignedinteger]:
    shots = groups_of_shots(measured.offsets, measured.shot_indices)
    is_between = measured["contrast_share"] < min_contrast_share
    is_first = np.ones(len(shots), dtype=np.bool_)
    is_first[1:] = (shots[1:] != shots[:-1]) | (is_between[1:] & ~is_between[:-1])
    groups = np.cumsum(is_first) - 1
    return groups.astype(np.min_scalar_type(max(len(groups) - 1, 0)))
