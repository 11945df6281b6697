"""Cost of operating a library: `python -m benchmarks.operations`.

Prints a Markdown table: seconds per video by chunk size through Dagster (each chunk a process that begins cold, as the
daemon's runs are), listing many files, adding many partitions, the first page of the UI over them.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import click
import dagster as dg
import httpcore

from benchmarks.bench import CPU_OVERRIDES
from benchmarks.clips import ClipShelf
from benchmarks.recipes import ten_seconds
from thumb_assets.defs.partitions import add_videos, known_videos
from thumb_assets.settings.operation import LibrarySettings
from thumb_assets.store.library import Library

_CHUNKS = (1, 10, 50)
_NUM_SINGLE = 5
_UI_SECONDS = 180
# What the UI asks to draw an asset's page.
_PARTITIONS_QUERY = """
{ assetNodeOrError(assetKey: {path: ["stills"]}) { ... on AssetNode {
    partitionKeyConnection(limit: 100, ascending: true) { results } partitionStats { numPartitions } } } }
"""


@click.command(help=__doc__)
@click.option("--videos", "num_videos", default=50, show_default=True, help="Clips of ten seconds per chunk size.")
@click.option("--files", "num_files", default=100_000, show_default=True, help="Files to list, partitions to add.")
@click.option("--sources", type=click.Path(path_type=Path), help="A folder of videos to make the clips of.")
def main(num_videos: int, num_files: int, sources: Path | None) -> None:
    """Measures and prints."""
    clips = ClipShelf(sources, is_quick=False).many(ten_seconds, num_videos)
    print("| what | measured |\n|---|---|")
    with tempfile.TemporaryDirectory(prefix="thumb-assets-operations-") as name:
        folder = Path(name)
        rows = chain(
            (_chunks(clips, folder / f"chunk-{size}", size=size) for size in _CHUNKS),
            _listing(folder / "listing", num_files),
            _partitions(folder / "partitions", num_files),
        )
        for what, measured in rows:
            print(f"| {what} | {measured} |", flush=True)


def _chunks(clips: Sequence[Path], data_dir: Path, *, size: int) -> tuple[str, str]:
    """Backfills of so many videos each; a few suffice where each has a process for one video."""
    measured = clips if size > 1 else clips[:_NUM_SINGLE]
    (data_dir / "videos").mkdir(parents=True)
    for number, clip in enumerate(measured):
        (data_dir / "videos" / f"{number:04}.mp4").symlink_to(clip)
    before = os.times()
    for start in range(0, len(measured), size):
        arguments = ["backfill", "--missing", "--limit", str(min(size, len(measured) - start))]
        _command([*arguments, *(part for value in CPU_OVERRIDES for part in ("--set", value))], data_dir)
    after = os.times()
    wall = (after.elapsed - before.elapsed) / len(measured)
    cpu = sum((after.children_user - before.children_user, after.children_system - before.children_system))
    what = f"a video of ten seconds, in chunks of {size} ({len(measured)} videos)"
    return what, f"{wall:.2f} s, {cpu / len(measured):.2f} CPU s"


def _listing(data_dir: Path, num_files: int) -> Iterator[tuple[str, str]]:
    """The sensor's look at a library of many files: hashing them once, then looking again."""
    folder = data_dir / "videos"
    for number in range(num_files):
        path = folder / f"{number // 1000:03}" / f"{number:06}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(struct.pack(">I", number) * 64)
        os.utime(path, (1e9, 1e9))
    library = Library(data_dir)
    settings = LibrarySettings(max_new_per_tick=num_files, max_hash_seconds_per_tick=1e6)
    for what in ("hashing and listing", "listing again, nothing new,"):
        begin = time.perf_counter()
        found = library.discover(settings)
        yield f"{what} {num_files:,} files", f"{time.perf_counter() - begin:.1f} s, {len(found.videos):,} videos"


def _partitions(home: Path, num_partitions: int) -> Iterator[tuple[str, str]]:
    """Adding many partitions, asking for them, and the UI's first answers over them."""
    video_ids = [f"{number:06}-{number:08x}" for number in range(num_partitions)]
    data_dir = home / "data"
    (data_dir / "dagster").mkdir(parents=True)
    (data_dir / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(data_dir / "dagster")) as instance:
        begin = time.perf_counter()
        add_videos(instance, video_ids)
        yield f"adding {num_partitions:,} partitions", f"{time.perf_counter() - begin:.1f} s"
        begin = time.perf_counter()
        known_videos(instance)
        yield f"asking for {num_partitions:,} partitions", f"{time.perf_counter() - begin:.2f} s"
    with _ui(data_dir) as (url, seconds):
        yield "the UI's first page, from the command on", f"{seconds:.1f} s"
        begin = time.perf_counter()
        assert f"'numPartitions': {num_partitions}" in str(_ask(url, _PARTITIONS_QUERY))
        yield f"an asset's partitions in the UI, {num_partitions:,} of them", f"{time.perf_counter() - begin:.1f} s"


@contextmanager
def _ui(data_dir: Path) -> Iterator[tuple[str, float]]:
    url, begin = "http://127.0.0.1:3791", time.perf_counter()
    command = [sys.executable, "-m", "thumb_assets.cli", "ui", "--port", "3791", "--data-dir", str(data_dir)]
    environ = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ)
    try:
        while time.perf_counter() < begin + _UI_SECONDS:
            try:
                if "stills" in str(_ask(url, "{ assetNodes { id } }")):
                    break
            except (httpcore.ConnectError, ValueError):
                time.sleep(0.2)
        else:
            raise click.ClickException(f"the UI did not show the assets within {_UI_SECONDS} s")
        yield url, time.perf_counter() - begin
    finally:
        process.terminate()
        process.wait()


def _ask(url: str, query: str) -> object:
    with httpcore.ConnectionPool() as pool:
        answer = pool.request(
            "POST",
            f"{url}/graphql",
            headers={"Content-Type": "application/json"},
            content=json.dumps({"query": query}).encode(),
            extensions={"timeout": {"connect": 5, "read": 120}},
        )
    return json.loads(answer.content)


def _command(arguments: Sequence[str], data_dir: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    command = [sys.executable, "-m", "thumb_assets.cli", *arguments, "--data-dir", str(data_dir)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ)


if __name__ == "__main__":
    main()
