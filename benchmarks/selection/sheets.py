"""Contact sheets: what a video's good moments look like, what ours chose, what the best of the others chose."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.selection.compare import Outcome, SplitResult
from benchmarks.selection.damage import decoded
from benchmarks.selection.make import MadeVideo
from benchmarks.selection.strategies import STRATEGIES
from benchmarks.selection.truth import Truth

_NUM_WORST = 10
_WIDTH, _HEIGHT, _TEXT = 320, 180, 34
# Along the whole video, so that the labels can be checked by eye.
_NUM_STRIP = 30


def write_sheets(result: SplitResult, folder: Path, *, numbers: Sequence[int] = ()) -> list[Path]:
    """One JPEG per video: the ten worst of ours by bad picks, then by missed moments; and any asked for.

    Args:
        result: of a split; ours took part, or the videos are taken in their order.
        folder: made where it is missing.
        numbers: further videos of the split.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {*_worst(result), *(place for place, video in enumerate(result.videos) if video.plan.number in numbers)}
    paths = []
    for place in sorted(wanted):
        video = result.videos[place]
        path = folder / f"{video.name}.jpg"
        _sheet(video, _rows(video, result)).save(path, quality=88)
        paths.append(path)
    return paths


def _worst(result: SplitResult) -> list[int]:
    outcome = next((each for name, each in result.outcomes.items() if name in STRATEGIES), None)
    if outcome is None:
        return list(range(len(result.videos)))[:_NUM_WORST]
    bad, recall = outcome.values["bad_3"], outcome.values["recall_3"]
    return sorted(range(len(result.videos)), key=lambda place: (-bad[place], recall[place]))[:_NUM_WORST]


def _rows(video: MadeVideo, result: SplitResult) -> list[tuple[str, list[tuple[int, str]]]]:
    """Heading and (frame, text) of each row."""
    truth = video.truth
    moments = sorted({moment for moment in truth.moments if moment is not None})
    rows = [("planted moments", [(_middle_of(truth, moment), f"moment {moment}") for moment in moments])]
    shown = [each for name, each in result.outcomes.items() if name in STRATEGIES]
    best = result.best_baseline()
    rows += [_row(video, outcome) for outcome in [*shown, *([best] if best else [])]]
    steps = np.linspace(0, truth.num_frames - 1, _NUM_STRIP).astype(int).tolist()
    return [*rows, ("the whole video", [(index, truth.label(index)) for index in steps])]


def _row(video: MadeVideo, outcome: Outcome) -> tuple[str, list[tuple[int, str]]]:
    picks = [
        (pick.frame_index, video.truth.label(pick.frame_index) + ("" if pick.score is None else f"  {pick.score:.3f}"))
        for pick in outcome.draws[video.name][0]
    ]
    return outcome.contestant, picks


def _middle_of(truth: Truth, moment: int) -> int:
    frames = [
        index
        for index in range(truth.num_frames)
        if truth.moment_of(index) == moment and truth.kinds[index] == "moment"
    ]
    return frames[len(frames) // 2]


def _sheet(video: MadeVideo, rows: Sequence[tuple[str, list[tuple[int, str]]]]) -> Any:
    from PIL import Image, ImageDraw

    wanted = {index for _, cells in rows for index, _ in cells}
    pictures = {
        index: picture.reformat(width=_WIDTH, height=_HEIGHT, format="rgb24").to_ndarray()
        for index, picture in enumerate(decoded(video.path))
        if index in wanted
    }
    columns = 6
    lines = sum(-(-len(cells) // columns) for _, cells in rows)
    sheet = Image.new("RGB", (columns * _WIDTH, lines * (_HEIGHT + _TEXT)), (24, 24, 24))
    draw = ImageDraw.Draw(sheet)
    top = 0
    for heading, cells in rows:
        for place, (index, text) in enumerate(cells):
            down, across = divmod(place, columns)
            x, y = across * _WIDTH, top + down * (_HEIGHT + _TEXT)
            is_bad = video.truth.is_bad(index)
            colour = (255, 120, 110) if is_bad else (140, 230, 140) if video.truth.is_good(index) else (220, 220, 120)
            draw.text((x + 4, y + 2), heading if not place else "", fill=(255, 255, 255), font_size=14)
            draw.text((x + 4, y + 17), f"{index}: {text}", fill=colour, font_size=14)
            sheet.paste(Image.fromarray(pictures[index]), (x, y + _TEXT))
        top += -(-len(cells) // columns) * (_HEIGHT + _TEXT)
    return sheet
