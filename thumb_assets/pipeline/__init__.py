"""The engine: decides which frames the chosen stages need, decodes once, feeds every stage, yields results.

What belongs here: the order of work, batches across videos, the isolation of failures, what is written when. What does
not: how anything is measured, chosen or drawn (the rooms below), Dagster (defs), the terminal (cli).
"""

from thumb_assets.pipeline.engine import identities_of, run
from thumb_assets.pipeline.isolate import run_isolated
from thumb_assets.pipeline.job import BLOCKED, StageResult
from thumb_assets.pipeline.stages import (
    CODE_VERSIONS,
    OPTIONAL_INPUTS,
    REQUIRED_INPUTS,
    default_stages,
    ordered_stages,
    stage_settings_sha256,
)
from thumb_assets.tables import STAGES

__all__ = [
    "BLOCKED",
    "CODE_VERSIONS",
    "OPTIONAL_INPUTS",
    "REQUIRED_INPUTS",
    "STAGES",
    "StageResult",
    "default_stages",
    "identities_of",
    "ordered_stages",
    "run",
    "run_isolated",
    "stage_settings_sha256",
]
