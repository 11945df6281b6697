"""Owners of the CPU time: by frame, by candidate, by stage."""

from functools import partial
from statistics import median

from benchmarks.bench import Bench
from benchmarks.candidate_costs import candidate_costs
from benchmarks.findings import Findings, Table
from benchmarks.frame_costs import DECODE, frame_costs
from benchmarks.measure import in_engine_process
from benchmarks.page import rows_by_owner
from benchmarks.recipes import AV1, HEVC_4K, WEB_SHORT
from benchmarks.stage_costs import measured

TITLE = "Profile"
ABOUT = """\
Owners of the CPU time, each piece of work by itself and with one thread (`benchmarks.frame_costs`,
`benchmarks.candidate_costs`, `benchmarks.stage_costs`). A frame is decoded and measured, whether it becomes a candidate
or not; a candidate is measured by every stage beside that. The stages of a job start a process of their own, so what
they import and the models they load are theirs; the pass that decodes holds what every frame costs."""

_NUM_FRAMES, _NUM_CANDIDATES = 120, 20
_NUM_LARGEST = 3


def measure(bench: Bench) -> Findings:
    """Three tables, and a note for each that names the largest."""
    clips = [bench.shelf.clip(recipe) for recipe in (WEB_SHORT, HEVC_4K, AV1)]
    frames, candidates, stages = {}, {}, {}
    for clip in clips:
        bench.on_step(f"profile: {clip.name}")
        num_frames = 10 if bench.is_quick else _NUM_FRAMES
        runs = range(bench.num_runs)
        of_frame = partial(frame_costs, clip.path, num_frames=num_frames)
        of_candidate = partial(candidate_costs, clip.path, num_candidates=_NUM_CANDIDATES)
        frames[clip.name] = _medians([in_engine_process(of_frame) for _ in runs])
        candidates[clip.name] = _medians([in_engine_process(of_candidate) for _ in runs])
        stages[clip.name], _ = measured(clip.path, num_runs=bench.few_runs)
    columns = ("", *(clip.name for clip in clips))
    return Findings(
        tables=[
            Table("CPU ms per frame", columns, rows_by_owner(frames, digits=2)),
            Table("CPU ms per candidate", columns, rows_by_owner(candidates, digits=1)),
            Table("CPU s of a job", columns, rows_by_owner(stages, digits=2)),
        ],
        clips={clip.name: clip.description for clip in clips},
        notes=[
            *(_largest("frame beside its decoding", name, own, "ms") for name, own in frames.items()),
            *(_largest("candidate", name, own, "ms") for name, own in candidates.items()),
            *(_largest("job", name, own, "s") for name, own in stages.items()),
        ],
    )


def _medians(found: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(own[name] for own in found) for name in found[0]}


def _largest(what: str, clip_name: str, costs: dict[str, float], unit: str) -> str:
    """The three largest costs, in words."""
    rest = {name: cost for name, cost in costs.items() if name != DECODE}
    largest = sorted(rest, key=lambda name: -rest[name])[:_NUM_LARGEST]
    named = ", ".join(f"{name} ({rest[name]:.2f} {unit})" for name in largest)
    return f"Largest costs of a {what}, {clip_name}: {named}."
