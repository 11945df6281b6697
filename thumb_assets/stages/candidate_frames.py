"""The stage `candidate_frames`: which frames are worth measuring."""

from thumb_assets.candidates.plan import plan_candidates
from thumb_assets.select.tell import SETTINGS
from thumb_assets.stages.kit.declaration import FromTables, Made, RunContext, Stage, VideoTables
from thumb_assets.store.decisions import pinned_frames
from thumb_assets.tables.measurements import CANDIDATE_FRAMES


def choose_candidates(job: VideoTables, run: RunContext) -> Made:
    """The table `candidate_frames`."""
    decisions, settings = job.optional_table("decisions"), run.settings.candidates
    pinned = [] if decisions is None else pinned_frames(decisions)
    table = plan_candidates(job.table("frames"), job.table("shots"), settings, pinned=pinned)
    return Made({"candidate_frames": table}, {SETTINGS: settings.model_dump_json()})


STAGE = Stage(
    name="candidate_frames",
    contracts=(CANDIDATE_FRAMES,),
    run=FromTables(choose_candidates),
    reads=("frames", "shots"),
    uses=("decisions",),
    section="candidates",
    settings=lambda s: (s.candidates, s.sparse) if s.sparse.is_on else (s.candidates,),
    version="2",  # what is on screen at a moment, near both ends of a shot
)
