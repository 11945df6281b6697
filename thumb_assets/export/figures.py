"""The pictures people look at: contact sheets, a video's scores over time, small copies of stills."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

_TILE_HEIGHT, _CAPTION_HEIGHT, _GAP = 200, 26, 8
# A sheet is carried along by an event of Dagster's: 12 tiles are about 150 kB.
_MAX_TILES = 12
# What Dagster's dialog shows without a scroll bar.
_MAX_WIDTH = 1040
_BACKGROUND, _TEXT = (24, 24, 24), (235, 235, 235)
# Okabe and Ito's colours, which people with any colour vision can distinguish.
_LINE, _CANDIDATE, _SELECTION, _SHOT = "#0072B2", "#E69F00", "#D55E00", "#999999"


def contact_sheet(folder: Path, stills: pa.Table, selections: pa.Table) -> bytes:
    """A JPEG with the best stills as tiles, best first, captioned with rank, time and score.

    Args:
        folder: `stills/{video_id}`.
        stills, selections: tables of the contract, of one video.

    Raises:
        OSError: a still is missing or no picture.
    """
    selected = {row["frame_index"]: row for row in selections.to_pylist()}
    tiles = []
    for still in sorted(stills.to_pylist(), key=lambda row: int(row["rank"]))[:_MAX_TILES]:
        selection = selected[still["frame_index"]]
        caption = f"{still['rank']}.  {selection['pts_seconds']:.3f} s   score {selection['combined_score']:.4f}"
        tiles.append(_tile(folder / still["file_name"], caption))
    return _jpeg(_sheet(tiles or [_captioned(Image.new("RGB", (320, _TILE_HEIGHT), _BACKGROUND), "no stills")]))


def crops_sheet(folder: Path, crops: pa.Table) -> bytes:
    """A JPEG with the first crops as tiles, best still first, captioned with rank, ratio and what decided the place.

    Args:
        folder: `crops/{video_id}`.
        crops: table of the contract, of one video.

    Raises:
        OSError: a crop is missing or no picture.
    """
    rows = sorted(crops.to_pylist(), key=lambda row: int(row["rank"]))[:_MAX_TILES]
    tiles = [
        _tile(folder / row["file_name"], f"{row['rank']}.  {row['aspect_ratio']}  by {row['rule']}") for row in rows
    ]
    return _jpeg(_sheet(tiles or [_captioned(Image.new("RGB", (320, _TILE_HEIGHT), _BACKGROUND), "no crops")]))


def captioned_sheet(pictures: Sequence[tuple[BinaryIO, str]]) -> bytes:
    """A JPEG with pictures as tiles, each with its caption.

    Args:
        pictures: the file of each, opened, and its caption.

    Raises:
        OSError: one is no picture.
    """
    return _jpeg(_sheet([_tile(picture, caption) for picture, caption in pictures]))


def grid_sheet(
    pictures: Sequence[tuple[BinaryIO, str]], *, num_columns: int, cell_size: tuple[int, int], caption_height: int
) -> bytes:
    """A JPEG of equal cells, row by row, each with a picture fitted into it and its caption below.

    Args:
        cell_size: width and height of a cell in pixels, the caption's height among it.

    Raises:
        OSError: one is no picture.
    """
    width, height = cell_size
    sheet = Image.new("RGB", (num_columns * width, -(-len(pictures) // num_columns) * height), _BACKGROUND)
    font, draw = ImageFont.load_default(caption_height - 4), ImageDraw.Draw(sheet)
    for place, (file, caption) in enumerate(pictures):
        left, top = place % num_columns * width, place // num_columns * height
        with Image.open(file) as still:
            still.draft("RGB", (width, height))
            picture = ImageOps.contain(still.convert("RGB"), (width, height - caption_height))
        sheet.paste(picture, (left + (width - picture.width) // 2, top))
        draw.text((left + 4, top + picture.height), caption, font=font, fill=_TEXT)
    return _jpeg(sheet)


def score_timeline(
    frames: pa.Table,
    *,
    candidates: pa.Table,
    shots: pa.Table,
    selections: pa.Table,
    sharpness: pa.Table | None = None,
    title: str = "",
) -> bytes:
    """A PNG of 1040x380 px: Laplacian variance of decoded frames, shot boundaries, candidates and selections over time.

    Args:
        frames, candidates (candidate_frames), shots, selections, sharpness: tables of the contract, of one video.
            Where frames has no laplacian_variance, the points of `sharpness` are all there is.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # The object-oriented interface: pyplot keeps state in the process and is not safe between threads.
    figure = Figure(figsize=(10.4, 3.8), dpi=100)
    canvas = FigureCanvasAgg(figure)
    # The margins are given: finding them by drawing everything once takes as long as the picture itself.
    axes = figure.add_axes((0.07, 0.135, 0.92, 0.765))
    seconds, values = _seconds(frames), _variance_by_frame(frames, sharpness)
    # A frame that was not decoded has no value: the line goes on to the next one that was.
    rows = [index for index in frames.column("frame_index").to_pylist() if index in values]
    axes.plot([seconds[i] for i in rows], [values[i] for i in rows], color=_LINE, lw=1, label="frames")
    cuts = [seconds[start] for start in shots.column("start_frame_index").to_pylist()[1:] if start in seconds]
    if cuts:
        across = axes.get_xaxis_transform()
        axes.vlines(cuts, 0, 1, transform=across, color=_SHOT, lw=1, ls="--", zorder=0, label="shot boundary")
    _points(axes, candidates, seconds, values, label="candidates", color=_CANDIDATE, marker="o", s=28, zorder=3)
    _points(axes, selections, seconds, values, label="selections", color=_SELECTION, marker="*", s=190, zorder=4)
    for row in selections.to_pylist():
        place = (seconds[row["frame_index"]], values.get(row["frame_index"], 0.0))
        box = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
        axes.annotate(str(row["rank"]), place, xytext=(8, 7), textcoords="offset points", fontsize=10, bbox=box)
    axes.set(xlabel="time (s)", ylabel="Laplacian variance (level²)", ylim=(0, 1.2 * max([*values.values(), 1.0])))
    axes.set_title(title, loc="left", fontsize=11)
    axes.margins(x=0.01)
    axes.locator_params(nbins=6)
    figure.legend(loc="upper right", ncols=4, fontsize=9, frameon=False)
    canvas.draw()  # type: ignore[no-untyped-call]
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[no-untyped-call]
    buffer = io.BytesIO()
    # The same table gives the same bytes. With 64 colours they take a third of the room in Dagster's event.
    picture.quantize(64, method=Image.Quantize.FASTOCTREE).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _points(axes: Any, table: pa.Table, seconds: dict[int, float], values: dict[int, float], **style: Any) -> None:
    rows = table.column("frame_index").to_pylist()
    axes.scatter(
        [seconds.get(i, math.nan) for i in rows], [values.get(i, 0.0) for i in rows], edgecolors="white", **style
    )


