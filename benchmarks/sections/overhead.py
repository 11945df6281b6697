"""Cost of a video in a backfill beyond the engine's own work."""

from benchmarks.bench import CPU_OVERRIDES, Bench, left_out
from benchmarks.clips import describe
from benchmarks.findings import COST_COLUMNS, Cost, Findings, Table, Target, cost_rows, cpu, spread, wall
from benchmarks.jobs import ManyVideos
from benchmarks.measure import Entry, Measurement
from benchmarks.recipes import ten_seconds

TITLE = "Overhead per video"
ABOUT = """\
The same short videos by the bare engine (`pipeline.run`, its models loaded and warm), by the command line's way (the
engine in a child process, which imports and loads everything again), and by a backfill through Dagster (in runs of 25
videos that share such a child, with all records in Dagster's database). The overhead is the difference to the bare
engine, spread over the videos; it holds every start of a process and every load of a model.

Of the forty events of a video each is a transaction of SQLite, in a file that stays open; on PostgreSQL a run keeps one
connection."""

ENGINE, ISOLATED, DAGSTER = "bare engine", "run", "Dagster backfill"
_WANTED = {ISOLATED: 0.3, DAGSTER: 0.4}
_CAUSES = {
    DAGSTER: "a backfill does what the bare engine does not: twenty events a video written to SQLite, eleven checks "
    "(one decodes the stills again) and a timeline drawn by matplotlib take a tenth of a second each, less or more"
}
_NUM_VIDEOS, _NUM_QUICK_VIDEOS = 50, 2


def measure(bench: Bench) -> Findings:
    """Three ways through the same videos."""
    num_videos = _NUM_QUICK_VIDEOS if bench.is_quick else _NUM_VIDEOS
    paths = bench.shelf.many(ten_seconds, num_videos)
    clip = describe(paths[0], name=f"{num_videos} short clips", about="each of them; made of different pieces")
    overrides = [*bench.overrides, *CPU_OVERRIDES]
    entries = [
        Entry(ENGINE, ManyVideos(paths, overrides, "engine")),
        Entry(ISOLATED, ManyVideos(paths, overrides, "isolated")),
        Entry(DAGSTER, ManyVideos(paths, overrides, "dagster")),
    ]
    measured = bench.measure(clip.name, entries)
    rows, targets = [], []
    for name in (ISOLATED, DAGSTER):
        by_cost = [_overheads(measured, name, cost, num_videos) for cost in (cpu, wall)]
        rows.append((clip.name, name, *(spread(values) for values in by_cost)))
        targets += [
            Target(
                f"overhead per video, {name}, {word}", _WANTED[name], True, values, "s", if_missed=_CAUSES.get(name, "")
            )
            for word, values in zip(("CPU", "wall"), by_cost, strict=True)
        ]
    columns = ("clips", "way", "CPU s per video", "wall s per video")
    return Findings(
        tables=[
            Table("Beyond the bare engine", columns, rows),
            Table("Seconds and memory", COST_COLUMNS, cost_rows(clip, measured)),
        ],
        targets=targets,
        clips={clip.name: clip.description},
        notes=left_out([measured]),
        samples={clip.name: measured.samples},
    )


def _overheads(measured: Measurement, name: str, cost: Cost, num_videos: int) -> list[float]:
    pairs = zip(measured.samples[name], measured.samples[ENGINE], strict=True)
    return [(cost(sample) - cost(bare)) / num_videos for sample, bare in pairs]
