"""Edits that people and sites make to pictures: the same frame, worked on."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Rgb = npt.NDArray[np.uint8]


def edits(rgb: Rgb) -> Iterator[tuple[str, Rgb]]:
    """Names and pictures.

    Args:
        rgb: (H, W, 3) uint8 RGB.
    """
    image = Image.fromarray(rgb)
    width, height = image.size
    banner = image.copy()
    ImageDraw.Draw(banner).rectangle((0, height * 3 // 4, width, height), fill=(200, 20, 20))
    part = (width // 5, height // 6, width * 4 // 5, height * 5 // 6)
    made = {
        "resized": image.resize((width // 2, height // 2)),
        "tiny": image.resize((max(64, width // 6), max(36, height // 6))),
        "cut": image.crop(part),
        "brighter": ImageEnhance.Brightness(image).enhance(1.35),
        "flatter": ImageEnhance.Contrast(image).enhance(0.6),
        "grey": image.convert("L").convert("RGB"),
        "mirrored": ImageOps.mirror(image),
        "written on": banner,
        "softer": image.filter(ImageFilter.GaussianBlur(2)),
        "turned": image.transpose(Image.Transpose.ROTATE_90),
    }
    yield from ((name, np.asarray(each)) for name, each in made.items())