def _seconds(frames: pa.Table) -> dict[int, float]:
    return dict(zip(frames.column("frame_index").to_pylist(), frames.column("pts_seconds").to_pylist(), strict=True))


def _variance_by_frame(*tables: pa.Table | None) -> dict[int, float]:
    values: dict[int, float] = {}
    for table in tables:
        if table is not None:
            rows = zip(
                table.column("frame_index").to_pylist(), table.column("laplacian_variance").to_pylist(), strict=True
            )
            values.update({index: value for index, value in rows if value is not None and index not in values})
    return values


def still_thumbnail(path: Path, *, height: int = _TILE_HEIGHT) -> bytes:
    """A JPEG of a still, that many pixels high; a smaller one is not enlarged.

    Raises:
        OSError: the file is missing or no picture.
    """
    return _jpeg(_reduced(path, height, is_enlarged=False))


def quick_thumbnail(path: Path, *, height: int = _TILE_HEIGHT) -> bytes:
    """As `still_thumbnail`, at half of its cost, for thousands of them.

    Raises:
        OSError: the file is missing or no picture.
    """
    return _jpeg(_reduced(path, height, is_enlarged=False, resampling=Image.Resampling.BOX))


def picture_jpeg(rgb: NDArray[np.uint8]) -> bytes:
    """A JPEG of a picture.

    Args:
        rgb: (H, W, 3) uint8.
    """
    return _jpeg(Image.fromarray(rgb))


def _tile(path: Path | BinaryIO, caption: str) -> Image.Image:
    return _captioned(_reduced(path), caption)


def _reduced(
    path: Path | BinaryIO,
    height: int = _TILE_HEIGHT,
    *,
    is_enlarged: bool = True,
    resampling: Image.Resampling = Image.Resampling.LANCZOS,
) -> Image.Image:
    with Image.open(path) as still:
        height = height if is_enlarged else min(height, still.height)
        still.draft("RGB", (still.width * height // still.height, height))
        picture = still.convert("RGB")
    width = max(1, round(picture.width * height / picture.height))
    return picture.resize((width, height), resampling)


def _captioned(picture: Image.Image, caption: str) -> Image.Image:
    font = ImageFont.load_default(15)
    width = max(picture.width, math.ceil(font.getlength(caption)) + 8)
    tile = Image.new("RGB", (width, _TILE_HEIGHT + _CAPTION_HEIGHT), _BACKGROUND)
    tile.paste(picture, ((width - picture.width) // 2, 0))
    ImageDraw.Draw(tile).text((4, _TILE_HEIGHT + 4), caption, font=font, fill=_TEXT)
    return tile


def _sheet(tiles: list[Image.Image]) -> Image.Image:
    rows: list[list[Image.Image]] = [[]]
    for tile in tiles:
        width = sum(other.width + _GAP for other in rows[-1]) + tile.width + 2 * _GAP
        if rows[-1] and width > _MAX_WIDTH:
            rows.append([])
        rows[-1].append(tile)
    widths = [sum(tile.width + _GAP for tile in row) + _GAP for row in rows]
    tops = np.cumsum([_GAP] + [_TILE_HEIGHT + _CAPTION_HEIGHT + _GAP] * len(rows)).tolist()
    sheet = Image.new("RGB", (max(widths), tops[-1]), _BACKGROUND)
    for row, top in zip(rows, tops, strict=False):
        left = _GAP
        for tile in row:
            sheet.paste(tile, (left, top))
            left += tile.width + _GAP
    return sheet


def _jpeg(image: Image.Image) -> bytes:
    """A fifth of a PNG's size, which an event of Dagster's carries along, and far less than a tenth of its time."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
