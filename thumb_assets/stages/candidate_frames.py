"""The stage `candidate_frames`: which frames are worth measuring."""

from thumb_assets.candidates.plan import plan_candidates
from thumb_assets.select.tell import SETTINGS
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, Stage, VideoTables
from thumb_assets.store.decisions import pinned_frames
from thumb_assets.tables.measurements import CANDIDATE_FRAMES


def choose_candidates(job: VideoTables, run: RunContext) -> Made:
    """The table `candidate_frames`."""
    decisions, settings = job.optional_table("decisions"), run.settings.candidates
    subtitles = job.optional_table("subtitles")
    pinned = [] if decisions is None else pinned_frames(decisions)
    table = plan_candidates(job.table("frames"), job.table("shots"), settings, pinned=pinned, subtitles=subtitles)
    num_states = table.num_rows - table.column("state_start_frame_index").null_count
    metrics: dict[str, int | float | str] = {"num_states": num_states}
    if num_states:
        metrics["note"] = f"slides or a screen recording: {num_states} states of the screen (candidates.screens)"
    return Made({"candidate_frames": table}, {SETTINGS: settings.model_dump_json()}, metrics)


STAGE = Stage(
    name="candidate_frames",
    contracts=(CANDIDATE_FRAMES,),
    run=FromTables(choose_candidates),
    reads=("frames", "shots"),
    uses=("subtitles", "decisions"),
    section="candidates",
    settings=lambda s: (s.candidates, s.sparse) if s.sparse.is_on else (s.candidates,),
    version="5",  # a pin takes no candidate from a cue; 4: subtitles
)
