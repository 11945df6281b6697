"""The Markdown page: what was promised and what came out, then each section with its tables and how to read them."""

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.findings import Record, Table, Target, spread
from benchmarks.sections import section

_INTRODUCTION = """\
Decoding and models are the whole cost; everything else should be noise. This page measures how far that is true. It is
made by `{command}`.

Every contestant lives in a process of its own, which has imported its libraries, loaded its models and done something
short before the clock runs. The contestants of a section take turns, each repetition beginning with another one, so
that a machine that slows down slows all of them. A ratio is taken within each repetition. Values are the median of all
repetitions, with (least-greatest) behind it. CPU is user plus system time of all threads and child processes; peak
memory is that of the process during the run, without its children; start is the interpreter, the imports and the
models, and is in no ratio. Every contestant's process is set up as the engine's own is: no thread spins while it waits
(`OMP_WAIT_POLICY=PASSIVE`), and freed memory is kept. A ratio of 1 means that both cost the same."""
_QUICK_NOTE = (
    "> **A quick run:** tiny clips and few repetitions show that the benchmarks work. The numbers below mean nothing."
)


def render(records: Sequence[Record]) -> str:
    """The whole page, sections in the order given.

    Args:
        records: one per section that was measured; at least one.
    """
    machines = list(dict.fromkeys(record.machine for record in records))
    parts = ["# Performance", _INTRODUCTION.format(command="uv run python -m benchmarks")]
    if any(record.is_quick for record in records):
        parts.append(_QUICK_NOTE)
    parts += ["Machine: " + machines[0] if len(machines) == 1 else "The machine stands below each section."]
    targets = [target for record in records for target in record.findings.targets]
    if targets:
        parts += ["## Targets", table(("target", "wanted", "measured", "verdict"), list(map(_target_row, targets)))]
        parts += _causes(targets)
    for record in records:
        parts += _section(record, with_machine=len(machines) > 1)
    clips = {name: about for record in records for name, about in record.findings.clips.items()}
    if clips:
        parts += ["## Clips", _CLIPS, "\n".join(f"- {name}: {about}" for name, about in clips.items())]
    return "\n\n".join(parts) + "\n"


_CLIPS = """\
Made once by recipe (`benchmarks/recipes.py`) and kept in the temporary folder: short pieces of the source videos one
after the other with a hard cut between them, each piece cropped, turned in hue and mirrored by lot, enlarged, with
temporal grain so that decoding costs what real video costs. `--sources FOLDER` takes other videos to make them of."""


def _section(record: Record, *, with_machine: bool) -> list[str]:
    module = section(record.section)
    parts = [f"## {module.TITLE}", module.ABOUT, f"`{record.command}` ({record.minutes:.0f} minutes)"]
    if with_machine:
        parts.append(f"Machine: {record.machine}")
    for table in record.findings.tables:
        parts += [f"### {table.heading}", _rendered(table)]
    if record.findings.notes:
        parts.append("\n".join(f"- {note}" for note in record.findings.notes))
    return parts


def _target_row(target: Target) -> tuple[str, ...]:
    unit = f" {target.unit}" if target.unit else ""
    wanted = f"{'at most' if target.is_at_most else 'at least'} {target.wanted:.2f}{unit}"
    if not target.values:
        return (target.name, wanted, "-", target.verdict)
    # One more digit where the median would look like the limit itself.
    digits = 3 if f"{median(target.values):.2f}" == f"{target.wanted:.2f}" else 2
    measured = spread(target.values, digits=digits) if len(target.values) > 1 else f"{target.values[0]:.{digits}f}"
    return (target.name, wanted, measured + unit, target.verdict)


def _causes(targets: Sequence[Target]) -> list[str]:
    lines = [
        f"- {target.name}: {target.verdict}{f': {target.if_missed}' if target.if_missed else ''}."
        for target in targets
        if target.verdict != "PASS"
    ]
    return ["Not met:", "\n".join(lines)] if lines else []


def _rendered(contents: Table) -> str:
    return table(contents.columns, contents.rows)


def rows_by_owner(found: Mapping[str, Mapping[str, float]], *, digits: int) -> list[tuple[str, ...]]:
    """A row per owner of costs, a column per video, and their sums.

    >>> rows_by_owner({"one": {"a": 1.0, "b": 2.0}, "two": {"b": 4.0}}, digits=1)
    [('a', '1.0', '0.0'), ('b', '2.0', '4.0'), ('all', '3.0', '4.0')]
    """
    names = list(dict.fromkeys(name for own in found.values() for name in own))
    rows = [(name, *(f"{own.get(name, 0.0):.{digits}f}" for own in found.values())) for name in names]
    return [*rows, ("all", *(f"{sum(own.values()):.{digits}f}" for own in found.values()))]


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up as plain text too."""
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
