"""Cost of a large dataset: `uv run python -m benchmarks.dataset_export [--stills N] [--format FORMAT]`.

A made-up library of few videos with many stills each, so that the stills count and not the tables. The command is run
as a person runs it, in a process of its own; measured are its time and the most memory that it held.
"""

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.machine import describe_machine
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.unit.dataset.builders import add_video

NUM_STILLS = 100_000
_STILLS_PER_VIDEO = 500


@dataclass(frozen=True)
class ExportCost:
    """Cost of one export.

    Attributes:
        seconds: on the clock. peak_bytes: the most memory that its process held.
        dataset_bytes: size of what it wrote.
    """

    num_stills: int
    seconds: float
    peak_bytes: int
    dataset_bytes: int


def measure_export(folder: Path, *, num_stills: int = NUM_STILLS, format_name: str = "huggingface") -> ExportCost:
    """Makes a library and exports it.

    Raises:
        RuntimeError: the export failed.
    """
    store = TableStore(folder / "data")
    for first in range(0, num_stills, _STILLS_PER_VIDEO):
        number = min(_STILLS_PER_VIDEO, num_stills - first)
        add_video(store, f"v{first:08d}", [f"{first} {frame}" for frame in range(number)], selected=range(number))
    out = folder / "out"
    command = [sys.executable, "-m", "thumb_assets", "export", format_name, str(out), "--data-dir", str(store.data_dir)]
    started = time.perf_counter()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return ExportCost(num_stills, seconds, peak_bytes, size)


@click.command()
@click.option("--stills", "num_stills", default=NUM_STILLS, show_default=True)
@click.option("--format", "format_name", default="huggingface", show_default=True)
def main(num_stills: int, format_name: str) -> None:
    """Prints a row for docs/export.md."""
    click.echo(describe_machine())
    click.echo("| format | stills | seconds | MB written | most memory, MB |")
    with tempfile.TemporaryDirectory() as folder:
        cost = measure_export(Path(folder), num_stills=num_stills, format_name=format_name)
    size, peak = cost.dataset_bytes / 1e6, cost.peak_bytes / 1e6
    click.echo(f"| {format_name} | {cost.num_stills:,} | {cost.seconds:.0f} | {size:.0f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
