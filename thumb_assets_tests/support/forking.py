"""Runs the engine in a fork of this process: `python -m thumb_assets_tests.support.forking DATA_DIR STRIKE ID...`.

A program of its own, since the tests' process has threads. It prints as JSON what became of the videos, by which
processes, and which shared libraries the last of them had loaded.
"""

# Before NumPy and Arrow are imported, as the command does it.
from thumb_assets.pipeline.forked import NAME, prepare

prepare()

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from thumb_assets.events import Events  # noqa: E402
from thumb_assets.pipeline.isolate import forked_engine, run_isolated  # noqa: E402
from thumb_assets.pipeline.stages import default_stages  # noqa: E402
from thumb_assets.settings.load import load_settings  # noqa: E402
from thumb_assets.store.parquet import TableStore  # noqa: E402
from thumb_assets_tests.support.processes import children_of, is_engine  # noqa: E402


class _Watcher(Events):
    """Looks at the engine's processes, and strikes the first one at its first frame.

    Args:
        strike: number of a signal; 0 for none.
    """

    def __init__(self, strike: int) -> None:
        self._strike = strike
        self.names: dict[int, str] = {}
        self.libraries: set[str] = set()

    def frame(self, video_id: str, frame_index: int, num_frames: int | None) -> None:
        """Notes the engine, and ends it where that is asked for."""
        engine = self._engine()
        if self._strike and len(self.names) == 1:
            os.kill(engine, self._strike)

    def stage_done(self, video_id: str, stage: str) -> None:
        """Notes what the engine has loaded."""
        for engine in filter(is_engine, children_of(os.getpid())):
            lines = Path(f"/proc/{engine}/maps").read_text().splitlines()
            self.libraries |= {part for line in lines if ".so" in line for part in Path(line.split()[-1]).parts}

    def _engine(self) -> int:
        (engine,) = filter(is_engine, children_of(os.getpid()))
        self.names.setdefault(engine, Path(f"/proc/{engine}/comm").read_text().strip())
        return engine


def main(data_dir: str, strike: str, *video_ids: str) -> None:
    """Prints the outcomes."""
    watcher, settings = _Watcher(int(strike)), load_settings()
    with forked_engine(settings):
        results = list(
            run_isolated(video_ids, default_stages(settings), settings, TableStore(Path(data_dir)), events=watcher)
        )
    said = {
        "failed": sorted({result.video_id: str(result.error) for result in results if result.error}.items()),
        "done": sorted({result.video_id for result in results} - {r.video_id for r in results if r.error}),
        "is_forked": [name == NAME for name in watcher.names.values()],
        "libraries": sorted(watcher.libraries & {"cv2", "pandas", "scipy", "sklearn", "torch", "pyarrow"}),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
