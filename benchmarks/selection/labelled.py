"""Ours against people's labels: a folder of videos with `labels.csv` (file, frame_index or seconds, score)."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.page import table
from benchmarks.selection.ours import Ours
from benchmarks.selection.strategies import EVERY_CANDIDATE

_KS = (1, 3, 5)
_RELEVANT_SHARE = 0.2
# A candidate has the label of the nearest labelled frame, where one is as near as this.
_MAX_SECONDS = 1.0
_LABELS = "labels.csv"
_TRUE, _FALSE = ("true", "yes"), ("false", "no")


@dataclass(frozen=True)
class Labels:
    """Labels of one video: places in frames or in seconds, and the score people gave there.

    Attributes:
        column: `frame_index` or `seconds`.
        places: (L,) ascending.
        scores: (L,) float64, more is better.
    """

    column: str
    places: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    def is_relevant(self) -> npt.NDArray[np.bool_]:
        """(L,) the frames a chooser should find: those that are true, or the top 20 %."""
        if set(np.unique(self.scores)) <= {0.0, 1.0}:
            return self.scores == 1.0
        return self.scores >= np.quantile(self.scores, 1 - _RELEVANT_SHARE)


def read_labels(path: Path) -> dict[str, Labels]:
    """By file name.

    Raises:
        click.ClickException: the file cannot be read, a column is missing or a value is no number.
    """
    rows: dict[str, list[tuple[float, float]]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            names = set(reader.fieldnames or ())
            column = "frame_index" if "frame_index" in names else "seconds"
            if not {"file", "score", column} <= names:
                raise click.ClickException(f"{path}: needs the columns file, frame_index or seconds, and score")
            for row in reader:
                rows.setdefault(row["file"], []).append((float(row[column]), _score(row["score"])))
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise click.ClickException(f"{path}: line {reader.line_num} has no number where one is needed") from error
    labels = {}
    for name, pairs in rows.items():
        places, scores = np.array(sorted(pairs)).T
        labels[name] = Labels(column, places, scores)
    return labels


def report_labelled(folder: Path, ours: Ours) -> str:
    """A Markdown table: precision of the first picks, and how far the order of scores is that of the labels."""
    labels = read_labels(folder / _LABELS)
    missing = sorted(name for name in labels if not (folder / name).is_file())
    if missing:
        raise click.ClickException(f"{folder}: lacks {', '.join(missing)}, which {_LABELS} names")
    paths = [folder / name for name in labels]
    top = ours.selections(paths, (f"selection.top_k={max(_KS)}",))
    every = ours.selections(paths, EVERY_CANDIDATE)
    rows = []
    for path in paths:
        found, known = labels[path.name], every[path]
        precisions = [precision(top[path], found, k=k) for k in _KS]
        rows.append((path.name, *precisions, kendall_tau(known, found)))
    means = [float(np.nanmean(values)) for values in np.array([row[1:] for row in rows], np.float64).T]
    cells = [(str(row[0]), *(f"{value:.2f}" for value in row[1:])) for row in rows]
    headings = ("video", *(f"precision at {k}" for k in _KS), "Kendall's tau")
    return table(headings, [*cells, ("mean", *(f"{value:.2f}" for value in means))]) + "\n"


def precision(selections: pa.Table, labels: Labels, *, k: int) -> float:
    """Share of the first k picks with a relevant label, of those that have a label; NaN where none has."""
    rows: Sequence[Mapping] = sorted(selections.to_pylist(), key=lambda row: row["rank"])[:k]
    relevant = labels.is_relevant()
    places = [_nearest(row, labels) for row in rows]
    hits = [bool(relevant[place]) for place in places if place is not None]
    return float(np.mean(hits)) if hits else float("nan")


def kendall_tau(selections: pa.Table, labels: Labels) -> float:
    """Tau-b between `combined_score` and the labels, over the candidates that have both; NaN for fewer than two."""
    from scipy.stats import kendalltau

    pairs = [
        (row["combined_score"], labels.scores[place])
        for row in selections.to_pylist()
        if (place := _nearest(row, labels)) is not None
    ]
    if len(pairs) < 2:
        return float("nan")
    scores, wanted = zip(*pairs, strict=True)
    return float(kendalltau(scores, wanted).statistic)


def _nearest(row: Mapping, labels: Labels) -> int | None:
    """Place of the label that a candidate has."""
    if labels.column == "frame_index":
        at, reach = row["frame_index"], _MAX_SECONDS * row["frame_index"] / max(row["pts_seconds"], 1e-9)
    else:
        at, reach = row["pts_seconds"], _MAX_SECONDS
    off = np.abs(labels.places - at)
    place = int(off.argmin())
    is_near = off[place] <= (reach if at else 0.5)
    return place if is_near else None


def _score(text: str) -> float:
    lower = text.strip().lower()
    return 1.0 if lower in _TRUE else 0.0 if lower in _FALSE else float(lower)
