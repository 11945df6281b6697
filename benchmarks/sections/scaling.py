"""Cost against length and against number of videos."""

from benchmarks.bench import CPU_OVERRIDES, Bench, left_out
from benchmarks.clips import describe
from benchmarks.findings import Findings, Table, mebibytes, spread
from benchmarks.jobs import Job, ManyVideos
from benchmarks.measure import Entry, Measurement
from benchmarks.recipes import LOOP, two_seconds

TITLE = "Scaling"
ABOUT = """\
Both tables show that cost is proportional to the work: the cost per minute of one long video (a small clip copied
packet by packet again and again), and the cost per video of many very short ones by the bare engine, in one go. The
largest of each was run less often than the others."""

_MINUTES, _NUM_VIDEOS = (1, 10, 60), (10, 100, 1000)
_QUICK_TIMES, _QUICK_NUM_VIDEOS = (1, 2), (2, 3)


def measure(bench: Bench) -> Findings:
    """Two tables of costs per unit of work."""
    by_length, clips, of_length = _by_length(bench)
    by_number, of_number = _by_number(bench)
    return Findings(
        tables=[by_length, by_number],
        clips=clips,
        notes=left_out([of_length, of_number]),
        samples={"by length": of_length.samples, "by number": of_number.samples},
    )


def _by_length(bench: Bench) -> tuple[Table, dict[str, str], Measurement]:
    times = _QUICK_TIMES if bench.is_quick else _MINUTES
    clips = [bench.shelf.loop(LOOP, num_times=number) for number in times]
    settings = bench.settings()
    entries = [
        Entry(clip.name, Job(clip.path, settings, warm_path=clips[0].path, sees_every_frame=False), max_runs=max_runs)
        for clip, max_runs in zip(clips, _max_runs(bench, len(clips)), strict=True)
    ]
    measured = bench.measure("length", entries, num_runs=bench.few_runs)
    minutes = {clip.name: clip.seconds / 60 for clip in clips}
    columns = ("length", "work", "runs", "CPU s per minute", "wall s per minute", "peak MiB")
    names = {
        clip.name: f"{clip.seconds:.0f} s" if bench.is_quick else f"{minutes[clip.name]:.0f} min" for clip in clips
    }
    table = Table("Against length", columns, _rows(measured, names, minutes))
    return table, {clip.name: clip.description for clip in clips}, measured


def _by_number(bench: Bench) -> tuple[Table, Measurement]:
    numbers = _QUICK_NUM_VIDEOS if bench.is_quick else _NUM_VIDEOS
    paths = bench.shelf.many(two_seconds, numbers[-1])
    about = describe(paths[0], name="", about="").description.split(",")[:2]
    overrides = [*bench.overrides, *CPU_OVERRIDES]
    entries = [
        Entry(f"{number} videos", ManyVideos(paths[:number], overrides, "engine"), max_runs=max_runs)
        for number, max_runs in zip(numbers, _max_runs(bench, len(numbers)), strict=True)
    ]
    measured = bench.measure("number", entries, num_runs=bench.few_runs)
    units = {f"{number} videos": float(number) for number in numbers}
    columns = ("videos", "work", "runs", "CPU s per video", "wall s per video", "peak MiB")
    rows = _rows(measured, {name: name for name in units}, units)
    return Table(f"Against number of videos ({','.join(about)} each)", columns, rows), measured


def _max_runs(bench: Bench, number: int) -> list[int]:
    """The last and largest only once."""
    return [bench.few_runs] * (number - 1) + [1]


def _rows(measured: Measurement, names: dict[str, str], units: dict[str, float]) -> list[tuple[str, ...]]:
    return [
        (
            names[name],
            samples[0].done,
            str(len(samples)),
            spread([sample.cpu_seconds / units[name] for sample in samples]),
            spread([sample.wall_seconds / units[name] for sample in samples]),
            mebibytes([sample.peak_bytes for sample in samples]),
        )
        for name, samples in measured.samples.items()
    ]
