"""Queries, and the answers to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from thumb_assets.search.conditions import Condition
from thumb_assets.wording import one_line

# Letters of a quote, at most, where it is shown.
_MOST_LETTERS = 90
PICTURE, EXAMPLE = "picture", "example"


@dataclass(frozen=True)
class Query:
    """A question to the library: words, an example, ranges of scores, or one of the first two within ranges.

    Attributes:
        words: what is to be seen, heard or read; None where it is not asked for.
        like: video_id and frame_index of an example; None as well.
        ranges: what every frame found is to keep to.
        limit: so many frames at most.
        per_video: of one video so many at most; None for any number.
    """

    words: str | None = None
    like: tuple[str, int] | None = None
    ranges: tuple[Condition, ...] = ()
    limit: int = 24
    per_video: int | None = None


@dataclass(frozen=True)
class Match:
    """One reason why a frame was found.

    Attributes:
        source: `picture`, `example`, or what was said or written: `subtitle`, `writing`, `chapter title`.
        likeness: 0..1.
        quote: the text; None where a picture matched.
        seconds: when that text begins; None as well.
        cosine: of the picture's embedding or looks; None where a text matched.
    """

    source: str
    likeness: float
    quote: str | None = None
    seconds: float | None = None
    cosine: float | None = None

    @property
    def told(self) -> str:
        """The reason for people, one line."""
        if self.quote is None:
            what = "like the example" if self.source == EXAMPLE else "the picture is like the words"
            return f"{what} (cosine {self.cosine:.3f})"
        at = f" at {self.seconds:.1f} s" if self.source != "writing" else ""
        text = one_line(" ".join(self.quote.split()))
        return f'{self.source}{at}: "{text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 3] + "..."}"'


@dataclass(frozen=True)
class Found:
    """A frame that was found.

    Attributes:
        score: 0..1 for words, a cosine for an example, the first range's value where nothing else is asked for.
        matches: why, the greatest likeness first; empty where only ranges are asked for.
        values: what the ranges are of, by name.
        within_video: those of them that are shares of the candidates of its video.
        rejected: why the rules of the selection reject it, in words; None where they do not.
    """

    video_id: str
    frame_index: int
    pts_seconds: float
    score: float
    matches: tuple[Match, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    within_video: frozenset[str] = frozenset()
    rejected: str | None = None

    @property
    def why(self) -> str:
        """All reasons, one line."""
        told = [match.told for match in self.matches]
        for name, value in self.values.items():
            told.append(f"{name} {value:.4g}{' within its video' if name in self.within_video else ''}")
        return "; ".join([*told, *([f"rejected by a rule: {self.rejected}"] if self.rejected else [])])

    def as_row(self) -> dict[str, Any]:
        """The frame as JSON has it."""
        return {
            "video_id": self.video_id,
            "frame_index": self.frame_index,
            "pts_seconds": self.pts_seconds,
            "score": self.score,
            "why": self.why,
            "matches": [vars(match) for match in self.matches],
            "values": dict(self.values),
            "rejected": self.rejected,
        }


@dataclass(frozen=True)
class Answer:
    """The answer to a query.

    Attributes:
        found: best first.
        notes: what could not be searched and how it can, one line each.
        num_in_ranges: number of frames that keep to the ranges; None where there are none.
    """

    found: tuple[Found, ...]
    notes: tuple[str, ...] = ()
    num_in_ranges: int | None = None
