"""Findings of `benchmarks.footage.tune`, kept as data in the repository, and their part of the page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.footage.head import FEATURES
from benchmarks.footage.tuning import NUM_ERRORS, POINTS
from benchmarks.page import table

_ABOUT = """\
A setting is judged by its points ({worth}). *By steps* starts at the defaults and takes the one change that gains most,
while it gains more than {num_errors:g} standard errors over the sources: what is within noise moves nothing. *Best* has
the most points, noise or not. *Left out*: each source is chosen for by a setting in which it had no say. The defaults
are what *by steps* finds on all clips. The learned head is a logistic model of wanted against bad candidates
({features}: percentiles within the video), alone or beside the weights."""
# Of what the folds found the commonest are told.
_NUM_KINDS = 2
NO_CHANGE = "the defaults"
TUNED = Path(__file__).with_name("tuned.json")


@dataclass(frozen=True)
class Tuned:
    """A run of the command.

    Attributes:
        date: of the run, UTC.
        about: clips, sources and settings tried, one sentence.
        seed: of the draws.
        space: values tried, by setting within `selection`.
        chosen: the value of each that was found by steps on all clips: what the defaults have to be.
        results: by name of a way of choosing, its sums; see `tuning.numbers`.
        single: by `setting=value`, one change of the defaults: points above them, and their standard error.
        folds: by source that was left out, the settings chosen without it: by steps, and the best.
        looks: how often the figures were looked at, a sentence.
    """

    date: str
    about: str
    seed: int
    space: Mapping[str, Sequence[float]]
    chosen: Mapping[str, float]
    results: Mapping[str, Mapping[str, float]]
    single: Mapping[str, Sequence[float]]
    folds: Mapping[str, Mapping[str, str]]
    looks: str

    def write(self, path: Path) -> None:
        """Writes it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def read_tuned(path: Path = TUNED) -> Tuned:
    """Reads what `write` wrote."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Tuned(**found)


def rendered(tuned: Tuned) -> str:
    """The section of the page: each way of choosing, what single settings do, and what the folds chose."""
    worth = ", ".join(f"{name.replace('_', ' ')} {value:+g}" for name, value in POINTS.items())
    parts = [
        f"`uv run python -m benchmarks.footage.tune`, {tuned.date}. {tuned.about} {tuned.looks}",
        _ABOUT.format(worth=worth, num_errors=NUM_ERRORS, features=", ".join(FEATURES)),
        table(("settings", *HEADINGS), [(name, *cells(found)) for name, found in tuned.results.items()]),
        "One change of the defaults, the greatest gains and losses (points, with their standard error):",
        _single(tuned),
        _folds(tuned),
    ]
    return "\n\n".join(parts)


HEADINGS = ("bad in top 1", "bad picks", "moments", "repeats", "screens", "points")


def cells(found: Mapping[str, float]) -> tuple[str, ...]:
    """Sums of one way of choosing, as HEADINGS."""
    return (
        f"{found['first_bad']:g}",
        f"{found['bad']:g} of {found['picks']:g}",
        f"{found['moments']:g} of {found['findable']:g}",
        f"{found['repeats']:g}",
        f"{found['screens']:g} of {found['all_screens']:g}",
        f"{sum(worth * found[name] for name, worth in POINTS.items()):.1f}",
    )


def _single(tuned: Tuned, *, number: int = 8) -> str:
    changes = sorted(tuned.single.items(), key=lambda item: -item[1][0])
    shown = changes if len(changes) <= 2 * number else [*changes[:number], *changes[-number:]]
    return table(
        ("change", "points", "error"), [(f"`{name}`", f"{gain:+.1f}", f"{error:.1f}") for name, (gain, error) in shown]
    )


def _folds(tuned: Tuned) -> str:
    """Number of folds in which each setting was found, one source left out of each."""
    lines = []
    for way in next(iter(tuned.folds.values()), {}):
        found = [fold[way] for fold in tuned.folds.values()]
        kinds = sorted(set(found), key=lambda each: (-found.count(each), each))
        told = "; ".join(f"{kind} ({found.count(kind)})" for kind in kinds[:_NUM_KINDS])
        # Settings in which no source had a say, whatever is measured with them.
        follows = " Other tables of the defaults are therefore cross-validated ones." if kinds == [NO_CHANGE] else ""
        lines.append(
            f"- Found {way} in {len(found)} folds: {told}{'; others' if len(kinds) > _NUM_KINDS else ''}.{follows}"
        )
    return "\n".join(lines)
