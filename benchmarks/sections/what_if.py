"""Selecting a whole library anew from what is stored."""

from functools import partial

from benchmarks.bench import Bench
from benchmarks.findings import Findings, Table, Target
from benchmarks.measure import in_engine_process
from benchmarks.what_if import NUM_CANDIDATES, NUM_VIDEOS, measure_what_if

TITLE = "What-if"
ABOUT = """\
Selection settings, weights, K or prompts are changed, and every video of a library is selected again from stored tables
and embeddings: no decoding, no image model. The tables are made up; measured is all that `what_if` does. The last row
is of one video whose candidates stay in memory, as the desk keeps them. The process keeps freed memory, as that of the
command `what-if` does."""

_WANTED, _WANTED_OF_ONE = 1.0, 0.020
_GREEDY = "half of it is the greedy choice, video by video: vectors, their products, many small calls of NumPy"
_NUM_QUICK_VIDEOS, _NUM_QUICK_CANDIDATES = 3, 20


def measure(bench: Bench) -> Findings:
    """A row per change."""
    bench.on_step("what-if")
    num_videos, num_candidates = NUM_VIDEOS, NUM_CANDIDATES
    if bench.is_quick:
        num_videos, num_candidates = _NUM_QUICK_VIDEOS, _NUM_QUICK_CANDIDATES
    costs = in_engine_process(
        partial(measure_what_if, num_runs=bench.num_runs, num_videos=num_videos, num_candidates=num_candidates)
    )
    rows = [
        (cost.change, f"{cost.cpu_seconds:.3f}", f"{cost.wall_seconds:.3f}", str(cost.num_changed)) for cost in costs
    ]
    heading = f"{num_videos} videos of {num_candidates} candidates"
    return Findings(
        tables=[Table(heading, ("change", "CPU s", "wall s", "videos that change"), rows)],
        targets=[
            Target(
                f"what-if, {cost.change}, wall",
                _WANTED_OF_ONE if cost.num_videos == 1 else _WANTED,
                True,
                [cost.wall_seconds],
                "s",
                if_missed=_GREEDY,
            )
            for cost in costs
            if not cost.is_first
        ],
        notes=["The first change after tables were made reads them all, once; it is no target."],
    )
