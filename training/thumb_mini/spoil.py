"""Spoils frames: one recipe per kind of defect, with a strength from 0.25 (slight) to 1 (strong)."""

from collections.abc import Callable

import cv2
import numpy as np

from training.thumb_mini import graphics
from training.thumb_mini.clean import grain, jpeg
from training.thumb_mini.sources import RgbImage

STRENGTHS: dict[str, float] = {"slight": 0.25, "visible": 0.6, "strong": 1.0}

# What a strength means per kind: the recipe's parameter at slight, visible and strong, and what it counts.
PARAMETERS: dict[str, tuple[tuple[float, float, float], str]] = {
    "defocus": ((0.0028, 0.0075, 0.016), "Gaussian sigma or disc radius / 2, share of the height"),
    "motion": ((0.022, 0.06, 0.12), "length of the streak, share of the height"),
    "compression": ((22, 9, 3), "JPEG quality at half to full size"),
    "upscaled": ((2.0, 4.2, 8.0), "factor by which it was enlarged"),
    "black": ((0.08, 0.04, 0.0), "share of the light left"),
    "dark": ((0.42, 0.24, 0.12), "share of the light left"),
    "faded": ((0.5, 0.3, 0.15), "share of the contrast left"),
    "flash": ((1.8, 2.7, 4.5), "gain, clipped at white"),
    "fade": ((0.45, 0.62, 0.82), "share of black or white mixed in"),
    "title_card": ((0.08, 0.12, 0.2), "size of the letters, share of the height"),
    "credits": ((4, 9, 16), "lines"),
    "logo": ((0.2, 0.35, 0.55), "size, share of the height"),
    "slide": ((3, 5, 8), "lines"),
    "lower_third": ((0.1, 0.16, 0.25), "height of the bar, share of the height"),
    "subtitles": ((0.045, 0.065, 0.095), "size of the letters, share of the height"),
    "overlay": ((0.1, 0.17, 0.28), "size of the letters, share of the height"),
    "dissolve": ((0.22, 0.35, 0.5), "share of the other shot"),
    "wipe": ((0.15, 0.3, 0.5), "area of the other shot, share of the frame"),
    "combing": ((0.012, 0.03, 0.06), "shift between the fields, share of the width"),
    "rolling_shutter": ((0.008, 0.02, 0.045), "amplitude of the wobble, share of the width"),
}
Recipe = Callable[[RgbImage, float, np.random.Generator], RgbImage]


def spoil(frame: RgbImage, other: RgbImage, *, kind: str, strength: float, rng: np.random.Generator) -> RgbImage:
    """A spoiled copy of a frame.

    Args:
        frame: (H, W, 3) uint8 RGB; other: a frame of another shot, same shape, for transitions.
        kind: a key of PARAMETERS; strength: 0.25..1.
    """
    value = float(np.interp(strength, tuple(STRENGTHS.values()), PARAMETERS[kind][0]))
    if kind in _TRANSITIONS:
        return _TRANSITIONS[kind](frame, other, value, rng)
    return _RECIPES[kind](frame, value, rng)


def _defocus(frame: RgbImage, sigma: float, rng: np.random.Generator) -> RgbImage:
    pixels = sigma * frame.shape[0]
    if rng.random() < 0.6:
        return cv2.GaussianBlur(frame, (0, 0), pixels).astype(np.uint8)
    radius = 2 * pixels
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return cv2.filter2D(frame, -1, disc / disc.sum()).astype(np.uint8)


def _motion(frame: RgbImage, length: float, rng: np.random.Generator) -> RgbImage:
    pixels = max(3, round(length * frame.shape[0]))
    kernel = np.zeros((pixels, pixels), np.float32)
    angle = rng.uniform(0, np.pi) if rng.random() < 0.6 else rng.normal(0, 0.1)
    dx, dy = np.cos(angle) * (pixels - 1) / 2, np.sin(angle) * (pixels - 1) / 2
    middle = (pixels - 1) / 2
    ends = [(round(middle + sign * dx), round(middle + sign * dy)) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    return cv2.filter2D(frame, -1, kernel / kernel.sum()).astype(np.uint8)


def _compression(frame: RgbImage, quality: float, rng: np.random.Generator) -> RgbImage:
    height, width = frame.shape[:2]
    scale = rng.uniform(0.5, 1.0) if rng.random() < 0.5 else 1.0
    small = cv2.resize(frame, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    damaged = jpeg(small.astype(np.uint8), max(1, round(quality)))
    return cv2.resize(damaged, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def _upscaled(frame: RgbImage, factor: float, rng: np.random.Generator) -> RgbImage:
    height, width = frame.shape[:2]
    small = cv2.resize(
        frame, (max(8, round(width / factor)), max(8, round(height / factor))), interpolation=cv2.INTER_AREA
    )
    how = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_NEAREST]))
    return cv2.resize(small, (width, height), interpolation=how).astype(np.uint8)


