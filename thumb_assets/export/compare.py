"""Compares the picture in a file with the frame that it is said to show, compressed in the same way."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from thumb_assets.errors import VerificationError
from thumb_assets.export.metadata import QUALITY, encode_still, read_still_metadata
from thumb_assets.export.pixels import RgbArray, bit_depth_of, read_png16

# Mean absolute error, in levels of 0..255, between a JPEG and the frame compressed the same way. The right frame gives
# exactly 0 (52 frames of 26 clips at quality 30, 75, 95, 100); the next frame of moving video 0.10 or more (78 pairs;
# less only where next to nothing moves). Without compressing again no bound works: at quality 75 a right frame is off
# by up to 2.4, at 95 by 0.9, while the next frame of a calm scene adds only 0.05 to that.
# Above 0 only to forgive another build of libjpeg.
MAX_JPEG_ERROR = 0.05
# The same of any square of so many pixels: where one is painted over, the mean of a large picture hardly moves. Builds
# of libjpeg differ by a level here and there.
MAX_SQUARE_ERROR, _SQUARE = 2.0, 8
# Second bytes of a JPEG's markers: the picture's data; APP1, APP2 and COM.
_MARKER, _START_OF_SCAN, _METADATA = 0xFF, 0xDA, (0xE1, 0xE2, 0xFE)
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")


def picture_difference(path: Path, rgb: RgbArray) -> str | None:
    """Difference between the picture in a file and a frame; None if the file shows that frame.

    A PNG has to be equal. Any other has to be equal, within MAX_JPEG_ERROR and in each square within MAX_SQUARE_ERROR,
    to the frame compressed in the same way: a JPEG with the file's own quantisation tables and chroma 4:4:4, WebP and
    AVIF by the quality among their facts.

    Args:
        rgb: (H, W, 3) RGB, the frame decoded again; uint8, or uint16 for a file of 16 bits per channel.
    """
    try:
        with Image.open(path) as image:
            problem = _kind_problem(image, path, rgb)
            if problem is not None:
                return problem
            tables = getattr(image, "quantization", {})
            is_png = image.format == "PNG"
            again = _compressed(rgb, tables) if tables else b""
            if again and _shown_by(again) == _shown_by(path.read_bytes()):
                return None  # as both decode to the same picture, neither need be
            picture = read_png16(path) if rgb.dtype == np.uint16 else np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return f"cannot be read as a picture ({error})"
    if is_png:
        num_different = int((picture != rgb).any(axis=2).sum())
        return f"differs from the frame in {num_different} pixels" if num_different else None
    try:
        again = again or _compressed_by_facts(rgb, path)
    except VerificationError as error:
        return f"cannot be compared ({error})"
    expected = np.asarray(Image.open(io.BytesIO(again))).astype(np.int16)
    return _too_different(np.abs(picture.astype(np.int16) - expected).mean(axis=2))


def _too_different(differences: npt.NDArray[np.float64]) -> str | None:
    """Says by how much a picture differs, as a whole or in the square that differs most; None where it is little.

    Args:
        differences: (H, W) absolute ones, in levels.
    """
    if differences.mean() > MAX_JPEG_ERROR:
        return f"differs from the frame by {differences.mean():.2f} levels"
    rows, columns = (np.arange(0, length, _SQUARE) for length in differences.shape)
    sums = np.add.reduceat(np.add.reduceat(differences, rows, axis=0), columns, axis=1)
    areas = np.outer(*(np.diff([*starts, end]) for starts, end in zip((rows, columns), differences.shape, strict=True)))
    means = sums / areas
    row, column = np.unravel_index(int(means.argmax()), means.shape)
    worst = float(means[row, column])
    place = f"{_SQUARE * int(column)},{_SQUARE * int(row)}"
    return f"differs from the frame by {worst:.0f} levels around {place}" if worst > MAX_SQUARE_ERROR else None


def _kind_problem(image: Image.Image, path: Path, rgb: RgbArray) -> str | None:
    """Reason why a picture cannot be compared with the frame at all."""
    bit_depth, expected_depth = bit_depth_of(path), 8 * rgb.dtype.itemsize
    if bit_depth != expected_depth:
        return f"has {bit_depth} bits per channel, not {expected_depth}"
    if image.size != (rgb.shape[1], rgb.shape[0]):
        return f"is {image.size[0]}x{image.size[1]}, the frame {rgb.shape[1]}x{rgb.shape[0]}"
    if image.mode != "RGB":
        return f"has mode {image.mode}, not RGB"
    return None if image.format in _FORMATS else f"is a {image.format}, none of {', '.join(_FORMATS)}"


def _compressed_by_facts(rgb: npt.NDArray[Any], path: Path) -> bytes:
    quality = read_still_metadata(path).get(QUALITY)
    if not isinstance(quality, int) or not 1 <= quality <= 100:
        raise VerificationError(f"{path.name} does not say its quality")
    with Image.open(path) as image:
        name = str(image.format).lower()
    return encode_still(rgb, format=name, quality=quality, facts={})


def _compressed(rgb: npt.NDArray[Any], tables: dict[int, list[int]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", qtables=tables, subsampling="4:4:4")
    return buffer.getvalue()


def _shown_by(jpeg: bytes) -> list[bytes]:
    """The segments of a JPEG that decide its pixels: all but Exif, XMP, ICC profile, comment (ITU-T T.81, annex B)."""
    segments: list[bytes] = []
    place = 2
    while place + 4 <= len(jpeg) and jpeg[place] == _MARKER:
        kind, end = jpeg[place + 1], place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if kind == _START_OF_SCAN:
            return [*segments, jpeg[place:]]
        if kind not in _METADATA:
            segments.append(jpeg[place:end])
        place = end
    return [jpeg]
