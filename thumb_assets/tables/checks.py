"""Checks on tables; each returns a verdict with counts and a sample."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from thumb_assets.tables.conform import contract_problems
from thumb_assets.tables.contracts import TABLES

_SAMPLE_SIZE = 5


@dataclass(frozen=True)
class Verdict:
    """The verdict of a check.

    Attributes:
        description: what was checked, one sentence.
        sample: the first problems, one line each.
        is_warning: a problem is worth a look, and nothing is wrong with what is stored.
    """

    description: str
    is_passed: bool
    num_checked: int
    num_failed: int
    sample: tuple[str, ...] = ()
    is_warning: bool = False

    @classmethod
    def of(
        cls,
        description: str,
        *,
        num_checked: int,
        problems: Iterable[str],
        num_failed: int | None = None,
        is_warning: bool = False,
    ) -> "Verdict":
        """Passed where there is no problem; `num_failed` is their number unless given."""
        found = tuple(problems)
        num = len(found) if num_failed is None else num_failed
        return cls(description, not found, num_checked, num, found[:_SAMPLE_SIZE], is_warning)

    @property
    def explanation(self) -> str:
        """Says what was checked; where it failed, the first problem before it.

        >>> Verdict.of("Every file is there.", num_checked=2, problems=["a.jpg is missing"]).explanation
        'Not so: a.jpg is missing. What was checked: Every file is there.'
        """
        if self.is_passed:
            return self.description
        more = f" (and {self.num_failed - 1} more)" if self.num_failed > 1 else ""
        return f"Not so: {self.sample[0]}{more}. What was checked: {self.description}"


def verify_contract(table_name: str, table: pa.Table) -> Verdict:
    """Checks that a stored table has the columns, types, values, order and key of its contract."""
    return Verdict.of(
        f"Table {table_name}: columns, types, nulls, choices, order and key are those of the contract.",
        num_checked=table.num_rows,
        problems=contract_problems(table_name, table),
    )


def scores_every_candidate(table_name: str) -> bool:
    """True for the tables of scorers, which have rows for every candidate; a candidate may have no face."""
    of_candidates = TABLES[table_name].lineage.get("frame_index") == (("candidate_frames", "frame_index"),)
    return of_candidates and table_name not in {"faces", "texts", "judgements"}


def verify_coverage(candidates: pa.Table, scores: pa.Table) -> Verdict:
    """Checks that every candidate frame has a row in every group of scores (every metric, where there are several).

    Args:
        candidates: table `candidate_frames` of one video.
        scores: a per-frame score table of the same video; it may score other frames as well.
    """
    wanted = set(candidates.column("frame_index").to_pylist())
    names = scores.column("metric").to_pylist() if "metric" in scores.column_names else [""] * scores.num_rows
    found: dict[str, set[int]] = {name: set() for name in names}
    for name, frame_index in zip(names, scores.column("frame_index").to_pylist(), strict=True):
        found[name].add(frame_index)
    problems = [
        f"candidate frame {frame_index} has no row{f' of {name}' if name else ''}"
        for name, covered in (found or {"": set()}).items()
        for frame_index in sorted(wanted - covered)
    ]
    return Verdict.of("Every candidate frame has a row of scores.", num_checked=len(wanted), problems=problems)


def verify_judgements(judgements: pa.Table) -> Verdict:
    """Checks that every candidate that the judge was to look at has a score.

    Args:
        judgements: table `judgements` of one video.
    """
    rows = judgements.select(["frame_index", "error"]).to_pylist()
    problems = [f"frame {row['frame_index']}: {row['error']}" for row in rows if row["error"] is not None]
    about = "Every candidate that the judge was to look at has a score."
    return Verdict.of(about, num_checked=len(rows), problems=problems)
