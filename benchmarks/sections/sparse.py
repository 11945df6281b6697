"""The sparse pass against decoding every frame."""

from benchmarks.bench import Bench, left_out
from benchmarks.contestants import DecodeAlone
from benchmarks.findings import (
    COST_COLUMNS,
    RATIO_COLUMNS,
    Findings,
    Table,
    Target,
    cost_rows,
    cpu,
    paired_ratios,
    ratio_row,
)
from benchmarks.jobs import Job, without_models
from benchmarks.measure import Entry
from benchmarks.recipes import FIXED_GOP, WEB, WEB_SHORT

TITLE = "The sparse pass over decoding alone"
ABOUT = """\
With the profile `sparse` only keyframes are decoded and the few groups of pictures in which something happens. The job
without models, from hashing the file to the stills, is held against decoding every frame and doing nothing else: below
1 it is cheaper than any program that looks at every frame can be. How much is lost in quality is measured by
`python -m benchmarks.sparse_quality`."""

DECODE, SPARSE_WITHOUT_MODELS, SPARSE = "decode alone", "sparse without models", "sparse"
WANTED = 0.15
_NEARLY = (
    "a tenth of the video is decoded to find its shots, as the recall asks for; the rest is the file's hash, its index "
    "and the stills"
)
_TOO_SHORT = (
    "a minute has fewer sync frames than `sparse.min_sync_frames`, so frames between them are decoded too, and by the "
    "estimate a third of the video in all; the stills lie far behind their sync frames"
)


def measure(bench: Bench) -> Findings:
    """Decode alone, and the sparse pass with and without models, over two habits of placing keyframes."""
    full, settings = bench.settings(), bench.settings(profile="sparse")
    warm_path = bench.shelf.clip(WEB_SHORT).path
    ratios, costs, found, measurements = [], [], Findings(), []
    for recipe in (WEB, FIXED_GOP):
        clip = bench.shelf.clip(recipe)
        stages = without_models(settings)
        entries = [
            Entry(DECODE, DecodeAlone(clip.path, full.video.decode_threads)),
            Entry(SPARSE_WITHOUT_MODELS, Job(clip.path, settings, stages, warm_path, sees_every_frame=False)),
            Entry(SPARSE, Job(clip.path, settings, None, warm_path, sees_every_frame=False)),
        ]
        measured = bench.measure(clip.name, entries)
        measurements.append(measured)
        ratios += [ratio_row(clip.name, measured, [name], [DECODE]) for name in (SPARSE_WITHOUT_MODELS, SPARSE)]
        costs += cost_rows(clip, measured)
        values = paired_ratios(measured, [SPARSE_WITHOUT_MODELS], [DECODE], cpu)
        target = f"sparse pass / decode alone, CPU, {clip.name}"
        found.targets.append(
            Target(target, WANTED, True, values, if_missed=_TOO_SHORT if recipe is FIXED_GOP else _NEARLY)
        )
        found.clips[clip.name] = clip.description
        found.samples[clip.name] = measured.samples
    found.tables.extend([Table("Ratios", RATIO_COLUMNS, ratios), Table("Seconds and memory", COST_COLUMNS, costs)])
    found.notes.extend(left_out(measurements))
    return found
