"""The command: `uv run python -m benchmarks [--runs N] [--clip PATH] [--no-models] [--output FILE]`."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.clips import default_clips, describe
from benchmarks.machine import describe_machine
from benchmarks.measure import measure
from benchmarks.report import render
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.settings import Settings, load_settings

# CPU seconds are compared, so the models stay on the CPU; only candidates are scored, as by default.
_FIXED = ("clip.device=cpu", "iqa.device=cpu", "iqa.scope=candidates")


@click.command()
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Repetitions; 3 or more to trust.")
@click.option(
    "--clip",
    "paths",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A video of your own, instead of the packaged clips and the one made of them; may be repeated.",
)
@click.option("--models/--no-models", default=True, show_default=True, help="Whether to measure the job with models.")
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting, as video.decode_threads=1.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Also write the report to this file.")
def main(*, runs: int, paths: tuple[Path, ...], models: bool, overrides: tuple[str, ...], output: Path | None) -> None:
    """Measure the whole job over its limit, and print a Markdown report."""
    try:
        settings = load_settings(overrides=[*overrides, *_FIXED])
        report = _measure(settings, runs=runs, paths=paths, models=models, overrides=overrides)
    except ThumbAssetsError as error:
        raise click.ClickException(str(error)) from error
    click.echo(report, nl=False)
    if output:
        output.write_text(report, encoding="utf-8")


def _measure(
    settings: Settings, *, runs: int, paths: tuple[Path, ...], models: bool, overrides: tuple[str, ...]
) -> str:
    clips = [describe(path) for path in paths] or default_clips()
    num_contestants = 4 if models else 2
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=len(clips) * num_contestants * (runs + 1))
        measurements = []
        for clip in clips:

            def on_sample(contestant: str, name: str = clip.name) -> None:
                progress.update(task, advance=1, description=f"{name}: {contestant}")

            measurements.append(measure(clip, settings, num_runs=runs, with_models=models, on_sample=on_sample))
    options = [f"--runs {runs}", *(f"--clip {path.name}" for path in paths), *([] if models else ["--no-models"])]
    # Of a path only its last part: the report is made to be shown.
    settings_given = (override.partition("=") for override in overrides)
    options += [f"--set {name}={value.rpartition('/')[2]}" for name, _, value in settings_given]
    command = " ".join(["uv run python -m benchmarks", *options])
    return render(measurements, machine=describe_machine(), command=command, num_runs=runs)


if __name__ == "__main__":
    main()
