"""Pictures and videos with black bars around them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from thumb_assets.video.geometry import Bars
from thumb_assets_tests.support.drawing import RgbArray, draw_frame
from thumb_assets_tests.support.encoding import Encoding, encode

NUM_FRAMES = 60  # more than two seconds: five looks


def barred(picture: RgbArray, bars: Bars, *, level: int = 0, noise: int = 0) -> RgbArray:
    """The picture with bars of that level around it, or of that and up to `noise` levels more, at random."""
    height, width = picture.shape[:2]
    around = ((bars.top, bars.bottom), (bars.left, bars.right), (0, 0))
    if not noise:
        return np.pad(picture, around, constant_values=level)
    rng = np.random.default_rng(int(picture[::7, ::7].sum()))
    size = (height + bars.top + bars.bottom, width + bars.left + bars.right, 1)
    framed = (level + rng.integers(0, noise + 1, size, np.uint8)).repeat(3, axis=2)
    framed[bars.top : bars.top + height, bars.left : bars.left + width] = picture
    return framed


def numbered(*, num_shots: int = 3, width: int = 320, height: int = 180) -> list[RgbArray]:
    """The pictures of a video of some shots, each with its index in its upper strip."""
    length = NUM_FRAMES // num_shots
    return [draw_frame(i, shot_index=i // length, width=width, height=height) for i in range(NUM_FRAMES)]


def write_barred(path: Path, pictures: Iterable[RgbArray], encoding: Encoding | None = None) -> Path:
    """A video of these pictures, a row or column less where their size is odd for the codec."""
    return encode(path, pictures, encoding)
