"""The sparse pass against decoding every frame."""

from pathlib import Path

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
from benchmarks.measure import Entry, Measurement
from benchmarks.recipes import FIXED_GOP, WEB, WEB_SHORT
from thumb_assets.settings.load import Settings

TITLE = "The sparse pass over decoding alone"
ABOUT = """\
With the profile `sparse` only keyframes are decoded and the few groups of pictures in which something happens. The job
without models, from hashing the file to the stills, is held against decoding every frame and doing nothing else: below
1 it is cheaper than any program that looks at every frame can be. Clips with few keyframes for their length are held
against the full pass too, than which it must not cost much more, also where it turns out not to be possible. How much
is lost in quality is measured by `python -m benchmarks.sparse_quality`."""

DECODE, SPARSE_WITHOUT_MODELS, SPARSE, FULL = "decode alone", "sparse without models", "sparse", "full"
_WANTED_OF_DECODING, _WANTED_OF_FULL = 0.22, 1.20
_NEARLY = (
    "a tenth of the video is decoded to find its shots, as the recall asks for; the networks on its candidates cost "
    "nearly as much, and the rest is the file's hash, its index and the stills"
)
_TOO_SHORT = "where sparse is refused, the file's packets were read for the estimate, and every frame is decoded"


def measure(bench: Bench) -> Findings:
    """Decode alone, and the sparse pass with and without models, over habits of placing keyframes."""
    settings = bench.settings(profile="sparse")
    warm_path = bench.shelf.clip(WEB_SHORT).path
    ratios, costs, found, measurements = [], [], Findings(), []
    for recipe in (WEB, FIXED_GOP, WEB_SHORT):
        clip = bench.shelf.clip(recipe)
        measured = bench.measure(clip.name, _entries(bench, clip.path, settings, warm_path, is_long=recipe is WEB))
        measurements.append(measured)
        ratios += [ratio_row(clip.name, measured, [name], [DECODE]) for name in (SPARSE_WITHOUT_MODELS, SPARSE)]
        if recipe is not WEB:
            ratios.append(ratio_row(clip.name, measured, [SPARSE], [FULL]))
        costs += cost_rows(clip, measured)
        found.targets.append(_target(clip.name, measured, is_long=recipe is WEB))
        found.clips[clip.name] = clip.description
        found.samples[clip.name] = measured.samples
    found.tables.extend([Table("Ratios", RATIO_COLUMNS, ratios), Table("Seconds and memory", COST_COLUMNS, costs)])
    found.notes.extend(left_out(measurements))
    return found


def _entries(bench: Bench, path: Path, settings: Settings, warm_path: Path, *, is_long: bool) -> list[Entry]:
    full, stages = bench.settings(), without_models(settings)
    entries = [
        Entry(DECODE, DecodeAlone(path, full.video.decode_threads)),
        Entry(SPARSE_WITHOUT_MODELS, Job(path, settings, stages, warm_path, sees_every_frame=False)),
        Entry(SPARSE, Job(path, settings, None, warm_path, sees_every_frame=False)),
    ]
    return entries if is_long else [*entries, Entry(FULL, Job(path, full, None, warm_path))]


def _target(clip_name: str, measured: Measurement, *, is_long: bool) -> Target:
    under, wanted, cause = (DECODE, _WANTED_OF_DECODING, _NEARLY) if is_long else (FULL, _WANTED_OF_FULL, _TOO_SHORT)
    name = f"sparse pass with all models / {'decoding' if is_long else 'full pass'}, CPU, {clip_name}"
    return Target(name, wanted, True, paired_ratios(measured, [SPARSE], [under], cpu), if_missed=cause)
