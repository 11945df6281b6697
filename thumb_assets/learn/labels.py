"""Labels of frames, from people's decisions and from CSV files, as targets from 0 to 1."""

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pyarrow as pa

from thumb_assets.errors import BadInputError

# A still counts as if it had been shown so often more, clicked as often as its video's stills are on the whole. Of few
# impressions a rate says little.
PRIOR_IMPRESSIONS = 100.0
_KEYS = ("video_id", "frame_index")
_COUNTS = ("clicks", "impressions")
_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}

Frame = tuple[str, int]
# The ids that one in a file may be short for.
Resolve = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Label:
    """A person's opinion of a frame.

    Attributes:
        target: 0 for unwanted to 1 for wanted.
        weight: how much it counts beside others, greater than 0.
    """

    video_id: str
    frame_index: int
    target: float
    weight: float = 1.0


@dataclass
class LeftOut:
    """The rows that nothing is learned from: by reason, each as people know it."""

    rows: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, frame: Frame) -> None:
        """Notes one."""
        self.rows.setdefault(reason, []).append(f"{frame[0]} frame {frame[1]}")

    def lines(self) -> list[str]:
        """One line per reason, with how many they are and an example."""
        return [
            f"left out ({'1 row' if len(rows) == 1 else f'{len(rows)} rows'}, {min(rows)}"
            f"{', ...' if len(rows) > 1 else ''}): {reason}"
            for reason, rows in sorted(self.rows.items())
        ]


def labels_of_decisions(decisions: pa.Table) -> list[Label]:
    """1 for the pinned frames and covers of a table `decisions`, 0 for the banned ones."""
    rows = decisions.to_pylist()
    return [Label(row["video_id"], row["frame_index"], float(row["decision"] != "ban")) for row in rows]


def read_labels(path: Path, *, resolve: Resolve, left_out: LeftOut) -> list[Label]:
    """The labels of a CSV file with the columns video_id, frame_index, and label, or clicks and impressions.

    A label is true, false, yes, no or a number. Where a number of the file is outside 0..1, all are mapped to 0..1, the
    least to 0 and the greatest to 1. Clicks and impressions of rows of one frame are added up; their rate, smoothed by
    PRIOR_IMPRESSIONS, is compared with that of all labelled stills of the video: for a ratio r of the two the target is
    r / (1 + r), 0.5 for what is clicked like the others, and the weight is that of the impressions beside the prior's.

    Args:
        path: UTF-8, comma-separated, a header; other columns are passed over.
        resolve: the ids of videos that are known, of which a row's may be the beginning.
        left_out: takes the rows of unknown videos, without impressions, of videos without a click.

    Raises:
        BadInputError: the file cannot be read, lacks a column, or a row holds what is none of these.
    """
    columns, rows = _rows(path)
    if "label" in columns:
        return _graded(_known(path, rows, resolve, left_out), grades=_grades(path, rows))
    return _clicked(path, _known(path, rows, resolve, left_out), left_out)


def merged(labels: Iterable[Label]) -> list[Label]:
    """One label per frame, ascending: the weighted mean of its targets, and its weights added up.

    The order of the labels changes nothing, not even in the last digit.
    """
    by_frame: dict[Frame, list[Label]] = defaultdict(list)
    for label in labels:
        by_frame[label.video_id, label.frame_index].append(label)
    result = []
    for frame, own in sorted(by_frame.items()):
        weight = math.fsum(label.weight for label in own)
        target = math.fsum(label.weight * label.target for label in own) / weight
        result.append(Label(*frame, target, weight))
    return result


_Row = tuple[int, dict[str, str]]


