"""From scores to the few frames worth keeping: rank, combine, reject, diversify, explain.

What belongs here: pure, deterministic functions from Arrow tables and numpy arrays to Arrow tables. What does not:
measuring a frame (sharpness, clip, iqa, faces), reading or writing (store), pictures and models. Every threshold of a
verdict lives in SelectionSettings, so that changing one re-scores nothing. `pick` is the choice itself, of one video or
of many at once; `choose` is that of one video with tables around it, which give a reason for every candidate.
"""

from thumb_assets.select.choice import Choice, choose
from thumb_assets.select.measured import Measured, MeasuredFaces, joined, measured_from_tables
from thumb_assets.select.pick import Picks, pick
from thumb_assets.select.rank import percentile_ranks

__all__ = [
    "Choice",
    "Measured",
    "MeasuredFaces",
    "Picks",
    "choose",
    "joined",
    "measured_from_tables",
    "percentile_ranks",
    "pick",
]
