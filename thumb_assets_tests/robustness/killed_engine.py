"""Runs the engine on one video and kills itself right before its n-th change of the data folder.

`python -m thumb_assets_tests.robustness.killed_engine VIDEO DATA_DIR NOTE N OVERRIDE...` writes each change into the
file NOTE before it is made; N is 0 where nothing is to be killed. Exit code 0 where all stages were done.
"""

import os
import signal
import sys
from pathlib import Path

from thumb_assets.settings.load import load_settings
from thumb_assets_tests.support.running import register, run_stages

_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main(video: str, folder: str, note: str, kill_at: str, *overrides: str) -> int:
    """Returns the exit code, where it lives to."""
    told = os.open(note, os.O_WRONLY | os.O_CREAT)
    num_changes = 0

    def watch(event: str, values: tuple[object, ...]) -> None:
        nonlocal num_changes
        if event not in _CHANGES and not (event == "open" and _is_writing(values)):
            return
        if not os.fsdecode(str(values[0])).startswith(folder):
            return
        num_changes += 1
        os.write(told, f"{event} {values[0]}\n".encode())
        if num_changes == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    data_dir = Path(folder)
    video_ids = register(data_dir, [Path(video)])
    results = run_stages(data_dir, video_ids, settings=load_settings(overrides=overrides))
    return 0 if {result.status for result in results.values()} == {"done"} else 1


def _is_writing(values: tuple[object, ...]) -> bool:
    flags = values[2]
    return isinstance(values[0], (str, bytes, os.PathLike)) and isinstance(flags, int) and bool(flags & _WRITING)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
