"""Frames of a video that are worth scoring: near the ends of shots, a uniform grid, sync frames, every n-th frame.

What belongs here: the sampling rules, applied to finished tables (`plan_candidates`) and while frames still arrive
(`CandidatePredictor`). What does not: finding shots (shots), decoding (video), judging a frame (the scorers, select).
A moment's frame is the one that a player shows then: the last one whose stamp is not behind it.
"""

from thumb_assets.candidates.plan import plan_candidates
from thumb_assets.candidates.predictor import CandidatePredictor
from thumb_assets.candidates.rules import (
    bounds_of,
    held_frames,
    nearest_decoded,
    seconds_stood_for,
    shot_candidates,
    uniform_frames,
)

__all__ = [
    "CandidatePredictor",
    "bounds_of",
    "held_frames",
    "nearest_decoded",
    "plan_candidates",
    "seconds_stood_for",
    "shot_candidates",
    "uniform_frames",
]
