"""Drops candidates that show nothing: too dark, too bright, too flat."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.select.align import aligned_values
from thumb_assets.settings import SelectionSettings


@dataclass(frozen=True)
class Rejection:
    """Why one candidate was dropped: the columns of the table `rejections` beside its key."""

    stage: str
    reason: str
    value: float | None
    threshold: float | None


def find_unusable(
    sharpness: pa.Table | None, *, frame_indices: NDArray[np.int64], settings: SelectionSettings
) -> dict[int, Rejection]:
    """The candidates that break a rule of the settings, with the first rule broken; a missing measurement breaks none.

    Whether they are dropped is for the caller to say: a video all of whose candidates are dark keeps them.

    Args:
        sharpness: table `sharpness`, whose luma statistics are on the scale 0..255; None breaks no rule.
        frame_indices: (N,) int64 of the candidates, ascending.
        settings: min_luma_mean, max_luma_mean, min_luma_std.

    Returns:
        Position in `frame_indices` -> rejection, ascending.
    """
    if sharpness is None:
        return {}
    means = aligned_values(sharpness, "luma_mean", frame_indices=frame_indices)
    deviations = aligned_values(sharpness, "luma_std", frame_indices=frame_indices)
    # Comparisons with NaN are False, which is what a missing measurement is to mean. Later rules do not overwrite.
    rules = (
        ("too_dark", means, settings.min_luma_mean, means < settings.min_luma_mean),
        ("too_bright", means, settings.max_luma_mean, means > settings.max_luma_mean),
        ("too_flat", deviations, settings.min_luma_std, deviations < settings.min_luma_std),
    )
    unusable: dict[int, Rejection] = {}
    for reason, values, threshold, is_broken in rules:
        for position in np.flatnonzero(is_broken).tolist():
            unusable.setdefault(position, Rejection("reject", reason, float(values[position]), threshold))
    return dict(sorted(unusable.items()))
