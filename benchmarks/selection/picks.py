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

    def line(self, label: str) -> str:
        """The frame, what it shows, and the score where there is one."""
        return f"{self.frame_index} {label}" + ("" if self.score is None else f" {self.score:.3f}")


# What a contestant chose of one video, best first; a contestant that draws lots gives several.
Draws = list[list[Pick]]
