"""A chosen frame, whoever chose it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pick:
    """A chosen frame.

    Attributes:
        frame_index: place among the displayed frames.
        score: on the chooser's own scale; None where it has none.
    """

    frame_index: int
    score: float | None = None


# What a contestant chose of one video, best first; a contestant that draws lots gives several.
Draws = list[list[Pick]]
