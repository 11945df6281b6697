"""Makes the stills of decided videos again, beside the pages, by the same calls as `thumb-assets run`."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from thumb_assets.errors import StoppedError, as_thumb_assets_error
from thumb_assets.events import Events
from thumb_assets.pipeline.isolate import warm_engine
from thumb_assets.pipeline.remembered import grouped
from thumb_assets.pipeline.retry import run_groups
from thumb_assets.pipeline.watching import watching
from thumb_assets.settings.config import Configuration
from thumb_assets.store.parquet import TableStore

WorkState = Literal["waiting", "running", "done", "failed", "cancelled"]
# The engine's process waits so long for the next video: it has the models loaded, and takes memory.
_WARM_SECONDS = 60.0
_MOST_REMEMBERED = 500
_MOST_SECONDS_TO_STOP = 60.0
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """Progress of the stills of a video.

    Attributes:
        step: what is done now, or why it failed.
        num_done, num_all: frames that are decoded, of as many as the header says; 0 where it is not known.
        stages: those that have a result, in the order in which they got it.
        end: of work that ended, a number that no other end of this desk has, so that a page which looked before and
            after work can tell that there was any; 0 while it has not ended.
    """

    state: WorkState
    step: str = ""
    num_done: int = 0
    num_all: int = 0
    stages: tuple[str, ...] = ()
    end: int = 0


class Remaker:
    """One thread that remakes one video after the other; a video that is asked for twice is remade once more at most.

    Args:
        store: the data folder.
        read: gives the settings; a video's own, which its results remember, come on top.
    """

    def __init__(self, store: TableStore, read: Callable[[], Configuration]) -> None:
        self._store, self._read = store, read
        self._work: dict[str, Work] = {}
        self._num_ended = 0
        self._changed = threading.Condition()
        self._is_stopped = False
        self._stop = threading.Event()  # of the video under way
        self._thread = threading.Thread(target=self._loop, name="remake", daemon=True)

    def start(self) -> None:
        """Begins, with the videos that were decided of and never remade since."""
        for video_id in _left_over(self._store):
            self.add(video_id)
        self._thread.start()

    def stop(self) -> None:
        """Ends after the stage under way; the engine's process ends with this one."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def add(self, video_id: str) -> None:
        """Has a video remade."""
        with self._changed:
            self._work.pop(video_id, None)  # to the end
            self._work[video_id] = Work("waiting")
            for other in [each for each, work in self._work.items() if work.state == "done"][:-_MOST_REMEMBERED]:
                del self._work[other]
            self._changed.notify_all()

    def drop(self, video_id: str) -> bool:
        """Forgets a video; False where it is worked on now."""
        with self._changed:
            if self._state(video_id) == "running":
                return False
            self._work.pop(video_id, None)
            return True

    def cancel(self, video_id: str) -> bool:
        """Ends the work on a video, and returns when it has ended; False where it was done before."""
        with self._changed:
            state = self._state(video_id)
            if state == "waiting":
                self._end(video_id, Work("cancelled"))
            elif state == "running":
                self._stop.set()
                self._changed.wait_for(lambda: self._state(video_id) != "running", _MOST_SECONDS_TO_STOP)
            return self._state(video_id) == "cancelled"

    def _state(self, video_id: str) -> WorkState:
        return self._work.get(video_id, Work("done")).state

    def work(self) -> Mapping[str, Work]:
        """By video, how far it is; those that are done stay for a while."""
        with self._changed:
            return dict(self._work)

    def left(self) -> list[str]:
        """The videos that are remade now or wait for it."""
        return [video_id for video_id, work in self.work().items() if work.state in {"waiting", "running"}]

    @property
    def is_busy(self) -> bool:
        """True if a video is remade now or waits for it."""
        return bool(self.left())

    def _loop(self) -> None:
        while self._wait(None):
            with warm_engine():
                while self._wait(_WARM_SECONDS):
                    self._remake_next()

    def _wait(self, seconds: float | None) -> bool:
        """Waits for work; False where there is none for that long, or it is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or any(self._waiting()), seconds)
            return not self._is_stopped and any(self._waiting())

    def _waiting(self) -> Iterator[str]:
        return (video_id for video_id, work in self._work.items() if work.state == "waiting")

    def _remake_next(self) -> None:
        with self._changed:
            video_id = next(self._waiting())
            self._work[video_id] = Work("running", "starting the engine")
            self._stop.clear()
        ended = self._remade(video_id)
        with self._changed:
            if self._state(video_id) == "running":  # else it was asked for again meanwhile
                self._end(video_id, ended)
            self._changed.notify_all()

    def _end(self, video_id: str, work: Work) -> None:
        self._num_ended += 1
        self._work[video_id] = replace(work, end=self._num_ended)

    def _remade(self, video_id: str) -> Work:
        """Runs the stages of a video, and says how that ended."""
        try:
            groups = grouped([video_id], self._read(), self._store)
            with watching(_Steps(self, video_id)):
                failed = [
                    str(result.message)
                    for result in run_groups(groups, None, self._store, stop=self._stop)
                    if result.status == "failed" and result.blocked_by is None
                ]
        except StoppedError:
            return Work("cancelled")
        except Exception as error:  # noqa: BLE001 - the thread goes on with the next video
            _LOGGER.warning("%s", as_thumb_assets_error(error, video_id))
            return Work("failed", str(as_thumb_assets_error(error, video_id)))
        return Work("failed", failed[0]) if failed else Work("done")

    def show(self, video_id: str, step: str, *, num_done: int = 0, num_all: int = 0, stage: str = "") -> None:
        """Notes what is done now of the video under way, and a stage that has a result."""
        with self._changed:
            work = self._work.get(video_id)
            if work is not None and work.state == "running":
                stages = (*work.stages, stage) if stage and stage not in work.stages else work.stages
                self._work[video_id] = replace(work, step=step, num_done=num_done, num_all=num_all, stages=stages)


class _Steps(Events):
    """Shows the steps of one video."""

    def __init__(self, remaker: Remaker, video_id: str) -> None:
        self._remaker, self._video_id = remaker, video_id

    def frame(self, video_id: str, frame_index: int, num_frames: int | None) -> None:  # noqa: ARG002 - of the event
        of = f" of {num_frames}" if num_frames else ""
        done = frame_index + 1
        self._remaker.show(self._video_id, f"frame {done}{of}", num_done=done, num_all=num_frames or 0)

    def step(self, name: str, *, is_of_file: bool) -> None:  # noqa: ARG002 - of the event
        self._remaker.show(self._video_id, name)

    def stage_done(self, video_id: str, stage: str) -> None:  # noqa: ARG002 - of the event
        self._remaker.show(self._video_id, f"{stage} done", stage=stage)


def _left_over(store: TableStore) -> Iterator[str]:
    """The videos whose decisions are newer than what was selected."""
    for video_id in store.video_ids("decisions"):
        decided, selected = (store.table_path(name, video_id) for name in ("decisions", "selections"))
        try:
            if decided.stat().st_mtime > selected.stat().st_mtime:
                yield video_id
        except OSError:  # never selected: `thumb-assets run` makes it
            continue
