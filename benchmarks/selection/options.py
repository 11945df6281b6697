"""Options that the comparisons of choices share."""

from collections.abc import Sequence

import click


def contestants_named(text: str | None, contestants: Sequence[str]) -> list[str]:
    """The contestants of a comma-separated list, all by default.

    Raises:
        click.UsageError: there is no such contestant.
    """
    names = text.split(",") if text else list(contestants)
    unknown = sorted(set(names) - set(contestants))
    if unknown:
        raise click.UsageError(f"there is no contestant {', '.join(unknown)}; there are {', '.join(contestants)}")
    return names
