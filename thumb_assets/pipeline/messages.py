"""Messages between the engine's process and its parent, which imports no more of the engine than these."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from thumb_assets.pipeline.remembered import Asked
from thumb_assets.pipeline.result import StageResult
from thumb_assets.settings.load import Settings


@dataclass(frozen=True)
class Job:
    """The work of a child; see `run`."""

    video_ids: list[str]
    stages: tuple[str, ...]
    settings: Settings
    data_dir: Path
    is_recomputed: bool
    asked: Mapping[str, Asked] | None = None


@dataclass(frozen=True)
class Working:
    """The child turns to a video."""

    video_id: str


@dataclass(frozen=True)
class Step:
    """The child begins a step of its work.

    Attributes:
        is_of_file: whether the step reads the video's file, which then may be why it hangs.
    """

    name: str
    is_of_file: bool


@dataclass(frozen=True)
class Decoded:
    """The child has come to a frame."""

    video_id: str
    frame_index: int
    num_frames: int | None


@dataclass(frozen=True)
class Noted:
    """Something that is no failure and that people should know."""

    note: str


@dataclass(frozen=True)
class Told:
    """A stage's result, and the trace of its error, which does not survive the way."""

    result: StageResult
    trace: str | None


@dataclass(frozen=True)
class Ended:
    """The child is through, or the engine itself raised.

    Attributes:
        is_grown: it holds too much memory and has left out the videos that follow.
    """

    error: Exception | None = None
    is_grown: bool = False
