"""Labelled clips: `labels.json` in a folder of videos, and `MANIFEST.tsv` beside it where there is one."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from thumb_assets.errors import BadInputError

LABELS, MANIFEST = "labels.json", "MANIFEST.tsv"
# A clip with fewer distinct screens is no recording of screens.
_LEAST_SCREENS = 2
# The first family with a word that the clip's kind contains; see `Clip.family`.
_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("slides and screens", ("slide", "screen", "terminal", "ui", "app", "web", "desktop", "code", "editor")),
    ("games and animation", ("game", "animation", "animated", "cartoon", "anime")),
    ("edited", ("edited", "trailer", "news", "interview", "advert", "film", "cuts", "music")),
    ("talks and stages", ("talking", "head", "lecture", "speaker", "concert", "stage", "webcam", "meeting", "vlog")),
    ("fixed or mounted camera", ("drone", "dash", "surveillance", "lapse", "cctv", "aerial", "traffic")),
    ("handheld takes", ("handheld", "ugc", "take", "pet", "people", "sport", "phone", "macro")),
)
OTHER_FAMILY = "other"


@dataclass(frozen=True)
class Span:
    """Frames [start, exclusive_end) and the labeller's words for them."""

    start: int
    exclusive_end: int
    text: str

    def __contains__(self, frame_index: object) -> bool:
        return isinstance(frame_index, int) and self.start <= frame_index < self.exclusive_end


@dataclass(frozen=True)
class Clip:
    """One labelled clip.

    Attributes:
        path: its file.
        kind: kind of footage, in words, the widest first.
        source: who made or published it; clips of one source are not independent.
        num_frames: displayed frames that the labels count.
        seconds: its length.
        bad: frames that nobody would take.
        good: moments that one would want.
        same: pairs of texts of `good` that look alike.
        screens: states of slides and screens.
        num_screens: how many of these are distinct; 0 where none are labelled.
    """

    path: Path
    kind: str
    source: str
    num_frames: int
    seconds: float
    bad: tuple[Span, ...]
    good: tuple[Span, ...]
    same: tuple[tuple[str, str], ...] = ()
    screens: tuple[Span, ...] = ()
    num_screens: int = 0

    @property
    def name(self) -> str:
        """Its file's name."""
        return self.path.name

    @property
    def family(self) -> str:
        """Its kind of footage, wide enough that several clips share it."""
        words = set(self.kind.lower().replace(",", " ").replace("/", " ").split())
        stems = words | {word.rstrip("s") for word in words}
        return next((name for name, own in _FAMILIES if stems & set(own)), OTHER_FAMILY)

    @property
    def has_screens(self) -> bool:
        """True if it shows several distinct screens."""
        return self.num_screens >= _LEAST_SCREENS

    @cached_property
    def _leaders(self) -> dict[str, str]:
        leaders = {span.text: span.text for span in self.good}
        for one, other in self.same:
            former, kept = leaders[other], leaders[one]
            leaders = {text: kept if leader == former else leader for text, leader in leaders.items()}
        return leaders

    @property
    def num_moments(self) -> int:
        """Distinct moments: those that look alike count as one."""
        return len(set(self._leaders.values()))

    def moment_of(self, frame_index: int) -> str | None:
        """The moment that a frame shows, by the name of one of those that look alike; None outside of all."""
        text = next((span.text for span in self.good if frame_index in span), None)
        return None if text is None else self._leaders[text]

    def screen_of(self, frame_index: int) -> str | None:
        """The screen that a frame shows, in words; None outside of all."""
        return next((span.text for span in self.screens if frame_index in span), None)

    def why_bad(self, frame_index: int) -> str | None:
        """The reason why nobody would take this frame; None if somebody might."""
        return next((span.text for span in self.bad if frame_index in span), None)

    def label(self, frame_index: int) -> str:
        """For people: `bad: motion blur`, `good: dog runs to the camera`, `neutral`."""
        why, what = self.why_bad(frame_index), next((each.text for each in self.good if frame_index in each), None)
        return f"bad: {why}" if why else f"good: {what}" if what else "neutral"


def read_clips(folder: Path) -> list[Clip]:
    """The labelled clips of a folder, in the order of the labels.

    Raises:
        BadInputError: a file cannot be read or is missing, or a label makes no sense; one line for each.
    """
    labels = _read_json(folder / LABELS)
    sources = _read_sources(folder / MANIFEST)
    clips, problems = [], []
    for name, label in labels.items():
        try:
            clip = _clip(folder / name, label, source=sources.get(name, name))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problems.append(f"{name}: {error!r} in the labels of this clip")
            continue
        problems += [f"{name}: {problem}" for problem in _problems(clip)]
        clips.append(clip)
    if problems:
        raise BadInputError(f"{folder / LABELS}: " + "\n".join(problems))
    if not clips:
        raise BadInputError(f"{folder / LABELS}: names no clip")
    return clips


def _clip(path: Path, label: Mapping[str, Any], *, source: str) -> Clip:
    screens = _spans(label.get("screens", ()))
    return Clip(
        path=path,
        kind=str(label["kind"]),
        source=str(label.get("source", source)),
        num_frames=int(label["frames"]),
        seconds=float(label["seconds"]),
        bad=_spans(label["bad"]),
        good=_spans(label["good"]),
        same=tuple((str(one), str(other)) for one, other in label["same"]),
        screens=screens,
        num_screens=int(label.get("distinct_screens", 0)),
    )


def _spans(rows: Sequence[Sequence[Any]]) -> tuple[Span, ...]:
    return tuple(Span(int(start), int(end), str(text)) for start, end, text in rows)


def _problems(clip: Clip) -> list[str]:
    problems = [] if clip.path.is_file() else ["there is no such file beside the labels"]
    problems += [
        f"[{span.start}, {span.exclusive_end}) does not lie in [0, {clip.num_frames})"
        for span in (*clip.bad, *clip.good, *clip.screens)
        if not 0 <= span.start < span.exclusive_end <= clip.num_frames
    ]
    names = [span.text for span in clip.good]
    problems += [f"two moments are called {text!r}" for text in sorted(set(names)) if names.count(text) > 1]
    named = [text for pair in clip.same for text in pair]
    problems += [f"`same` names {text!r}, which is no moment" for text in named if text not in names]
    return problems


def _read_json(path: Path) -> dict[str, dict[str, Any]]:
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}; name a folder of clips with their labels") from error
    except ValueError as error:
        raise BadInputError(f"{path}: is not JSON: {error}") from error
    if not isinstance(labels, dict):
        raise BadInputError(f"{path}: must be an object, one clip by file name each")
    return labels


def _read_sources(path: Path) -> dict[str, str]:
    """By file name the repository that a clip comes from; empty where no manifest is."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {row["file"]: row["repo"] for row in rows if row.get("file") and row.get("repo")}
