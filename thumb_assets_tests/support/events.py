"""Keeps what work reports, for tests that look at it, and acts on it where a test has to."""

from collections.abc import Callable

from thumb_assets.events import Events


class Heard(Events):
    """Everything that was reported, in order.

    Args:
        on_frame: called with (video_id, frame_index) of every frame.
        on_step: called with the name of every step.
    """

    def __init__(
        self,
        *,
        on_frame: Callable[[str, int], object] = lambda *_: None,
        on_step: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.videos: list[str] = []
        self.frames: list[tuple[str, int]] = []
        self.steps: list[str] = []
        self.notes: list[str] = []
        self.stages_done: list[tuple[str, str]] = []
        self.progressed: list[tuple[str, int, int | None]] = []
        self._on_frame, self._on_step = on_frame, on_step

    def video(self, video_id: str) -> None:
        """Keeps it."""
        self.videos.append(video_id)

    def frame(self, video_id: str, frame_index: int, num_frames: int | None) -> None:
        """Keeps it."""
        self.frames.append((video_id, frame_index))
        self._on_frame(video_id, frame_index)

    def step(self, name: str, *, is_of_file: bool) -> None:
        """Keeps it."""
        self.steps.append(name)
        self._on_step(name)

    def note(self, note: str) -> None:
        """Keeps it."""
        self.notes.append(note)

    def stage_done(self, video_id: str, stage: str) -> None:
        """Keeps it."""
        self.stages_done.append((video_id, stage))

    def progress(self, name: str, done: int, total: int | None) -> None:
        """Keeps it."""
        self.progressed.append((name, done, total))
