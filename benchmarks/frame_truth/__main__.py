"""The command: `uv run --group benchmarks python -m benchmarks.frame_truth > docs/results/frame-truth.md`."""

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import av
import click
import cv2
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.frame_truth.contestants import Library, Tool, tools
from benchmarks.frame_truth.hazards import DEFAULT_FOLDER, Hazard, real_hazards, synthetic_hazards
from benchmarks.frame_truth.page import render
from benchmarks.frame_truth.row import Row, prove

_COMMAND = "uv run --group benchmarks python -m benchmarks.frame_truth"


@click.command()
@click.option("--clips", "names", multiple=True, metavar="NAME", help="Only this row; may be repeated.")
@click.option(
    "--shared",
    "folder",
    default=DEFAULT_FOLDER,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the real clips and their MANIFEST.tsv; by default the tests' shared inputs.",
)
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write ours beside FFmpeg's, one PNG per turned, mirrored, anamorphic, interlaced or HDR video.",
)
def main(*, names: tuple[str, ...], folder: Path, pictures: Path | None) -> None:
    """Prove every exported picture against other programs, print a Markdown page; exit code 1 where one is wrong."""
    with tempfile.TemporaryDirectory() as made, Library("opencv") as opencv, Library("torchcodec") as torchcodec:
        real = list(real_hazards(folder, names=names))
        hazards = [*synthetic_hazards(Path(made), names=names), *real]
        unknown = set(names) - {hazard.name for hazard in hazards}
        if unknown:
            raise click.UsageError(f"there is no row {', '.join(sorted(unknown))}")
        rows = _prove_all(hazards, tools(opencv, torchcodec), pictures)
        command = " ".join([_COMMAND, *(f"--clips {name}" for name in names)])
        click.echo(render(rows, command=command, has_real=bool(real), torchcodec_reason=torchcodec.reason), nl=False)
    for row in rows:
        for problem in row.problems:
            click.echo(f"{row.hazard.name}: {problem}", err=True)
    sys.exit(0 if all(row.is_right for row in rows) else 1)


def _prove_all(hazards: list[Hazard], others: Mapping[str, Tool | None], pictures: Path | None) -> list[Row]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    rows = []
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=len(hazards))
        for hazard in hazards:
            progress.update(task, description=hazard.name)
            row = prove(hazard, others)
            if pictures is not None and row.traits and row.shown is not None:
                _write_pair(row, pictures)
            rows.append(row)
            progress.advance(task)
    return rows


def _write_pair(row: Row, folder: Path) -> None:
    """Ours on the left, FFmpeg's on the right, a white bar between."""
    if row.shown is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    ours, other = row.shown
    height = max(ours.shape[0], other.shape[0])
    sides = [np.pad(side, ((0, height - side.shape[0]), (0, 0), (0, 0))) for side in (ours, other)]
    bar = np.full((height, 8, 3), 255, np.uint8)
    both = np.concatenate([sides[0], bar, sides[1]], axis=1)
    name = re.sub(r"[^\w.-]", "_", row.hazard.name)
    cv2.imwrite(str(folder / f"{name}.png"), np.ascontiguousarray(both[..., ::-1]))


if __name__ == "__main__":
    # Damaged files make FFmpeg's libraries say much that is no news here; so do OpenCV's, and an encoder. Not by
    # set_level: the callback of that one waits for the interpreter while the interpreter waits for a decoder to end.
    av.logging.set_libav_level(av.logging.PANIC)
    os.environ.update({"OPENCV_FFMPEG_LOGLEVEL": "-8", "OPENCV_LOG_LEVEL": "SILENT", "SVT_LOG": "0"})
    main()
