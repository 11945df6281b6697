"""The record of every time that the numbers of a folder of labels were looked at.

Settings that were tried often enough fit the labels by luck: a figure means less with each look that came before it.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

_COLUMNS = ("time", "settings", "figures")


@dataclass(frozen=True)
class Look:
    """One look: when (UTC), at ours with which settings, and the figures that were seen."""

    time: str
    settings: str
    figures: str


def note_look(path: Path, settings: str, figures: Mapping[str, str], *, now: datetime | None = None) -> list[Look]:
    """Adds a look to the record, and gives all of them.

    Args:
        path: a TSV file, made where it is missing.
        settings: of ours.
        figures: by name.
        now: None takes the clock.
    """
    time = (now or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%SZ")
    look = Look(time, settings, "; ".join(f"{name} {value}" for name, value in figures.items()))
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        if is_new:
            writer.writerow(_COLUMNS)
        writer.writerow((look.time, look.settings, look.figures))
    return read_looks(path)


def read_looks(path: Path) -> list[Look]:
    """The looks so far, oldest first."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [Look(**row) for row in csv.DictReader(file, delimiter="\t")]


def told(looks: Sequence[Look]) -> str:
    """The record in one sentence.

    >>> told([Look("2026-11-29T04:00:00Z", "default", ""), Look("2026-11-29T05:00:00Z", "default a=1", "")])
    'The figures of ours were looked at 2 times in this work folder, with 2 different settings.'
    """
    kinds = len({look.settings for look in looks})
    if len(looks) == 1:
        return "The figures of ours were looked at once in this work folder."
    settings = "the same settings" if kinds == 1 else f"{kinds} different settings"
    return f"The figures of ours were looked at {len(looks)} times in this work folder, with {settings}."
