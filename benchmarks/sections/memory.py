"""Peak memory beyond the loaded models: of large frames, and of a short and a very long video."""

from benchmarks.bench import Bench, left_out
from benchmarks.findings import Findings, Table, Target
from benchmarks.jobs import Job
from benchmarks.measure import Entry, Measurement
from benchmarks.recipes import HEVC_4K, LOOP

TITLE = "Memory"
ABOUT = """\
Most resident memory of the process while it runs the full pass, less what it held with its models loaded and nothing
done. Each video has a process of its own and is its first: what libraries take when they are first used is counted."""

_LONG, _QUICK_LONG = 60, 2
WANTED_BYTES = 1_500_000_000
# One tenth of the above: what an hour may take more than a minute (its rows of `frames`, for one).
WANTED_GROWTH_BYTES = 150_000_000
_GIGA = 1e9


def measure(bench: Bench) -> Findings:
    """One run per video: memory hardly varies, and a second run in the same process would start from a full heap."""
    settings = bench.settings()
    short, long = (bench.shelf.loop(LOOP, num_times=n) for n in (1, _QUICK_LONG if bench.is_quick else _LONG))
    clips = [bench.shelf.clip(HEVC_4K), short, long]
    rows, found, beyond, measurements = [], Findings(), {}, []
    for clip in clips:
        measured = bench.measure("memory", [Entry(clip.name, Job(clip.path, settings))], num_runs=1)
        measurements.append(measured)
        loaded, peak = _sizes(measured, clip.name)
        found.clips[clip.name] = clip.description
        found.samples[clip.name] = measured.samples
        if loaded is None or peak is None:
            continue
        beyond[clip.name] = peak - loaded
        work = measured.samples[clip.name][0].done
        rows.append((clip.name, work, *(f"{size / _GIGA:.2f}" for size in (loaded, peak, peak - loaded))))
    found.tables.append(Table("Gigabytes", ("clip", "work", "models loaded", "peak", "beyond the models"), rows))
    for clip in clips:
        values = [beyond[clip.name] / _GIGA] if clip.name in beyond else []
        target = Target(f"peak memory beyond the models, {clip.name}", WANTED_BYTES / _GIGA, True, values, "GB")
        found.targets.append(target)
    growth = [(beyond[long.name] - beyond[short.name]) / _GIGA] if len(beyond) == len(clips) else []
    name = f"memory of {long.name} less that of {short.name}"
    found.targets.append(Target(name, WANTED_GROWTH_BYTES / _GIGA, True, growth, "GB"))
    found.notes.extend(left_out(measurements))
    return found


def _sizes(measured: Measurement, name: str) -> tuple[int | None, int | None]:
    return measured.starts[name].resident_bytes, measured.samples[name][0].peak_bytes
