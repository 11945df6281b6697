"""Draws frames that know their own index, and reads the index back at any size."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

RgbArray = npt.NDArray[np.uint8]

# A strip of 16 grey blocks along the top: 12 bits of index, then 4 check bits. Grey, not black and white, so that the
# strip's edges do not drown what the sharpness measures say about the picture below it.
NUM_BLOCKS, NUM_INDEX_BITS = 16, 12
STRIP_HEIGHT = 1 / 9  # share of the frame's height
_LOW, _HIGH = 64, 192
# At least this far from the middle grey, else the block is not one of ours.
_MARGIN = 20

SHOT_COLOURS = ((150, 90, 60), (60, 130, 160), (90, 150, 70), (160, 70, 140), (190, 170, 80), (80, 80, 170))


def draw_frame(
    frame_index: int, *, width: int = 320, height: int = 180, shot_index: int = 0, kind: str = "sharp"
) -> RgbArray:
    """A frame with its index in the strip and a moving coloured texture below.

    Args:
        frame_index: 0..4095.
        shot_index: chooses colour and texture.
        kind: `sharp`, `blurred` (the same texture, Gaussian sigma 4 px) or `black`.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    texture = _texture(width, height, shot_index, kind)
    # Two columns a frame: neighbours differ visibly, as in moving video.
    frame = np.roll(texture, 2 * frame_index, axis=1).copy()
    num_rows = max(1, round(height * STRIP_HEIGHT))
    edges = np.linspace(0, width, NUM_BLOCKS + 1).round().astype(int)
    for block, is_high in enumerate(_bits(frame_index)):
        frame[:num_rows, edges[block] : edges[block + 1]] = _HIGH if is_high else _LOW
    return frame


def read_frame_index(rgb: RgbArray) -> int:
    """The index drawn into an upright picture of any size from about 64x36.

    Raises:
        ValueError: no strip there, or its check bits are wrong (the picture is turned, blended or of something else).
    """
    height, width = rgb.shape[:2]
    strip = rgb[: max(1, round(height * STRIP_HEIGHT))].astype(np.float64).mean(axis=2)
    num_rows, block_width = strip.shape[0], width / NUM_BLOCKS
    middle = strip[num_rows // 4 : max(num_rows // 4 + 1, num_rows - num_rows // 4)]
    values = []
    for block in range(NUM_BLOCKS):
        start, end = int((block + 0.3) * block_width), int(np.ceil((block + 0.7) * block_width))
        values.append(float(middle[:, start:end].mean()))
    if any(abs(value - 128) < _MARGIN for value in values):
        raise ValueError(f"no index strip: block levels {[round(value) for value in values]}")
    bits = [value > 128 for value in values]
    frame_index = sum(bit << position for position, bit in enumerate(bits[:NUM_INDEX_BITS]))
    if bits != _bits(frame_index):
        raise ValueError(f"index strip reads {frame_index} but its check bits are wrong")
    return frame_index


def _bits(frame_index: int) -> list[bool]:
    if not 0 <= frame_index < 1 << NUM_INDEX_BITS:
        raise ValueError(f"index {frame_index} does not fit in {NUM_INDEX_BITS} bits")
    check = (frame_index ^ (frame_index >> 4) ^ (frame_index >> 8) ^ 0b1010) & 0b1111
    word = frame_index | check << NUM_INDEX_BITS
    return [bool(word >> position & 1) for position in range(NUM_BLOCKS)]


@lru_cache(maxsize=16)
def _texture(width: int, height: int, shot_index: int, kind: str) -> RgbArray:
    if kind == "black":
        return np.zeros((height, width, 3), np.uint8)
    rng = np.random.default_rng(1000 + shot_index)
    colour = np.array(SHOT_COLOURS[shot_index % len(SHOT_COLOURS)])
    coarse = rng.integers(-40, 41, (6, 10, 1))
    fine = rng.integers(-25, 26, (-(-height // 4), -(-width // 4), 1))
    smooth = Image.fromarray((coarse[..., 0] + 128).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    noise = np.kron(fine[..., 0], np.ones((4, 4), np.int64))[:height, :width, None]
    values = colour + (np.asarray(smooth, np.int64)[..., None] - 128) + noise
    image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(4)) if kind == "blurred" else image)
