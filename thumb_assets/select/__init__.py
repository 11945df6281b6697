"""From scores to the few frames worth keeping: rank, combine, reject, diversify, explain.

What belongs here: pure, deterministic functions from Arrow tables and numpy arrays to Arrow tables. What does not:
measuring a frame (sharpness, clip, iqa, faces), reading or writing (store), pictures and models. Every threshold of a
verdict lives in SelectionSettings, so that changing one re-scores nothing.
"""

from thumb_assets.select.choice import Choice, choose
from thumb_assets.select.rank import percentile_ranks

__all__ = ["Choice", "choose", "percentile_ranks"]
