"""Decides which frames a pass hands to the scorers while it decodes."""

from collections.abc import Sequence
from typing import Any

from thumb_assets.candidates.predictor import CandidatePredictor
from thumb_assets.pipeline.decode_pass import CaptureRule, KnownFrames
from thumb_assets.pipeline.job import VideoJob
from thumb_assets.settings.load import Settings
from thumb_assets.stages.kit.scorer import FrameScorer


def capture_rule(
    job: VideoJob, scorers: Sequence[FrameScorer[Any, Any]], stages: Sequence[str], settings: Settings
) -> CaptureRule | None:
    """The stored candidates, or a prediction of those to come; None where no scorer wants candidates of this pass."""
    if not any(scorer.scope == "candidates" for scorer in scorers):
        return None
    if "candidate_frames" not in stages or "candidate_frames" in job.settled:
        stored = job.optional_table("candidate_frames")
        return None if stored is None else KnownFrames(frozenset(stored.column("frame_index").to_pylist()))
    is_cut_now = "shots" in stages and "shots" not in job.settled
    duration = job.header.duration_seconds if job.header else None
    return CandidatePredictor(settings.candidates, duration_seconds=duration) if is_cut_now else None
