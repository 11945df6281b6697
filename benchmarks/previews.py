"""Measures the CPU time that previews add to a run, and the share of bad tiles against a grid of fixed moments.

`python -m benchmarks.previews FILE...`: each file is run by turns with and without the stage; the least of each counts.
A bad tile breaks a rule of the selection about what is measured of every frame.
"""

import argparse
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from thumb_assets.pipeline.engine import run
from thumb_assets.select.tiles import choose_tiles, count_broken
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore

_PASS = ("videos", "frames", "shots")
_KINDS = {"tiles": '["sprites","trickplay","bif","contact_sheet"]', "tiles and animation": '["sprites","animation"]'}
_CHOICE = (*_PASS, "candidate_frames", "sharpness", "selections")


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _measure(path: Path, stages: Sequence[str], settings: Settings) -> tuple[float, TableStore, str]:
    folder = Path(tempfile.mkdtemp(prefix="previews-"))
    (video,), _ = Library(folder).register([path])
    store, before = TableStore(folder), _cpu_seconds()
    for result in run([video.video_id], stages, settings, store):
        if result.status != "done":
            sys.exit(f"{path}: {result.stage} {result.status}: {result.message}")
    return _cpu_seconds() - before, store, video.video_id


def _bad_shares(store: TableStore, video_id: str, settings: Settings) -> tuple[int, int, int]:
    """Tiles, bad ones of ours, bad ones of a grid that takes the frame in the middle of each interval."""
    frames, shots = store.read("frames", video_id), store.read("shots", video_id)
    tiles = choose_tiles(
        frames, shots, interval_seconds=settings.previews.interval_seconds, settings=settings.selection
    )
    seconds = frames.column("pts_seconds").to_numpy()
    middles = [(tile.start_seconds + tile.end_seconds) / 2 + seconds[0] for tile in tiles]
    fixed = [int(np.searchsorted(seconds, middle, side="right")) - 1 for middle in middles]
    bad = [
        sum(num > 0 for num in count_broken(frames, shots, indices, settings=settings.selection))
        for indices in ([tile.frame_index for tile in tiles], fixed)
    ]
    return len(tiles), bad[0], bad[1]


def main() -> None:
    """Prints one line per file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--interval", default="10")
    arguments = parser.parse_args()
    interval = f"previews.interval_seconds={arguments.interval}"
    settings = {name: load_settings(overrides=[f"previews.kinds={kinds}", interval]) for name, kinds in _KINDS.items()}
    print("| file | pass, CPU s | with tiles | tiles and animation | tiles | bad | bad of a fixed grid |")
    print("|---|---|---|---|---|---|---|")
    for path in arguments.files:
        least: dict[str, float] = {}
        for _ in range(arguments.rounds):
            runs = {"pass": (_PASS, load_settings()), "tiles": ((*_PASS, "previews"), settings["tiles"])}
            runs["chosen"] = (_CHOICE, load_settings())
            runs["animation"] = ((*_CHOICE, "previews"), settings["tiles and animation"])
            for name, (stages, wanted) in runs.items():
                seconds, store, video_id = _measure(path, stages, wanted)
                least[name] = min(least.get(name, np.inf), seconds)
        num, bad, fixed = _bad_shares(store, video_id, settings["tiles"])
        more = f"{least['tiles'] / least['pass'] - 1:+.1%}"
        animated = f"{least['animation'] / least['chosen'] - 1:+.1%} of {least['chosen']:.1f}"
        print(f"| {path.name} | {least['pass']:.2f} | {more} | {animated} | {num} | {bad} | {fixed} |", flush=True)


if __name__ == "__main__":
    main()
