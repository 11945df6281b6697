"""Turns a picture into a frame that could be of a video: crop, colours, resolution, light compression."""

import functools

import cv2
import numpy as np
import numpy.typing as npt

from training.thumb_mini.sources import RgbImage

# Lines of the canvas on which defects are made; small enough to be quick, large enough to lose detail when resized.
_CANVAS_HEIGHTS = (288, 360, 432)
_ASPECTS = (16 / 9, 16 / 9, 16 / 9, 16 / 9, 1.9, 2.35, 4 / 3, 1.0, 9 / 16)


def make_frame(pixels: RgbImage, rng: np.random.Generator) -> RgbImage:
    """A clean frame from part of a picture, at the canvas size."""
    height = int(rng.choice(_CANVAS_HEIGHTS))
    aspect = float(rng.choice(_ASPECTS))
    return recolour(crop_to(pixels, height=height, aspect=aspect, rng=rng), rng)


def crop_to(pixels: RgbImage, *, height: int, aspect: float, rng: np.random.Generator) -> RgbImage:
    """A random window of the aspect, resized to the height; enlarged by a fifth at most where the picture allows."""
    rows, columns = pixels.shape[:2]
    largest = min(rows, columns / aspect)
    smallest = min(largest, max(0.45 * largest, 0.85 * height))
    window_height = rng.uniform(smallest, largest)
    window = (round(window_height), min(columns, round(window_height * aspect)))
    top, left = int(rng.integers(0, rows - window[0] + 1)), int(rng.integers(0, columns - window[1] + 1))
    crop = pixels[top : top + window[0], left : left + window[1]]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    shrinks = window[0] > height
    size = (max(32, round(height * aspect)), height)
    return cv2.resize(crop, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC).astype(np.uint8)


def whole_frame(pixels: RgbImage, *, height: int = 360) -> RgbImage:
    """The whole picture at the height, without chance: what the evaluation uses."""
    width = round(pixels.shape[1] * height / pixels.shape[0])
    interpolation = cv2.INTER_AREA if pixels.shape[0] > height else cv2.INTER_CUBIC
    return cv2.resize(pixels, (width, height), interpolation=interpolation).astype(np.uint8)


def recolour(frame: RgbImage, rng: np.random.Generator) -> RgbImage:
    """Other exposure, contrast, gamma, white balance and saturation, within what a good frame may have."""
    table = np.linspace(0, 1, 256)
    gains = rng.uniform(0.75, 1.15) * rng.uniform(0.94, 1.06, 3)
    table = np.clip(table[:, None] ** rng.uniform(0.8, 1.25) * gains, 0, 1)
    lifted = (255 * (table * rng.uniform(0.9, 1.0) + rng.uniform(0, 0.04))).clip(0, 255).astype(np.uint8)
    result = cv2.LUT(frame, lifted[:, None, :])
    if rng.random() < 0.4:
        grey = cv2.cvtColor(cv2.cvtColor(result, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        share = 0.0 if rng.random() < 0.15 else rng.uniform(0.5, 1.3)
        result = cv2.addWeighted(result, share, grey, 1 - share, 0)
    return result.astype(np.uint8)


def soften(frame: RgbImage, rng: np.random.Generator) -> RgbImage:
    """The slight softness that cameras and encoders leave in good frames."""
    if rng.random() < 0.5:
        return frame
    return cv2.GaussianBlur(frame, (0, 0), max(0.2, rng.uniform(0.0, 0.0018) * frame.shape[0])).astype(np.uint8)


def encode(frame: RgbImage, *, quality: int, noise: float, rng: np.random.Generator) -> RgbImage:
    """Sensor noise of a standard deviation in levels, then JPEG of a good quality; 100 leaves the frame as it is."""
    if noise > 0:
        frame = np.clip(frame + noise * grain(frame.shape[:2], rng), 0, 255).astype(np.uint8)
    return frame if quality >= 100 else jpeg(frame, quality)


@functools.cache
def _grain_sheet() -> npt.NDArray[np.float32]:
    # Drawn once: fresh noise for each frame would take longer than all the rest.
    return np.random.default_rng(7).normal(0, 1, (1200, 1400, 1)).astype(np.float32)


def grain(shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Noise of mean 0 and standard deviation 1, (H, W, 1), a random window of a fixed sheet."""
    sheet = _grain_sheet()
    top = int(rng.integers(0, sheet.shape[0] - shape[0] + 1))
    left = int(rng.integers(0, sheet.shape[1] - shape[1] + 1))
    return sheet[top : top + shape[0], left : left + shape[1]]


def jpeg(frame: RgbImage, quality: int) -> RgbImage:
    """The frame after JPEG of a quality 1..100."""
    _, data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def decorate(frame: RgbImage, rng: np.random.Generator) -> RgbImage:
    """Black bars or a small mark in a corner, which good frames may have."""
    height, width = frame.shape[:2]
    if rng.random() < 0.10:
        frame = frame.copy()
        if rng.random() < 0.7:
            bar = int(height * rng.uniform(0.05, 0.14))
            frame[:bar] = frame[height - bar :] = 0
        else:
            bar = int(width * rng.uniform(0.06, 0.16))
            frame[:, :bar] = frame[:, width - bar :] = 0
    elif rng.random() < 0.10:
        frame = frame.copy()
        size = rng.uniform(0.03, 0.06) * height
        where = (int(width * rng.choice([0.03, 0.78])), int(height * rng.choice([0.09, 0.96])))
        word = "".join(chr(c) for c in rng.integers(65, 91, int(rng.integers(2, 6))))
        cv2.putText(frame, word, where, int(rng.integers(0, 8)), size / 30, (230, 230, 230), 1, cv2.LINE_AA)
    return frame
