"""The command: `uv run python -m benchmarks [--section NAME]... [--runs N] [--output FILE]`."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.bench import Bench
from benchmarks.clips import ClipShelf
from benchmarks.findings import Record, load, save
from benchmarks.machine import describe_machine
from benchmarks.page import render
from benchmarks.sections import NAMES, section
from thumb_assets.errors import ThumbAssetsError

_RESULTS = Path(__file__).parent / "results"
# Begins what people add to a page.
_BY_HAND = "<!-- by hand -->"


@click.command()
@click.option("--section", "names", multiple=True, type=click.Choice(NAMES), help="Only this one; may be repeated.")
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Repetitions; 5 or more to trust.")
@click.option("--quick", is_flag=True, help="Tiny clips, to see that all works; its numbers mean nothing.")
@click.option(
    "--sources",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of videos to make the clips of, instead of the packaged ones.",
)
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting, as video.decode_threads=1.")
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    default=_RESULTS,
    help="Where each section's numbers are kept, and found again for the page.  [default: benchmarks/results]",
)
@click.option("--from-results", is_flag=True, help="Measure nothing: make the page of what is kept.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to this file too.")
def main(
    *,
    names: tuple[str, ...],
    runs: int,
    quick: bool,
    sources: Path | None,
    overrides: tuple[str, ...],
    results: Path,
    from_results: bool,
    output: Path | None,
) -> None:
    """Measure ours against its limits and against other tools, and print a Markdown page.

    The page holds the sections measured now and those kept in the results folder from before.
    """
    if not from_results:
        shelf = ClipShelf(sources, is_quick=quick)
        with _progress() as on_step:
            bench = Bench(shelf, runs, overrides, on_step)
            for name in [name for name in NAMES if not names or name in names]:
                command = _command(name, runs, quick=quick, sources=sources, overrides=overrides)
                try:
                    save(_measured(name, bench, command), results)
                except ThumbAssetsError as error:
                    raise click.ClickException(f"{name}: {error}") from error
    records = [record for record in (load(name, results) for name in NAMES) if record is not None]
    if not records:
        raise click.ClickException("there are no results to make a page of: measure something first")
    page = render(records)
    click.echo(page, nl=False)
    if output:
        output.write_text(page + _written_by_hand(output), encoding="utf-8")


def _written_by_hand(page: Path) -> str:
    """The end of an earlier page, which no run measures: kept."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    place = text.find(_BY_HAND)
    return "" if place < 0 else f"\n{text[place:]}"


def _measured(name: str, bench: Bench, command: str) -> Record:
    begin = time.monotonic()
    findings = section(name).measure(bench)
    minutes = (time.monotonic() - begin) / 60
    return Record(name, command, describe_machine(), bench.num_runs, bench.is_quick, minutes, findings)


def _command(name: str, runs: int, *, quick: bool, sources: Path | None, overrides: Sequence[str]) -> str:
    """The command that measures this section; of a path only its last part, since the page is made to be shown."""
    options = [f"--section {name}", f"--runs {runs}", *(["--quick"] if quick else [])]
    options += [f"--sources {sources.name}"] if sources else []
    given = (override.partition("=") for override in overrides)
    options += [f"--set {setting}={value.rpartition('/')[2]}" for setting, _, value in given]
    return " ".join(["uv run python -m benchmarks", *options])


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("")
        yield lambda description: progress.update(task, description=description)


if __name__ == "__main__":
    main()
