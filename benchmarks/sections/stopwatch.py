"""A user's stopwatch: from the command to the files, with nothing warm."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.clips import Clip, describe
from benchmarks.contestants import DecodeAlone
from benchmarks.findings import (
    COST_COLUMNS,
    RATIO_COLUMNS,
    Findings,
    Table,
    Target,
    cost_rows,
    cpu,
    ratio_row,
)
from benchmarks.measure import Entry, Measurement
from benchmarks.recipes import WEB, five_seconds
from benchmarks.stopwatch import Ours, OursAgain, SaveImagesCommand, ThumbnailCommand, TutorialCommand

TITLE = "A user's stopwatch"
ABOUT = """\
Whole commands, each started anew: interpreter, imports, models, the library's folder, the work, the files on disk. The
clock runs from the command to its end. `thumb-assets run` writes into a new data folder with the default settings, or
with `--profile sparse`; FFmpeg's `thumbnail` filter and PySceneDetect's `save-images` are started once per video; the
tutorial's script (`python -m benchmarks.stopwatch`) takes three candidates of each scene, loads its models once for all
videos and extracts the three best again. Memory is the most that a command and its children held at one moment, looked
at ten times a second; a page that several of them share counts once. `run, again` has nothing to do. A ratio is theirs
over ours: above 1 ours costs less."""

FULL, SPARSE, THUMBNAIL, SAVE_IMAGES, TUTORIAL, DECODE = (
    "run",
    "run, sparse",
    "FFmpeg thumbnail",
    "PySceneDetect save-images",
    "tutorial's script",
    "decode alone, warm",
)
AGAIN, SHOW, HELP = "run, again", "show", "--help"
_MOST_CPU_OF_SHORT, _MOST_CPU = 2.0, {HELP: 0.25, SHOW: 0.5, AGAIN: 0.6}
_MOST_MEGABYTES = 600.0
_NUM_SHORT, _NUM_QUICK = 50, 2


def measure(bench: Bench) -> Findings:
    """One short clip, one long one, many short ones; and the commands that have nothing to decode."""
    found, ratios, costs = Findings(), [], []
    short = bench.shelf.many(five_seconds, _NUM_QUICK if bench.is_quick else _NUM_SHORT)
    one, many = (
        describe(short[0], name="short-360p", about="a cut every few seconds"),
        describe(short[0], name=f"{len(short)} short clips", about="each of them; made of different pieces"),
    )
    cases: list[tuple[Clip, Sequence[Path]]] = [(one, short[:1]), (bench.shelf.clip(WEB), []), (many, short)]
    for clip, paths in cases:
        measured = bench.measure(clip.name, _entries(bench, paths or [clip.path], is_short=clip is one))
        ratios += [
            ratio_row(clip.name, measured, [theirs], [mine])
            for theirs in (THUMBNAIL, SAVE_IMAGES, TUTORIAL)
            for mine in (FULL, SPARSE)
        ]
        costs += cost_rows(clip, measured)
        found.clips[clip.name] = clip.description
        found.samples[clip.name] = measured.samples
        if clip is one:
            found.targets.extend(_targets(measured))
        found.targets.extend(_memory_targets(clip.name, measured))
    # Of processes that only start others: nothing is in their start that a reader would want to know.
    costs = [row[:-1] for row in costs]
    found.tables.extend([Table("Ratios", RATIO_COLUMNS, ratios), Table("Seconds and memory", COST_COLUMNS[:-1], costs)])
    return found


def _entries(bench: Bench, paths: Sequence[Path], *, is_short: bool) -> list[Entry]:
    overrides = bench.overrides
    few = bench.few_runs if is_short else 1  # the others take minutes, and are far apart
    entries = [
        Entry(FULL, Ours(paths, overrides=overrides)),
        Entry(SPARSE, Ours(paths, "sparse", overrides)),
        Entry(THUMBNAIL, ThumbnailCommand(paths), max_runs=few),
        Entry(SAVE_IMAGES, SaveImagesCommand(paths), max_runs=few),
        Entry(TUTORIAL, TutorialCommand(paths), max_runs=few),
    ]
    if not is_short:
        return entries
    again = [
        Entry(name, OursAgain(paths, (argument,), overrides))
        for name, argument in ((AGAIN, "run"), (SHOW, "show"), (HELP, "--help"))
    ]
    return [*entries, *again, Entry(DECODE, DecodeAlone(paths[0], bench.settings().video.decode_threads))]


def _targets(measured: Measurement) -> list[Target]:
    """The promises, in CPU seconds: a machine that is busy with other things keeps a clock waiting."""
    pairs = zip(measured.samples[FULL], measured.samples[DECODE], strict=False)
    beyond = [cpu(run) - 2 * cpu(decode) for run, decode in pairs]
    name = "from the command to the files, 5 s of 360p, less 2 x decoding, CPU"
    targets = [Target(name, _MOST_CPU_OF_SHORT, True, beyond, "s")]
    targets += [
        Target(f"{name}, CPU", most, True, list(map(cpu, measured.samples[name])), "s")
        for name, most in _MOST_CPU.items()
    ]
    return targets


def _memory_targets(clip_name: str, measured: Measurement) -> list[Target]:
    peaks = [sample.peak_bytes / 1e6 for sample in measured.samples[FULL] if sample.peak_bytes is not None]
    return [Target(f"most memory of {FULL}, {clip_name}", _MOST_MEGABYTES, True, peaks, "MB")]
