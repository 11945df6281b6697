"""The engine: decides which frames the chosen stages need, decodes once, feeds every stage, yields results.

What belongs here: the order of work, batches across videos, the isolation of failures, what is written when. What does
not: how anything is measured, chosen or drawn (the rooms below), Dagster (defs), the terminal (cli).
"""

from thumb_assets.pipeline.backlog import Backlog, backlog_of
from thumb_assets.pipeline.configured import run_groups
from thumb_assets.pipeline.deciding import TAKES_BACK, Decided, decide_frames
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.estimate import Estimate, estimate
from thumb_assets.pipeline.faults import Fault, faults_of
from thumb_assets.pipeline.isolate import run_isolated, warm_engine
from thumb_assets.pipeline.learned import load_learned_head
from thumb_assets.pipeline.learning import Lesson, gather_lesson, keep_learned, learn
from thumb_assets.pipeline.library_survey import AlikeStills, SharedFrame, SharedFrames, Survey, survey
from thumb_assets.pipeline.process import engine_environment, in_engine_environment, pause_with_terminal
from thumb_assets.pipeline.remembered import Difference, Group, Keep, as_text, asked_of, grouped
from thumb_assets.pipeline.removal import remove_video
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.retry import run_with_retries
from thumb_assets.pipeline.stages import (
    default_stages,
    ordered_stages,
    stage_settings_sha256,
)
from thumb_assets.pipeline.watching import watching
from thumb_assets.pipeline.what_if import (
    NewPrompts,
    VideoChange,
    WhatIf,
    apply_what_if,
    has_new_prompts,
    load_prompts,
    what_if,
)

__all__ = [
    "TAKES_BACK",
    "AlikeStills",
    "Backlog",
    "Decided",
    "Difference",
    "Estimate",
    "Fault",
    "Group",
    "Keep",
    "Lesson",
    "NewPrompts",
    "SharedFrame",
    "SharedFrames",
    "StageResult",
    "Survey",
    "VideoChange",
    "WhatIf",
    "apply_what_if",
    "as_text",
    "asked_of",
    "backlog_of",
    "decide_frames",
    "default_stages",
    "engine_environment",
    "estimate",
    "faults_of",
    "gather_lesson",
    "grouped",
    "has_new_prompts",
    "in_engine_environment",
    "keep_learned",
    "learn",
    "load_learned_head",
    "load_prompts",
    "ordered_stages",
    "pause_with_terminal",
    "remove_video",
    "run",
    "run_groups",
    "run_isolated",
    "run_with_retries",
    "stage_settings_sha256",
    "survey",
    "warm_engine",
    "watching",
    "what_if",
]
