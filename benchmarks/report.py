"""The Markdown report: which machine and command, ratios over the limit, seconds and memory behind them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measure import DECODE, JOB, JOB_WITHOUT_MODELS, MODELS, Measurement, Sample

_INTRODUCTION = """\
The limit is what cannot be saved: decoding every frame with the same library and threads (PyAV, demux and decode,
nothing else) and the models' forward passes over the same candidate frames. A ratio is the job over its limit, taken
within each repetition, so 1 is perfect. The job is everything from hashing the file to the catalog. CPU is user plus
system time of all threads. Values are medians of {num_runs} interleaved repetitions, (least-most) behind them."""
_START_NOTE = "Start (interpreter, imports, models) is in no ratio. Peak memory is the process's, start included."

# (numerator, denominators, heading)
_RATIOS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (JOB_WITHOUT_MODELS, (DECODE,), "job without models / decode alone"),
    (JOB, (DECODE, MODELS), "job / (decode + models)"),
)
_STAGE_NOTES = {
    "faces": "faces (off, or its model is not here)",
    "clip_scores": "clip_scores (no CLIP weights here; `thumb-assets models list` says how to supply them)",
    "iqa_scores": "iqa_scores (needs the extra `iqa`, and weights for some metrics)",
}


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of a few numbers."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of one number or more.

        >>> str(Spread.of([2.0, 1.0, 4.0]))
        '2.00 (1.00-4.00)'
        """
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}-{self.most:.2f})"


def render(measurements: Sequence[Measurement], *, machine: str, command: str, num_runs: int) -> str:
    """The whole report."""
    unavailable = {stage for found in measurements for start in found.starts.values() for stage in start.unavailable}
    left_out = [f"Left out: {_STAGE_NOTES[stage]}." for stage in sorted(unavailable)]
    parts = [
        "# The whole job over its limit",
        f"`{command}`  \n{machine}",
        _INTRODUCTION.format(num_runs=num_runs),
        "## Ratios",
        _table(("clip", "ratio", "CPU", "wall"), [row for found in measurements for row in _ratio_rows(found)]),
        "## Seconds and memory",
        _table(
            ("clip", "contestant", "work", "CPU s", "wall s", "peak MiB", "start CPU s"),
            [row for found in measurements for row in _cost_rows(found)],
        ),
        "\n".join([_START_NOTE, *left_out]),
        "\n".join(f"- {found.clip.name}: {found.clip.description}" for found in measurements),
    ]
    return "\n\n".join(parts) + "\n"


def paired_ratios(
    measurement: Measurement, job: str, limits: Sequence[str], cost: Callable[[Sample], float]
) -> list[float]:
    """The job's cost over the sum of its limits, for each repetition."""
    samples = measurement.samples
    together = zip(samples[job], *(samples[limit] for limit in limits), strict=True)
    return [cost(of_job) / sum(map(cost, of_limits)) for of_job, *of_limits in together]


def _ratio_rows(measurement: Measurement) -> list[tuple[str, ...]]:
    return [
        (
            measurement.clip.name,
            heading,
            str(Spread.of(paired_ratios(measurement, job, limits, lambda sample: sample.cpu_seconds))),
            str(Spread.of(paired_ratios(measurement, job, limits, lambda sample: sample.wall_seconds))),
        )
        for job, limits, heading in _RATIOS
        if job in measurement.samples
    ]


def _cost_rows(measurement: Measurement) -> list[tuple[str, ...]]:
    return [
        (
            measurement.clip.name,
            name,
            samples[0].done,
            str(Spread.of([sample.cpu_seconds for sample in samples])),
            str(Spread.of([sample.wall_seconds for sample in samples])),
            # Before `models alone` is measured, its process has decoded the video to get its pictures.
            "" if name == MODELS else _peak_mebibytes(samples),
            f"{measurement.starts[name].cpu_seconds:.1f}",
        )
        for name, samples in measurement.samples.items()
    ]


def _peak_mebibytes(samples: Sequence[Sample]) -> str:
    peaks = [sample.peak_bytes for sample in samples if sample.peak_bytes is not None]
    return f"{max(peaks) / 2**20:.0f}" if peaks else "unknown"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up as plain text too."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [headings, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
