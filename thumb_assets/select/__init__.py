"""From scores to the few frames worth keeping: judge, combine, diversify, explain.

What belongs here: pure, deterministic functions from Arrow tables and numpy arrays to Arrow tables. What does not:
measuring a frame (sharpness, appearance, clip, iqa, faces), reading or writing (store), pictures and models. Every
threshold of a verdict lives in SelectionSettings, so that changing one re-scores nothing. `pick` is the choice itself,
of one video or of many at once; `choose` is that of one video with tables around it, which give a reason for every
candidate; `why` tells them to people.
"""

from thumb_assets.select.chapters import Labels, chapters_of, verify_chapters
from thumb_assets.select.choice import Choice, choose
from thumb_assets.select.combine import score_candidates
from thumb_assets.select.explain import is_last_resort
from thumb_assets.select.guidance import NO_GUIDANCE, Guidance
from thumb_assets.select.learned import LearnedHead
from thumb_assets.select.measured import (
    FACE_VALUES,
    TABLES_OF_SCORES,
    VALUES,
    Measured,
    MeasuredFaces,
    ScoreTables,
    embedding_model_of,
    joined,
    measured_from_tables,
)
from thumb_assets.select.pick import Picks, pick
from thumb_assets.select.rank import percentile_ranks
from thumb_assets.select.why import (
    DOUBTFUL,
    SETTINGS,
    TOLD_TABLES,
    Step,
    Told,
    explain_all,
    explain_frame,
    explain_rejections,
    funnel,
    told_of,
)

__all__ = [
    "DOUBTFUL",
    "FACE_VALUES",
    "NO_GUIDANCE",
    "SETTINGS",
    "TABLES_OF_SCORES",
    "TOLD_TABLES",
    "VALUES",
    "Choice",
    "Guidance",
    "Labels",
    "LearnedHead",
    "Measured",
    "MeasuredFaces",
    "Picks",
    "ScoreTables",
    "Step",
    "Told",
    "chapters_of",
    "choose",
    "embedding_model_of",
    "explain_all",
    "explain_frame",
    "explain_rejections",
    "funnel",
    "is_last_resort",
    "joined",
    "measured_from_tables",
    "percentile_ranks",
    "pick",
    "score_candidates",
    "told_of",
    "verify_chapters",
]
