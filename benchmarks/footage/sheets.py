"""Contact sheets of the clips on which ours chose worst: picks with their reasons, and what was there to choose."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.footage.compare import OURS, STRATEGIES, Result, worst_first
from benchmarks.footage.labels import Clip
from benchmarks.footage.measures import K
from benchmarks.footage.page import missed_moments
from thumb_assets.errors import BadInputError
from thumb_assets.video.decode import VideoDecoder

_WIDTH, _HEIGHT, _LINE, _SHORT_SIDE = 320, 200, 15, 240
_COLUMNS, _LETTERS = 6, 46
# Along the whole clip, so that the labels can be checked by eye.
_NUM_STRIP = 18
# Contestants whose picks are shown.
_SHOWN = (OURS, "sharpest", "ffmpeg_thumbnail")
_BAD, _GOOD, _NEUTRAL = (255, 120, 110), (140, 230, 140), (220, 220, 120)


@dataclass(frozen=True)
class _Cell:
    frame_index: int
    text: str


def require_outside_repository(folder: Path) -> None:
    """Pictures of clips that may not be passed on stay out of what is passed on.

    Raises:
        BadInputError: the folder lies in this repository.
    """
    repository = Path(__file__).resolve().parents[2]
    if folder.resolve().is_relative_to(repository):
        raise BadInputError(
            f"{folder}: lies in the repository; pictures of labelled clips must not, name another folder"
        )


def write_sheets(result: Result, folder: Path, *, num_worst: int, names: Sequence[str] = ()) -> list[Path]:
    """One JPEG per clip, numbered from the worst on.

    Args:
        result: ours took part.
        folder: made where it is missing; outside of the repository.
        num_worst: how many clips.
        names: further clips, by file name.

    Raises:
        BadInputError: the folder lies in this repository.
    """
    require_outside_repository(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for place, clip in enumerate(worst_first(result), 1):
        if place <= num_worst or clip.name in names:
            path = folder / f"{place:02d}-{clip.path.stem}.jpg"
            _sheet(clip, _rows(clip, result)).save(path, quality=86)
            paths.append(path)
    return paths


def _rows(clip: Clip, result: Result) -> list[tuple[str, list[_Cell]]]:
    """Heading and pictures of each row."""
    reasons = {row["frame_index"]: row for row in result.tables[clip.name]["selections"].to_pylist()}
    rows = []
    for name, outcome in result.outcomes.items():
        if name not in _SHOWN:
            continue
        cells = []
        for rank, pick in enumerate(outcome.picks[clip.name][:K], 1):
            score = "" if pick.score is None else f" score {pick.score:.3g}"
            why = reasons[pick.frame_index]["reason"] if name == OURS and pick.frame_index in reasons else ""
            cells.append(_Cell(pick.frame_index, f"rank {rank}{score}. {why}"))
        rows.append((name, cells))
    rows.sort(key=lambda row: row[0] not in STRATEGIES)
    fates = {text: f"missed: {fate}" for text, fate in missed_moments(result, clip).items()}
    moments = [_Cell((span.start + span.exclusive_end) // 2, fates.get(span.text, "found")) for span in clip.good]
    strip = np.linspace(0, clip.num_frames - 1, _NUM_STRIP).astype(int).tolist()
    return [*rows, ("the labelled moments", moments), ("the whole clip", [_Cell(index, "") for index in strip])]


def _sheet(clip: Clip, rows: Sequence[tuple[str, list[_Cell]]]) -> Any:
    from PIL import Image, ImageDraw

    pictures = _pictures(clip, {cell.frame_index for _, cells in rows for cell in cells})
    placed, top = [], 0
    for heading, cells in rows:
        for first in range(0, len(cells), _COLUMNS):
            line = cells[first : first + _COLUMNS]
            texts = [_lines(clip, cell) for cell in line]
            height = _HEIGHT + _LINE * (1 + max(map(len, texts)))
            placed.append((top, heading if not first else "", line, texts))
            top += height
    sheet = Image.new("RGB", (_COLUMNS * _WIDTH, max(top, 1)), (24, 24, 24))
    draw = ImageDraw.Draw(sheet)
    for top, heading, line, texts in placed:
        draw.text((4, top + 1), f"{clip.name} ({clip.kind}): {heading}" if heading else "", fill="white", font_size=13)
        for column, (cell, lines) in enumerate(zip(line, texts, strict=True)):
            left = column * _WIDTH
            colour = _colour(clip, cell.frame_index)
            for number, text in enumerate(lines, 1):
                draw.text((left + 4, top + _LINE * number), text, fill=colour, font_size=12)
            picture = Image.fromarray(pictures[cell.frame_index])
            picture.thumbnail((_WIDTH - 4, _HEIGHT - 4))
            sheet.paste(picture, (left, top + _LINE * (1 + max(map(len, texts)))))
    return sheet


def _lines(clip: Clip, cell: _Cell) -> list[str]:
    return textwrap.wrap(f"{cell.frame_index} {clip.label(cell.frame_index)}. {cell.text}", _LETTERS)


def _colour(clip: Clip, frame_index: int) -> tuple[int, int, int]:
    return _BAD if clip.why_bad(frame_index) else _GOOD if clip.moment_of(frame_index) else _NEUTRAL


def _pictures(clip: Clip, wanted: set[int]) -> dict[int, Any]:
    pictures = {}
    with VideoDecoder(clip.path) as decoder:
        for frame in decoder:
            if frame.frame_index in wanted:
                pictures[frame.frame_index] = frame.rgb(_SHORT_SIDE)
            if len(pictures) == len(wanted):
                break
    return pictures