def _rows(path: Path) -> tuple[set[str], list[_Row]]:
    """The names of the columns, and each row with its line, by column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = {name.strip() for name in reader.fieldnames or ()}
            rows = [
                (reader.line_num, {str(name).strip(): (value or "").strip() for name, value in row.items() if name})
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BadInputError(f"{path}: cannot be read as CSV: {reason}; give a UTF-8 file with a header") from error
    if not set(_KEYS) <= columns or not ("label" in columns or set(_COUNTS) <= columns):
        raise BadInputError(
            f"{path}: its first line names {', '.join(sorted(columns)) or 'no column'}; it must name video_id, "
            "frame_index, and either label or clicks and impressions"
        )
    if "label" in columns and columns & set(_COUNTS):
        raise BadInputError(f"{path}: has both label and clicks or impressions; give one kind of them")
    return columns, rows


def _known(path: Path, rows: Iterable[_Row], resolve: Resolve, left_out: LeftOut) -> list[tuple[Frame, _Row]]:
    """The rows of known videos, each with its frame."""
    found = []
    resolved = cache(resolve)
    for line, row in rows:
        frame_index = _number(path, line, row, "frame_index")
        if not frame_index.is_integer():
            raise BadInputError(f"{path}: line {line}: frame_index {row['frame_index']!r} is no whole number")
        video_ids = resolved(row["video_id"]) if row["video_id"] else ()
        if len(video_ids) == 1:
            found.append(((video_ids[0], int(frame_index)), (line, row)))
        else:
            reason = (
                "the video_id begins several videos; give more of it" if video_ids else "no video that was run here"
            )
            left_out.add(reason, (row["video_id"] or "(no video_id)", int(frame_index)))
    return found


def _grades(path: Path, rows: Sequence[_Row]) -> dict[int, float]:
    """The target of each row, by its line: the scale is that of the whole file, whichever of its videos are known."""
    grades = {
        line: _WORDS[word] if (word := row["label"].lower()) in _WORDS else _number(path, line, row, "label")
        for line, row in rows
    }
    least, most = min(grades.values(), default=0.0), max(grades.values(), default=1.0)
    if least < 0 or most > 1:
        words = [row["label"] for _, row in rows if row["label"].lower() in _WORDS]
        if words:
            raise BadInputError(
                f"{path}: has both words ({words[0]}) and numbers beyond 0 to 1 ({most if most > 1 else least:g}); "
                "give one kind of label"
            )
        return {line: (grade - least) / (most - least) if most > least else 0.5 for line, grade in grades.items()}
    return grades


def _graded(rows: Sequence[tuple[Frame, _Row]], *, grades: Mapping[int, float]) -> list[Label]:
    return [Label(*frame, grades[line]) for frame, (line, _) in rows]


def _clicked(path: Path, rows: Sequence[tuple[Frame, _Row]], left_out: LeftOut) -> list[Label]:
    counts: dict[Frame, tuple[float, float]] = {}
    for frame, (line, row) in rows:
        clicks, impressions = (_number(path, line, row, name) for name in _COUNTS)
        if not 0 <= clicks <= impressions:
            raise BadInputError(f"{path}: line {line}: {row['clicks']} clicks of {row['impressions']} impressions")
        before = counts.get(frame, (0.0, 0.0))
        counts[frame] = before[0] + clicks, before[1] + impressions
    rates = _rates_of_videos(counts)
    labels = []
    for frame, (clicks, impressions) in counts.items():
        rate = rates.get(frame[0], 0.0)
        if not impressions or not rate:
            left_out.add("no impression" if not impressions else "no still of the video was clicked", frame)
            continue
        ratio = (clicks + PRIOR_IMPRESSIONS * rate) / (impressions + PRIOR_IMPRESSIONS) / rate
        weight = impressions / (impressions + PRIOR_IMPRESSIONS)
        labels.append(Label(*frame, ratio / (1 + ratio), weight))
    return labels


def _rates_of_videos(counts: Mapping[Frame, tuple[float, float]]) -> dict[str, float]:
    by_video: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for (video_id, _), of_frame in counts.items():
        by_video[video_id].append(of_frame)
    sums = {video_id: tuple(map(math.fsum, zip(*own, strict=True))) for video_id, own in by_video.items()}
    return {video_id: clicks / impressions for video_id, (clicks, impressions) in sums.items() if impressions}


def _number(path: Path, line: int, row: Mapping[str, str], name: str) -> float:
    text = row.get(name, "")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        kinds = "number, true or false" if name == "label" else "number"
        raise BadInputError(f"{path}: line {line}: {name} {text!r} is no {kinds}")
    return value