def _scaled(frame: RgbImage, gain: float) -> RgbImage:
    return cv2.convertScaleAbs(frame, alpha=gain).astype(np.uint8)


def _black(frame: RgbImage, gain: float, rng: np.random.Generator) -> RgbImage:
    noise = rng.uniform(0, 10) + rng.uniform(0, 3) * grain(frame.shape[:2], rng)
    return np.clip(_scaled(frame, gain) + noise, 0, 255).astype(np.uint8)


def _dark(frame: RgbImage, gain: float, rng: np.random.Generator) -> RgbImage:
    # The same light on a bright and on a dark picture would spoil only the dark one.
    bright = np.clip(115.0 / max(30.0, float(frame.mean())), 0.8, 1.6)
    noise = rng.uniform(0, 4) * grain(frame.shape[:2], rng)
    return np.clip(_scaled(frame, gain * float(bright)) + noise, 0, 255).astype(np.uint8)


def _faded(frame: RgbImage, contrast: float, rng: np.random.Generator) -> RgbImage:
    level = rng.uniform(70, 225, 1) + rng.normal(0, 8, 3)
    middle = (1 - contrast) * level
    return np.clip(frame * contrast + middle, 0, 255).astype(np.uint8)


def _flash(frame: RgbImage, gain: float, rng: np.random.Generator) -> RgbImage:
    lifted = _scaled(frame, gain * float(np.clip(100.0 / max(25.0, float(frame.mean())), 0.7, 2.0)))
    if rng.random() < 0.5:
        glow = cv2.GaussianBlur(lifted, (0, 0), frame.shape[0] * 0.05)
        lifted = cv2.addWeighted(lifted, 1.0, glow, 0.35, 0)
    return lifted.astype(np.uint8)


def _fade(frame: RgbImage, share: float, rng: np.random.Generator) -> RgbImage:
    target = 0.0 if rng.random() < 0.7 else 255.0
    return np.clip(frame * (1 - share) + target * share, 0, 255).astype(np.uint8)


def _combing(frame: RgbImage, shift: float, rng: np.random.Generator) -> RgbImage:
    pixels = max(2, round(shift * frame.shape[1])) * int(rng.choice([-1, 1]))
    result = frame.copy()
    result[1::2] = np.roll(frame, pixels, axis=1)[1::2]
    return result


def _rolling_shutter(frame: RgbImage, amplitude: float, rng: np.random.Generator) -> RgbImage:
    height, width = frame.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wave = np.sin(2 * np.pi * (y / height * rng.uniform(1.5, 5.0) + rng.random()))
    lean = (y / height - 0.5) * rng.uniform(-2, 2)
    shifted = (x + (wave + lean) * amplitude * width).astype(np.float32)
    return cv2.remap(frame, shifted, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT).astype(np.uint8)


def _dissolve(frame: RgbImage, other: RgbImage, share: float, rng: np.random.Generator) -> RgbImage:
    del rng
    return cv2.addWeighted(frame, 1 - share, other, share, 0).astype(np.uint8)


def _wipe(frame: RgbImage, other: RgbImage, share: float, rng: np.random.Generator) -> RgbImage:
    """The other shot up to an edge: straight at any angle, a circle, or a push that moves both shots."""
    height, width = frame.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width - 0.5, y / height - 0.5
    style = rng.random()
    if style < 0.15:
        field = np.hypot(x * width / height, y)
    else:
        quarter = int(rng.integers(4)) * np.pi / 2
        angle = quarter if rng.random() < 0.7 else quarter + rng.uniform(0, np.pi / 2)
        field = np.cos(angle) * x + np.sin(angle) * y
    edge = float(np.quantile(field[::4, ::4], share))
    softness = 0.004 if rng.random() < 0.6 else rng.uniform(0.01, 0.06)
    mask = np.clip(0.5 + (edge - field) / (2 * softness), 0, 1)[..., None]
    if style > 0.8:
        frame = np.roll(frame, int(share * width), axis=1)
    return (frame * (1 - mask) + other * mask).astype(np.uint8)


_RECIPES: dict[str, Recipe] = {
    "defocus": _defocus,
    "motion": _motion,
    "compression": _compression,
    "upscaled": _upscaled,
    "black": _black,
    "dark": _dark,
    "faded": _faded,
    "flash": _flash,
    "fade": _fade,
    "title_card": graphics.title_card,
    "credits": graphics.credit_roll,
    "logo": graphics.logo,
    "slide": graphics.slide,
    "lower_third": graphics.lower_third,
    "subtitles": graphics.subtitles,
    "overlay": graphics.overlay,
    "combing": _combing,
    "rolling_shutter": _rolling_shutter,
}
_TRANSITIONS: dict[str, Callable[[RgbImage, RgbImage, float, np.random.Generator], RgbImage]] = {
    "dissolve": _dissolve,
    "wipe": _wipe,
}
