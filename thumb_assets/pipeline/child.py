"""The child's side of `run_isolated`: takes jobs, runs the engine, reports every step."""

import gc
import signal
import sys
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa

from thumb_assets import stages
from thumb_assets.errors import as_thumb_assets_error
from thumb_assets.events import Events
from thumb_assets.networks import keep_networks
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.memory import Memory
from thumb_assets.pipeline.messages import Decoded, Ended, Job, Noted, Step, Told, Working
from thumb_assets.pipeline.process import connection_of, end_with_parent
from thumb_assets.pipeline.scoring import LOADING_MODEL
from thumb_assets.stages import STAGES
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import escape_log_lines

# How often the child reports frames; each is a message.
_SECONDS_BETWEEN_FRAMES = 0.1
_OWN_STAGES = Path(stages.__file__).parent


def serve_jobs(connection: int, lifeline: int) -> None:
    """Does the jobs that come, until nobody can send one any more; called in a process of its own.

    Args:
        connection: descriptor of the child's end of the connection.
        lifeline: descriptor of a pipe that closes when the parent ends.
    """
    gc.freeze()  # whoever imports this turned the collector off: what an import makes stays
    gc.enable()
    if all(Path(stage.file).parent == _OWN_STAGES for stage in STAGES.values()):
        spare_pandas()
    escape_log_lines()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the child
    end_with_parent(lifeline)
    parent = connection_of(connection)
    keep_networks()
    while True:
        try:
            _do(parent.recv(), parent)
        except (EOFError, ConnectionError):  # nobody is there any more to send work, or to hear of it
            return


def spare_pandas() -> None:
    """Has Arrow make its first array while pandas cannot be imported, which it would do for that: 300 modules.

    Arrow looks for pandas once, to know its objects where it is handed some, and ours are none: a stage of somebody
    else may well hand over a `NaT`. `to_pandas` imports it as ever.
    """
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _WithoutPandas)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_WithoutPandas)


class _WithoutPandas:
    """A finder before all others, by which there is no pandas."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> None:
        """As an importer calls it."""
        if name == "pandas":
            raise ModuleNotFoundError(name, name=name)


class _Sender(Events):
    """Sends what the engine reports to the parent, of frames as many as people can follow."""

    def __init__(self, connection: "Connection[Any, Any]", memory: Memory) -> None:
        self._connection, self._memory = connection, memory
        self._last = 0.0

    def video(self, video_id: str) -> None:
        self._connection.send(Working(video_id))

    def frame(self, video_id: str, frame_index: int, num_frames: int | None) -> None:
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_FRAMES:
            self._last = time.monotonic()
            self._connection.send(Decoded(video_id, frame_index, num_frames))

    def step(self, name: str, *, is_of_file: bool) -> None:
        if name.startswith(LOADING_MODEL):
            self._memory.expect_more()
        self._connection.send(Step(name, is_of_file))

    def note(self, note: str) -> None:
        self._connection.send(Noted(note))


def _do(job: Job, connection: "Connection[Any, Any]") -> None:
    """Runs the engine and reports everything to the parent."""
    memory = Memory()
    try:
        results = run(
            memory.while_small(job.video_ids),
            job.stages,
            job.settings,
            TableStore(job.data_dir),
            events=_Sender(connection, memory),
            asked=job.asked,
            is_recomputed=job.is_recomputed,
        )
        for result in results:
            error = result.error
            connection.send(Told(result, "".join(traceback.format_exception(error)) if error else None))
    except Exception as error:  # noqa: BLE001 - told by the parent, who can; here it would be a trace and an exit code
        connection.send(Ended(as_thumb_assets_error(error, "the engine")))
    else:
        connection.send(Ended(is_grown=memory.is_grown))
