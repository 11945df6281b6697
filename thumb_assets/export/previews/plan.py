"""Plans the files of previews: which tile lies where in which file. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from thumb_assets.export.previews.pictures import Size, tile_size, widths_of
from thumb_assets.select.tiles import Tile
from thumb_assets.settings.previews import PreviewsSettings

Row = dict[str, Any]

CAPTION_HEIGHT, GAP = 20, 4
TRICKPLAY_FOLDER = "trickplay"


@dataclass(frozen=True)
class PlannedFile:
    """One file before it is written.

    Attributes:
        kind: as in the table.
        rows: of the table, without what the file's content tells.
        size: of the picture that holds the tiles; (0, 0) where it is no picture.
    """

    kind: str
    file_name: str
    rows: Sequence[Row]
    size: Size = (0, 0)


def plan_files(
    tiles: Sequence[Tile],
    moments: Sequence[Row],
    *,
    video_id: str,
    display_size: Size,
    animations: Sequence[str],
    settings: PreviewsSettings,
) -> list[PlannedFile]:
    """All files that the settings ask for.

    Args:
        moments: the pictures of the animation, see `moments_of`.
        display_size: of the displayed frame.
        animations: which kinds of animation can be written here.
    """
    base: Row = {"video_id": video_id, "interval_seconds": settings.interval_seconds}
    files: list[PlannedFile] = []
    for width in widths_of(display_size[0], settings.widths) if tiles else ():
        size = tile_size(*display_size, width)
        common = {**base, "width": size[0], "height": size[1]}
        if "sprites" in settings.kinds:
            sprites = list(
                _sheets("sprite", f"sprites-{width}-{{:03d}}.jpg", tiles, common=common, size=size, settings=settings)
            )
            vtt: Row = {**common, "tile_index": 0, "start_seconds": 0.0, "end_seconds": tiles[-1].end_seconds}
            vtt |= {"frame_index": None, "pts_seconds": None, "x": 0, "y": 0}
            files += [*sprites, PlannedFile("webvtt", f"sprites-{width}.vtt", [vtt])]
        if "trickplay" in settings.kinds:
            name = f"{TRICKPLAY_FOLDER}/{width} - {settings.columns}x{settings.rows}/{{:d}}.jpg"
            files += _sheets("trickplay", name, tiles, common=common, size=size, settings=settings)
        if "bif" in settings.kinds:
            rows = [{**common, **_of_tile(tile), "x": 0, "y": 0} for tile in tiles]
            files.append(PlannedFile("bif", f"index-{width}.bif", rows))
    if tiles and "contact_sheet" in settings.kinds:
        files.append(_contact_sheet(tiles, base, tile_size(*display_size, settings.widths[-1]), settings))
    size = tile_size(*display_size, settings.animation_width)
    common = {**base, "interval_seconds": 1 / settings.animation_rate, "width": size[0], "height": size[1]}
    for kind in animations if moments else ():
        rows = [{**common, **moment, "x": 0, "y": 0} for moment in moments]
        files.append(PlannedFile(kind, f"preview.{kind.rpartition('_')[2]}", rows, size))
    return [PlannedFile(each.kind, each.file_name, _named(each), each.size) for each in files]


def moments_of(
    selections: pa.Table, frames: pa.Table, shots: pa.Table | None, *, settings: PreviewsSettings
) -> list[Row]:
    """The pictures of the animation in order: the time around each of the best selections, within its shot.

    Args:
        selections, frames, shots: tables of the video.

    Returns:
        Of each its place and time in the animation, and the frame that is on screen at its moment.
    """
    known = frames.filter(frames.column("luma_hash").is_valid())
    best = sorted(selections.to_pylist(), key=lambda row: int(row["rank"]))[: settings.num_moments]
    seconds, indices = (known.column(name).to_numpy() for name in ("pts_seconds", "frame_index"))
    starts = np.zeros(1, np.int64) if shots is None else shots.column("start_frame_index").to_numpy()
    step, num = 1 / settings.animation_rate, max(1, round(settings.moment_seconds * settings.animation_rate))
    rows: list[Row] = []
    last = -1
    for selection in sorted(best, key=lambda row: float(row["pts_seconds"])):
        shot = int(np.searchsorted(starts, selection["frame_index"], side="right")) - 1
        end = int(starts[shot + 1]) if shot + 1 < len(starts) else frames.num_rows
        low = int(np.searchsorted(indices, max(int(starts[shot]), last + 1)))
        high = int(np.searchsorted(indices, end)) - 1
        if high < low:
            continue
        middle = float(selection["pts_seconds"])
        earliest = math.ceil((float(seconds[low]) - middle) / step - 1e-6)
        latest = math.floor((float(seconds[high]) - middle) / step + 1e-6) + 1 - num
        begin = middle + step * max(earliest, min(-(num // 2), latest))  # in steps, so that the selection is shown
        for number in range(num):
            place = int(np.searchsorted(seconds, begin + number * step + 1e-6, side="right")) - 1
            if place > high or place < low or (place == high and int(indices[place]) == last):
                break  # the shot has ended
            last = int(indices[place])
            at = len(rows) * step
            rows.append(
                {
                    "tile_index": len(rows),
                    "start_seconds": at,
                    "end_seconds": at + step,
                    "frame_index": last,
                    "pts_seconds": float(seconds[place]),
                }
            )
    return rows


def _named(file: PlannedFile) -> list[Row]:
    return [{**row, "kind": file.kind, "file_name": file.file_name} for row in file.rows]


def _of_tile(tile: Tile) -> Row:
    return {
        "tile_index": tile.tile_index,
        "start_seconds": tile.start_seconds,
        "end_seconds": tile.end_seconds,
        "frame_index": tile.frame_index,
        "pts_seconds": tile.pts_seconds,
    }


def _sheets(
    kind: str, name: str, tiles: Sequence[Tile], *, common: Row, size: Size, settings: PreviewsSettings
) -> Iterator[PlannedFile]:
    """Sheets row by row. Those of trickplay are all of one size, as Jellyfin's are; others end with their last row."""
    columns, per_sheet = settings.columns, settings.columns * settings.rows
    for number, first in enumerate(range(0, len(tiles), per_sheet)):
        part = tiles[first : first + per_sheet]
        rows = [
            {**common, **_of_tile(tile), "x": place % columns * size[0], "y": place // columns * size[1]}
            for place, tile in enumerate(part)
        ]
        is_padded = kind == "trickplay"
        num_columns = columns if is_padded else min(columns, len(part))
        num_rows = settings.rows if is_padded else -(-len(part) // columns)
        yield PlannedFile(kind, name.format(number), rows, (num_columns * size[0], num_rows * size[1]))


def _contact_sheet(tiles: Sequence[Tile], base: Row, size: Size, settings: PreviewsSettings) -> PlannedFile:
    """The best tile of each of equal parts of the video: of those that break fewest rules the one in the middle."""
    num, columns = min(settings.contact_tiles, len(tiles)), min(settings.contact_columns, len(tiles))
    bounds = [len(tiles) * number // num for number in range(num + 1)]
    rows: list[Row] = []
    cell = (size[0] + GAP, size[1] + CAPTION_HEIGHT + GAP)
    for place, (first, end) in enumerate(pairwise(bounds)):
        middle = (first + end - 1) / 2
        best = min(tiles[first:end], key=lambda tile: (tile.num_broken, abs(tile.tile_index - middle)))
        spot = {"x": GAP + place % columns * cell[0], "y": GAP + place // columns * cell[1]}
        span = {"start_seconds": tiles[first].start_seconds, "end_seconds": tiles[end - 1].end_seconds}
        shape = {"width": size[0], "height": size[1], "interval_seconds": None}
        rows.append({**base, **_of_tile(best), **span, **spot, **shape, "tile_index": place})
    whole = (GAP + columns * cell[0], GAP + -(-len(rows) // columns) * cell[1])
    return PlannedFile("contact_sheet", "contact-sheet.jpg", rows, whole)
