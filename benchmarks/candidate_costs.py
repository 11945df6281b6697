"""CPU of each measure of a candidate: `uv run python -m benchmarks.candidate_costs VIDEO... [--candidates N]`.

The calls are the stages' own, one after the other with one thread, models loaded and warm. Frames are taken evenly from
the first minute, with the reduced luma that every frame has; what stages share of a picture is made once, as in a job,
and belongs to the first that wants it.
"""

import time
from functools import partial
from pathlib import Path

import click

from benchmarks.bench import CPU_OVERRIDES
from benchmarks.machine import describe_machine
from benchmarks.measure import in_engine_process
from benchmarks.page import rows_by_owner, table
from thumb_assets.errors import ModelUnavailableError
from thumb_assets.inference import one_thread
from thumb_assets.pipeline.scoring import build_scorer
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import load_settings
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.sharpness import EVAL_HEIGHT
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.declaration import FromFrames
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.frame import Frame
from thumb_assets.video.reduce import one_thread_per_picture

_LONGEST_SECONDS, _NUM_TO_WARM = 60, 2


def candidate_costs(path: Path, *, num_candidates: int) -> dict[str, float]:
    """CPU milliseconds per candidate by stage, those whose model is not here left out.

    Args:
        num_candidates: frames that are measured; memory holds all of them.
    """
    settings = load_settings(overrides=["video.decode_threads=1", *CPU_OVERRIDES])
    costs = {}
    with one_thread_per_picture(), one_thread():
        frames = _frames(path, num_candidates, settings.video)
        for stage in default_stages(settings):
            if not isinstance(STAGES[stage].run, FromFrames):
                continue
            try:
                scorer = build_scorer(stage, settings)
            except ModelUnavailableError:
                continue
            for frame in frames[:_NUM_TO_WARM]:
                scorer.score([scorer.render(frame.as_decoded())])
            begin = time.process_time()
            for frame in frames:
                scorer.score([scorer.render(frame)])
            costs[stage] = 1000 * (time.process_time() - begin) / len(frames)
    return costs


def _frames(path: Path, num: int, settings: VideoSettings) -> list[Frame]:
    with VideoDecoder(path, settings) as decoder:
        rate = float(decoder.header.guessed_frame_rate or 25)
        seconds = min(_LONGEST_SECONDS, decoder.header.duration_seconds or _LONGEST_SECONDS)
        step = max(1, round(seconds * rate / num))
        kept = []
        for frame in decoder:
            if frame.frame_index % step == step // 2:
                frame.luma(EVAL_HEIGHT)
                frame.let_go_of_halves()
                kept.append(frame)
            if len(kept) == num:
                break
        return kept


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--candidates", type=click.IntRange(1), default=20, show_default=True, help="Of each video, at most.")
def main(*, paths: tuple[Path, ...], candidates: int) -> None:
    """Print what each candidate of each video costs, stage by stage."""
    runs = {path.stem: partial(candidate_costs, path, num_candidates=candidates) for path in paths}
    found = {name: in_engine_process(run) for name, run in runs.items()}
    rows = rows_by_owner(found, digits=1)
    click.echo("\n\n".join([describe_machine(), table(("CPU ms per candidate", *found), rows)]))


if __name__ == "__main__":
    main()
