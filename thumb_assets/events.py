"""The one object by which work reports how far it is, to whoever waits for it.

What belongs here: the events that any room may report, by words and numbers alone. What does not: how they are shown
(cli, defs), results of stages (pipeline), and functions that take part in the work (what they return or raise counts).
"""

import logging

_LOGGER = logging.getLogger(__name__)


class Events:
    """Takes what work reports. This one ignores all of it but notes, which it logs; derive from it to show the rest."""

    __slots__ = ()

    def video(self, video_id: str) -> None:
        """Work on a video begins or goes on: a sign of life."""

    def frame(self, video_id: str, frame_index: int, num_frames: int | None) -> None:
        """A frame was decoded; `num_frames`: of the video, as far as its header says."""

    def step(self, name: str, *, is_of_file: bool) -> None:
        """A step begins that may take long; `is_of_file`: it reads the video's file."""

    def note(self, note: str) -> None:
        """One line on something that is no failure and that people should know."""
        _LOGGER.warning("%s", note)

    def stage_done(self, video_id: str, stage: str) -> None:
        """A stage of a video has a result."""

    def progress(self, name: str, done: int, total: int | None) -> None:
        """So much of something is done: bytes of a file, frames that are compared; `total`: None where not known."""


UNWATCHED = Events()
