"""One picture that goes into a dataset, before it is read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pick:
    """A frame of a video.

    Attributes:
        score: its combined score.
        is_pinned: people pinned it or made it the cover.
        num_bytes: of its file, or what to reserve for it.
    """

    video_id: str
    frame_index: int
    score: float
    is_pinned: bool = False
    num_bytes: int = 0
