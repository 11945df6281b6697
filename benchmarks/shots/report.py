"""The Markdown report: who found what, at which cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.shots.truth import CUT_TOLERANCE, KINDS, SOFT_TOLERANCE, Clip, Score, Transition

_CONVENTION = f"""\
A start is right within {CUT_TOLERANCE} frame of a cut, or inside a dissolve or fade or at most {SOFT_TOLERANCE} frames
outside it. Each start and each transition is used once, so a second start inside one fade is false. CPU is user plus
system time of all threads for making the small picture and detecting, per frame; decoding and loading are left out."""


@dataclass(frozen=True)
class Outcome:
    """Result of one detector on one clip.

    Attributes:
        false: frame indices of starts that are no transition.
        missed: transitions without a start.
    """

    detector: str
    clip: Clip
    score: Score
    false: tuple[int, ...]
    missed: tuple[Transition, ...]
    num_frames: int
    cpu_seconds: float


def render(outcomes: Sequence[Outcome], *, machine: str, command: str) -> str:
    """The whole report."""
    detectors = list(dict.fromkeys(outcome.detector for outcome in outcomes))
    clips = list(dict.fromkeys(outcome.clip.name for outcome in outcomes))
    groups = {"labelled clips": [name for name in clips if not name.startswith("made: ")]}
    groups["made edits"] = [name for name in clips if name.startswith("made: ")]
    totals = [
        _total_row(
            detector, group, [each for each in outcomes if each.detector == detector and each.clip.name in names]
        )
        for group, names in groups.items()
        if names
        for detector in detectors
    ]
    rows = [_clip_row([each for each in outcomes if each.clip.name == name]) for name in clips]
    headings = (
        "clips",
        "detector",
        "precision",
        "recall",
        "F1",
        *(f"{kind}s" for kind in KINDS),
        "false",
        "CPU ms/frame",
    )
    parts = [
        "# Shot detectors",
        f"`{command}`  \n{machine}",
        _CONVENTION,
        _table(headings, totals),
        "Found of those there, and false starts, by clip:",
        _table(("clip", "frames", "there", *detectors), rows),
    ]
    return "\n\n".join(parts) + "\n"


def _total_row(detector: str, group: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    total = sum((outcome.score for outcome in outcomes), Score())
    milliseconds = 1000 * sum(each.cpu_seconds for each in outcomes) / max(1, sum(each.num_frames for each in outcomes))
    return (
        group,
        detector,
        *map(_number, (total.precision, total.recall, total.f1)),
        *(_found_of_kind(kind, outcomes) for kind in KINDS),
        str(total.num_false),
        f"{milliseconds:.1f}",
    )


def _found_of_kind(kind: str, outcomes: Iterable[Outcome]) -> str:
    num_there = num_missed = 0
    for outcome in outcomes:
        num_there += sum(each.kind == kind for each in outcome.clip.transitions)
        num_missed += sum(each.kind == kind for each in outcome.missed)
    return f"{num_there - num_missed}/{num_there}" if num_there else "-"


def _clip_row(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    clip = outcomes[0].clip
    there = [f"{sum(each.kind == kind for each in clip.transitions)} {kind}" for kind in KINDS]
    return (
        clip.name,
        str(outcomes[0].num_frames),
        ", ".join(text for text in there if not text.startswith("0 ")),
        *(f"{each.score.num_found}, {each.score.num_false} false" for each in outcomes),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up as plain text too."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [headings, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
