"""The job that decides of frames: as `thumb-assets pin`, `ban`, `cover` and `unpin`, from the Launchpad."""

import dagster as dg
from pydantic import Field

from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.pipeline import TAKES_BACK, decide_frames
from thumb_assets.store import DECISIONS, Library, Mirror

NAME = "decide"


class DecideConfig(dg.Config):
    """A decision and the frames that it is about."""

    video_id: str = Field(description="The partition of the video.")
    frames: list[int] = Field(description="frame_index of each.")
    decision: str = Field(description=f"One of {', '.join((*DECISIONS, *TAKES_BACK))}.")


@dg.op(
    name="decide_frames",
    description="Has frames always selected (pin), never (ban), as rank 1 (cover), or by score again (unpin, unban, "
    "uncover).",
)
def decide_op(context: dg.OpExecutionContext, config: DecideConfig, thumb_assets: ThumbAssetsResource) -> None:
    """The decisions of the video are the output's metadata."""
    if config.decision not in {*DECISIONS, *TAKES_BACK}:
        raise dg.Failure(f"{config.decision!r} is no decision; use {', '.join((*DECISIONS, *TAKES_BACK))}")
    store = thumb_assets.store
    decided = decide_frames(
        config.video_id,
        [(frame, config.decision) for frame in config.frames],
        library=Library(store.data_dir),
        mirror=Mirror(thumb_assets.settings.library, store),
        store=store,
    )
    context.log.info(
        f"{config.video_id}: {decided.counts}; it counts once {decided.first_stage} and what follows are materialized"
    )
    context.add_output_metadata(
        {"video_id": config.video_id, "decisions": {str(frame): word for frame, word in decided.now.items()}}
    )


@dg.job(name=NAME, description="Pins, bans or makes covers of frames of one video; the run config says which.")
def decide_job() -> None:
    """One step: see `decide_frames`."""
    decide_op()
