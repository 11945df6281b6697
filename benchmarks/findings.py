"""Findings of a section: tables and targets, kept as JSON so that a page can be put together from several runs."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.clips import Clip
from benchmarks.measure import Measurement, Sample

Cost = Callable[[Sample], float]


def cpu(sample: Sample) -> float:
    """CPU seconds."""
    return sample.cpu_seconds


def wall(sample: Sample) -> float:
    """Wall seconds."""
    return sample.wall_seconds


@dataclass(frozen=True)
class Table:
    """A table of the report, cells as text."""

    heading: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Target:
    """A number that was promised and the numbers that were measured, one per repetition.

    Attributes:
        wanted: the limit of the median.
        is_at_most: whether the median may not be greater; else not less.
        values: empty where it could not be measured.
        unit: behind the numbers.
        if_missed: the cause, told where the target is missed; or why it was not measured.
    """

    name: str
    wanted: float
    is_at_most: bool
    values: list[float]
    unit: str = ""
    if_missed: str = ""

    @property
    def verdict(self) -> str:
        """PASS, MISSED or not measured; judged on the median as measured, not as printed."""
        if not self.values:
            return "not measured"
        value = median(self.values)
        return "PASS" if (value <= self.wanted if self.is_at_most else value >= self.wanted) else "MISSED"


@dataclass(frozen=True)
class Findings:
    """All that a section has to say, without prose.

    Attributes:
        targets: what was promised.
        clips: name and description of each clip.
        notes: one line each: what was left out, what to know when reading the numbers.
        samples: the raw repetitions, by clip and contestant; kept, not shown.
    """

    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    clips: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A section's findings, and where, when and how they came about."""

    section: str
    command: str
    machine: str
    num_runs: int
    is_quick: bool
    minutes: float
    findings: Findings


def save(record: Record, folder: Path) -> None:
    """Writes `SECTION.json` into the folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(record), indent=1)
    (folder / f"{record.section}.json").write_text(text + "\n", encoding="utf-8")


def load(section: str, folder: Path) -> Record | None:
    """The record of a section; None where there is none."""
    path = folder / f"{section}.json"
    if not path.exists():
        return None
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found = values.pop("findings")
    findings = Findings(
        tables=[
            Table(table["heading"], tuple(table["columns"]), [tuple(row) for row in table["rows"]])
            for table in found["tables"]
        ],
        targets=[Target(**target) for target in found["targets"]],
        clips=found["clips"],
        notes=found["notes"],
        samples={
            clip: {name: [Sample(**sample) for sample in samples] for name, samples in by_name.items()}
            for clip, by_name in found["samples"].items()
        },
    )
    return Record(**values, findings=findings)


def spread(values: Sequence[float], *, digits: int = 2) -> str:
    """Median, least and greatest of one number or more.

    >>> spread([2.0, 1.0, 4.0])
    '2.00 (1.00-4.00)'
    """
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def paired_ratios(measurement: Measurement, over: Sequence[str], under: Sequence[str], cost: Cost) -> list[float]:
    """Sum of some contestants' costs over the sum of others', for each repetition that all of them were in."""
    samples = measurement.samples
    repetitions = zip(*(samples[name] for name in (*over, *under)), strict=False)
    split = len(over)
    return [sum(map(cost, costs[:split])) / sum(map(cost, costs[split:])) for costs in repetitions]


def ratio_row(
    label: str, measurement: Measurement, over: Sequence[str], under: Sequence[str]
) -> tuple[str, str, str, str]:
    """Label, what is divided by what, spread of the CPU ratio, of the wall ratio."""
    below = under[0] if len(under) == 1 else f"({' + '.join(under)})"
    what = f"{' + '.join(over)} / {below}"
    ratios = [spread(paired_ratios(measurement, over, under, cost)) for cost in (cpu, wall)]
    return (label, what, ratios[0], ratios[1])


COST_COLUMNS = ("clip", "contestant", "work", "runs", "CPU s", "wall s", "peak MiB", "start CPU s")
RATIO_COLUMNS = ("clip", "ratio", "CPU", "wall")


def cost_rows(clip: Clip, measurement: Measurement) -> list[tuple[str, ...]]:
    """A row per contestant; see COST_COLUMNS."""
    return [
        (
            clip.name,
            name,
            samples[0].done,
            str(len(samples)),
            spread([sample.cpu_seconds for sample in samples]),
            spread([sample.wall_seconds for sample in samples]),
            mebibytes([sample.peak_bytes for sample in samples]),
            f"{measurement.starts[name].cpu_seconds:.1f}",
        )
        for name, samples in measurement.samples.items()
    ]


def mebibytes(sizes: Sequence[int | None]) -> str:
    """The greatest of some sizes."""
    known = [size for size in sizes if size is not None]
    return f"{max(known) / 2**20:.0f}" if known else "unknown"
