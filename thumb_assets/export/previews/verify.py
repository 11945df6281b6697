"""Proves that tile k shows the frame that its row names, and that the files are those of the table. Writes nothing."""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image, JpegImagePlugin

from thumb_assets.export.compare import MAX_JPEG_ERROR
from thumb_assets.export.previews.animation import mp4_pictures, webp_pictures
from thumb_assets.export.previews.forms import parse_bif, render_webvtt
from thumb_assets.export.previews.pictures import PictureStore, narrower, tile_of
from thumb_assets.export.previews.sheets import PictureOf, sheet_image
from thumb_assets.export.verify import frames_again
from thumb_assets.settings.stages import Verification, VideoSettings
from thumb_assets.tables.checks import Verdict
from thumb_assets.tables.previews import KINDS
from thumb_assets.video.fetch import FrameIdentities
from thumb_assets.video.frame import UInt8Array

# Mean absolute error, in levels of 0..255, between a picture of an animation and its frame. The right frame gives at
# most 2.7 at the default quality (three clips, WebP and H.264), another moment 20 to 59. The next frame of a calm scene
# is off by 0.9 alone: unlike the proof of tiles this one tells moments apart, not neighbours.
MAX_ANIMATION_ERROR = 8.0
_JPEG_BLOCK = 16  # pixels, with chroma at half the size
ANIMATIONS = tuple(kind for kind, asked in KINDS.items() if asked == "animation")

Row = Mapping[str, Any]


