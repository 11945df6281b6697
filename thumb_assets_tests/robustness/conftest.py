"""Prints the result of the corpus of damaged files at the end of the run, whether it passed or not."""

from collections import Counter
from collections.abc import Sequence

import pytest

from thumb_assets_tests.robustness.pool import CaseResult

_RESULTS = pytest.StashKey[list[CaseResult]]()


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> list[CaseResult]:
    """Collects the result of every case."""
    return request.config.stash.setdefault(_RESULTS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Writes the counts below the failures."""
    collected = config.stash.get(_RESULTS, [])
    if collected:
        terminalreporter.section("damaged files")
        for line in _summary(collected):
            terminalreporter.write_line(line)


def _summary(results: Sequence[CaseResult]) -> list[str]:
    outcomes = Counter(result.outcome for result in results)
    by_recipe: dict[str, Counter[str]] = {}
    for result in results:
        by_recipe.setdefault(result.name.split("|")[1], Counter())[result.outcome.split(" ")[0]] += 1
    slowest = max(results, key=lambda result: result.seconds)
    num_failed = sum(bool(result.problems) for result in results)
    counts = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())
    return [
        f"{len(results)} cases: {counts}; {num_failed} with problems",
        *(
            f"  {recipe}: " + ", ".join(f"{number} {outcome}" for outcome, number in counted.most_common())
            for recipe, counted in sorted(by_recipe.items())
        ),
        f"slowest: {slowest.name}, {slowest.seconds:.1f} s",
    ]
