"""Distributions of a library's scores, with which a video's own percentiles are blended."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.components import COMPONENTS
from thumb_assets.select.measure import CandidateArrays

# Values per component, at most: finer than any percentile that is shown.
MAX_QUANTILES = 2000
# By component whose percentiles are blended with the library's: where it is measured.
_MEASURES = {each.name: each.measure for each in COMPONENTS if each.of_library and isinstance(each.measure, str)}


@dataclass(frozen=True)
class Reference:
    """Scores of a library.

    Attributes:
        values: by component (`sharpness`, `clip`, `contrast`, `iqa.METRIC`) (M,) float64 ascending, more is better.
        clip: model_name, pretrained and prompts_sha256 of the scores of `clip`; scores of others are of no use beside
            them.
    """

    values: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    clip: Mapping[str, str] = field(default_factory=dict)


def reference_of(
    measured: CandidateArrays, clip_footers: Mapping[str, Mapping[str, str]], *, min_videos: int
) -> Reference | None:
    """The distributions of all components that enough videos were measured for; None where none was.

    `clip` is of the model and prompts that most videos have.

    Args:
        measured: the videos, in any order.
        clip_footers: model_name, pretrained and prompts_sha256 of their scores, by video that has any.
        min_videos: how many are enough.
    """
    videos = np.repeat(np.arange(len(measured.video_ids)), np.diff(measured.offsets))
    footers = [json.dumps(dict(clip_footers.get(video_id, {})), sort_keys=True) for video_id in measured.video_ids]
    counts = Counter(footer for footer in footers if footer != "{}")
    usual = min(counts, key=lambda footer: (-counts[footer], footer), default="{}")
    is_usual = np.array([footer == usual for footer in footers], np.bool_)
    columns = {name: measured[measure] for name, measure in _MEASURES.items()}
    columns["clip"] = np.where(is_usual[videos], columns["clip"], np.nan)
    columns |= {f"iqa.{metric}": values for metric, values in measured.iqa.items()}
    values = {}
    for name, column in sorted(columns.items()):
        is_known = ~np.isnan(column)
        if len(np.unique(videos[is_known])) >= min_videos:
            values[name] = quantiles(column[is_known])
    if not values:
        return None
    return Reference(values, json.loads(usual) if "clip" in values else {})


def quantiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values in order, at most MAX_QUANTILES of them, evenly spaced by rank, the first and last among them.

    >>> quantiles(np.array([3.0, 1.0, 2.0])).tolist()
    [1.0, 2.0, 3.0]
    """
    ordered = np.sort(values)
    if len(ordered) <= MAX_QUANTILES:
        return ordered
    ranks = np.linspace(0, len(ordered) - 1, MAX_QUANTILES).round().astype(np.int64)
    return np.asarray(ordered[ranks])
