"""Compares a picture on disk with a given frame."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from thumb_assets.export.pixels import RgbArray, bit_depth_of, read_png16

# Mean absolute error, in levels of 0..255, between a JPEG and the frame compressed the same way. The right frame gives
# exactly 0 (52 frames of 26 clips at quality 30, 75, 95, 100); the next frame of moving video 0.10 or more (78 pairs;
# less only where next to nothing moves). Without compressing again no bound works: at quality 75 a right frame is off
# by up to 2.4, at 95 by 0.9, while the next frame of a calm scene adds only 0.05 to that.
# Above 0 only to forgive another build of libjpeg.
MAX_JPEG_ERROR = 0.05


def picture_difference(path: Path, rgb: RgbArray) -> str | None:
    """Difference between the picture in a file and a frame; None if the file shows that frame.

    A PNG has to be equal. A JPEG has to be equal, within MAX_JPEG_ERROR, to the frame compressed with the file's own
    quantisation tables and chroma 4:4:4.

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
            picture = read_png16(path) if rgb.dtype == np.uint16 else np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return f"cannot be read as a picture ({error})"
    if is_png:
        num_different = int((picture != rgb).any(axis=2).sum())
        return f"differs from the frame in {num_different} pixels" if num_different else None
    difference = float(np.abs(picture.astype(np.int16) - _compressed(rgb, tables)).mean())
    return f"differs from the frame by {difference:.2f} levels" if difference > MAX_JPEG_ERROR else None


def _kind_problem(image: Image.Image, path: Path, rgb: RgbArray) -> str | None:
    """Reason why a picture cannot be compared with the frame at all."""
    bit_depth, expected_depth = bit_depth_of(path), 8 * rgb.dtype.itemsize
    if bit_depth != expected_depth:
        return f"has {bit_depth} bits per channel, not {expected_depth}"
    if image.size != (rgb.shape[1], rgb.shape[0]):
        return f"is {image.size[0]}x{image.size[1]}, the frame {rgb.shape[1]}x{rgb.shape[0]}"
    if image.mode != "RGB":
        return f"has mode {image.mode}, not RGB"
    return None if image.format in {"PNG", "JPEG"} else f"is a {image.format}, neither JPEG nor PNG"


def _compressed(rgb: npt.NDArray[Any], tables: dict[int, list[int]]) -> npt.NDArray[np.int16]:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", qtables=tables, subsampling="4:4:4")
    return np.asarray(Image.open(buffer)).astype(np.int16)
