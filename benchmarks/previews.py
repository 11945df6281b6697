"""Measures the share of a run's CPU time that previews take, and of bad tiles beside a grid of fixed moments.

`python -m benchmarks.previews FILE...`: within one run of each file the thread's time is taken in the stage and in what
it keeps of the pass, so that other work on the machine does not count. A bad tile breaks a rule of the selection about
what is measured of every frame.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from thumb_assets.export.previews.keeper import TileKeeper
from thumb_assets.pipeline.engine import run
from thumb_assets.select.tiles import choose_tiles, count_broken
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.declaration import FromTables, RunContext, VideoTables
from thumb_assets.stages.previews import keep_tiles, make_previews
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore

_PASS = ("videos", "frames", "shots")
_CHOICE = (*_PASS, "candidate_frames", "sharpness", "selections")
_KINDS = {
    "tiles": ('["sprites","trickplay","bif","contact_sheet"]', (*_PASS, "previews")),
    "animation": ('["animation"]', (*_CHOICE, "previews")),
}


class _Clock:
    """CPU seconds of this thread in the calls that it is given."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, its time taken."""

        def measured(*arguments: Any) -> Any:
            before = time.thread_time()
            try:
                return call(*arguments)
            finally:
                self.seconds += time.thread_time() - before

        return measured


def _measure(path: Path, stages: Sequence[str], settings: Settings) -> tuple[float, float, TableStore, str]:
    """CPU seconds of previews and of all, the results and their video."""
    folder = Path(tempfile.mkdtemp(prefix="previews-"))
    (video,), _ = Library(folder).register([path])
    store, clock, stage = TableStore(folder), _Clock(), STAGES["previews"]

    def keep(job: VideoTables, run_context: RunContext) -> TileKeeper | None:
        keeper = keep_tiles(job, run_context)
        if keeper is not None:
            keeper.take = clock.timed(keeper.take)  # type: ignore[method-assign]
        return keeper

    STAGES["previews"] = replace(stage, run=FromTables(clock.timed(make_previews), keep=keep))
    before = time.process_time()
    try:
        for result in run([video.video_id], stages, settings, store):
            if result.status != "done":
                sys.exit(f"{path}: {result.stage} {result.status}: {result.message}")
    finally:
        STAGES["previews"] = stage
    return clock.seconds, time.process_time() - before, store, video.video_id


def _bad_shares(store: TableStore, video_id: str, settings: Settings) -> tuple[int, int, int]:
    """Tiles, bad ones of ours, bad ones of a grid that takes the frame in the middle of each interval."""
    frames, shots = store.read("frames", video_id), store.read("shots", video_id)
    tiles = choose_tiles(
        frames, shots, interval_seconds=settings.previews.interval_seconds, reject=settings.selection.reject
    )
    seconds = frames.column("pts_seconds").to_numpy()
    middles = [(tile.start_seconds + tile.end_seconds) / 2 + seconds[0] for tile in tiles]
    fixed = [int(np.searchsorted(seconds, middle, side="right")) - 1 for middle in middles]
    bad = [
        sum(num > 0 for num in count_broken(frames, shots, indices, reject=settings.selection.reject))
        for indices in ([tile.frame_index for tile in tiles], fixed)
    ]
    return len(tiles), bad[0], bad[1]


def main() -> None:
    """Prints one line per file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--interval", default="10")
    arguments = parser.parse_args()
    interval = f"previews.interval_seconds={arguments.interval}"
    print("| file | pass, CPU s | tiles, CPU s | animation, CPU s | tiles | bad | bad of a fixed grid |")
    print("|---|---|---|---|---|---|---|")
    for path in arguments.files:
        spent: dict[str, str] = {}
        for name, (kinds, stages) in _KINDS.items():
            settings = load_settings(overrides=[f"previews.kinds={kinds}", interval])
            own, whole, store, video_id = _measure(path, stages, settings)
            spent[name] = f"{own:.2f} ({own / (whole - own):.1%})"
            spent.setdefault("pass", f"{whole - own:.1f}")
        num, bad, fixed = _bad_shares(store, video_id, settings)
        cells = (path.name, spent["pass"], spent["tiles"], spent["animation"], num, bad, fixed)
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