def by_file(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each file, in order."""
    files: dict[str, list[Row]] = {}
    for row in rows:
        files.setdefault(row["file_name"], []).append(row)
    return files


def tile_widths(rows: Sequence[Row]) -> tuple[int, int]:
    """Width of the pictures that tiles are made of, and of those of the animation; 0 where there are none."""
    of_tiles = [row["width"] for row in rows if row["kind"] not in ANIMATIONS]
    of_animations = [row["width"] for row in rows if row["kind"] in ANIMATIONS]
    return max(of_tiles, default=0), max(of_animations, default=0)


def keys_of(rows: Sequence[Row]) -> dict[tuple[int, int], tuple[int, int]]:
    """By (frame_index, width) of the pictures that these rows are made of: width and height."""
    of_tiles, _ = tile_widths(rows)
    heights = {row["width"]: row["height"] for row in rows}
    keys = {}
    for row in rows:
        if row["frame_index"] is not None:
            width = row["width"] if row["kind"] in ANIMATIONS else of_tiles
            keys[row["frame_index"], width] = (width, heights[width])
    return keys


def pictures_from(store: PictureStore, rows: Sequence[Row]) -> PictureOf:
    """The picture of a row, out of those kept; smaller tiles are made of the largest."""
    of_tiles, _ = tile_widths(rows)

    def picture_of(row: Row) -> UInt8Array:
        width = row["width"] if row["kind"] in ANIMATIONS else of_tiles
        return narrower(store.picture((row["frame_index"], width)), (row["width"], row["height"]))

    return picture_of


def verify_previews_count(previews: pa.Table, *, folder: Path) -> Verdict:
    """Verifies that the files in the folder are those of the table, no more and no fewer."""
    expected = {row["file_name"]: row["num_bytes"] for row in previews.to_pylist()}
    found = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in (folder.rglob("*") if folder.is_dir() else ())
        if path.is_file() and not path.name.startswith(".")
    }
    problems = [f"{name} is in the table and not in the folder" for name in sorted(expected.keys() - found.keys())]
    problems += [f"{name} is in the folder and not in the table" for name in sorted(found.keys() - expected.keys())]
    problems += [
        f"{name} has {found[name]} bytes, its row says {expected[name]}"
        for name in sorted(expected.keys() & found.keys())
        if expected[name] != found[name]
    ]
    return Verdict.of("The files are those of the table.", num_checked=len(expected), problems=problems)


def verify_previews_mapping(
    path: Path,
    previews: pa.Table,
    *,
    identities: FrameIdentities,
    folder: Path,
    video_settings: VideoSettings | None = None,
    by: Verification = "decode",
) -> Verdict:
    """Verifies that every tile shows the frame of its row, by decoding each frame again and making its picture again.

    Args: as of `verify_mapping`.

    Raises:
        BadInputError: the video cannot be opened.
    """
    rows = previews.to_pylist()
    keys = keys_of(rows)
    problems: list[str] = []
    with PictureStore(None) as store:
        indices = {frame_index for frame_index, _ in keys}
        for index, frame in frames_again(path, indices, identities, video_settings, is_counted=by == "count"):
            if frame is None or not identities.is_match(frame, index):
                problems.append(f"frame {index}: the frame decoded again is not the one recorded")
                continue
            for key, size in keys.items():
                if key[0] == index:
                    store.add(key, tile_of(frame, size))
        known = [row for row in rows if row["frame_index"] is None or (row["frame_index"], _width(row, rows)) in store]
        problems += previews_problems(known, folder=folder, picture_of=pictures_from(store, rows))
    return Verdict.of("Every tile shows the frame of its row.", num_checked=len(rows), problems=problems)


def _width(row: Row, rows: Sequence[Row]) -> int:
    return int(row["width"]) if row["kind"] in ANIMATIONS else tile_widths(rows)[0]


def previews_problems(rows: Sequence[Row], *, folder: Path, picture_of: PictureOf) -> Iterator[str]:
    """Differences between files and rows, one line each.

    Args:
        picture_of: the picture of a row's frame.
    """
    sprites = [row for row in rows if row["kind"] == "sprite"]
    for name, of_file in by_file(rows).items():
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            yield f"{name} cannot be read: {error.strerror}"
            continue
        if hashlib.sha256(data).hexdigest() != of_file[0]["file_sha256"]:
            yield f"{name} has another SHA-256 than its rows"
        kind = of_file[0]["kind"]
        if kind == "webvtt":
            text = render_webvtt([row for row in sprites if row["width"] == of_file[0]["width"]])
            if data.decode("utf-8", "replace") != text:
                yield f"{name} does not say what its rows say"
            continue
        try:
            errors = _ERRORS_OF[kind](data, of_file, picture_of)
            limit = MAX_ANIMATION_ERROR if kind in ANIMATIONS else MAX_JPEG_ERROR
            for row, distance in zip(of_file, errors, strict=True):
                if distance > limit:
                    at = f"frame {row['frame_index']}: {name}, tile {row['tile_index']}"
                    yield f"{at} differs from the frame by {distance:.2f} levels"
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            yield f"{name} does not hold the pictures of its rows ({error})"


def _sheet_errors(data: bytes, rows: Sequence[Row], picture_of: PictureOf) -> list[float]:
    """Compressing the same pictures in the same way gives the same file: how far each tile is from that."""
    with Image.open(io.BytesIO(data)) as image:
        _require_jpeg(image)
        # Of a sheet that is mostly black only the part with tiles, and one row of blocks more, which chroma reaches.
        bottom = _JPEG_BLOCK * (2 + max(row["y"] + row["height"] for row in rows) // _JPEG_BLOCK)
        size = (image.size[0], min(image.size[1], bottom))
        wanted = _compressed_as(image, sheet_image(rows[0]["kind"], rows, size, picture_of))
        picture = np.asarray(image)
    errors = []
    for row in rows:
        part = np.s_[row["y"] : row["y"] + row["height"], row["x"] : row["x"] + row["width"]]
        if picture[part].shape[:2] != (row["height"], row["width"]):
            raise ValueError(f"tile {row['tile_index']} reaches out of its sheet")
        errors.append(_distance(picture[part], wanted[part]))
    return errors


def _bif_errors(data: bytes, rows: Sequence[Row], picture_of: PictureOf) -> list[float]:
    jpegs = parse_bif(data)
    if len(jpegs) != len(rows):
        raise ValueError(f"{len(jpegs)} pictures, {len(rows)} rows")
    errors = []
    for jpeg, row in zip(jpegs, rows, strict=True):
        with Image.open(io.BytesIO(jpeg)) as image:
            _require_jpeg(image)
            wanted = _compressed_as(image, Image.fromarray(picture_of(row)))
            if image.size != (row["width"], row["height"]):
                raise ValueError(f"tile {row['tile_index']} is {image.size[0]}x{image.size[1]}")
            errors.append(_distance(np.asarray(image), wanted))
    return errors


def _animation_errors(data: bytes, rows: Sequence[Row], picture_of: PictureOf) -> list[float]:
    is_webp = rows[0]["kind"] == "animation_webp"
    rate = round(1 / rows[0]["interval_seconds"])
    pictures = list(webp_pictures(data, rate=rate) if is_webp else mp4_pictures(data))
    if len(pictures) != len(rows):
        raise ValueError(f"{len(pictures)} pictures, {len(rows)} rows")
    errors = []
    for picture, row in zip(pictures, rows, strict=True):
        errors.append(_distance(picture, picture_of(row)[: picture.shape[0], : picture.shape[1]]))
    return errors


def _require_jpeg(image: Image.Image) -> None:
    if image.format != "JPEG" or image.mode != "RGB":
        raise ValueError(f"is a {image.format} of mode {image.mode}, no JPEG in RGB")


def _distance(picture: UInt8Array, wanted: UInt8Array) -> float:
    """Mean absolute difference in levels."""
    import cv2

    return cv2.norm(picture, wanted, cv2.NORM_L1) / picture.size


def _compressed_as(image: Image.Image, picture: Image.Image) -> UInt8Array:
    """A picture compressed as another JPEG is."""
    buffer = io.BytesIO()
    tables, sampling = getattr(image, "quantization", {}), JpegImagePlugin.get_sampling(image)
    picture.save(buffer, "JPEG", qtables=tables, subsampling=sampling)
    return np.asarray(Image.open(buffer))


_ERRORS_OF = {
    "sprite": _sheet_errors,
    "trickplay": _sheet_errors,
    "contact_sheet": _sheet_errors,
    "bif": _bif_errors,
    "animation_webp": _animation_errors,
    "animation_mp4": _animation_errors,
}
