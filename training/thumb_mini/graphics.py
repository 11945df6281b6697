"""Defects that are drawn: cards, credits, logos, slides, lower thirds, subtitles, text over the picture."""

import cv2
import numpy as np
from PIL import Image, ImageDraw

from training.thumb_mini.drawing import Color, Lettering, background, random_color, to_array
from training.thumb_mini.sources import RgbImage


def _ink(rng: np.random.Generator, *, on_light: bool) -> Color:
    if rng.random() < 0.5:
        return (15, 15, 15) if on_light else (245, 245, 245)
    return random_color(rng, 0, 110) if on_light else random_color(rng, 150, 255)


def _backdrop(frame: RgbImage, rng: np.random.Generator, *, is_light: bool) -> Image.Image:
    """Plain, graded, or the frame itself blurred and dimmed."""
    if rng.random() < 0.25:
        blurred = cv2.GaussianBlur(frame, (0, 0), frame.shape[0] * rng.uniform(0.03, 0.08))
        mixed = blurred * 0.5 + 120 if is_light else blurred * rng.uniform(0.2, 0.5)
        return Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))
    return background(frame.shape[:2], rng, is_light=is_light)


def title_card(frame: RgbImage, size: float, rng: np.random.Generator) -> RgbImage:
    """One to three lines on a backdrop; size: of the letters, as a share of the height."""
    is_light = rng.random() < 0.3
    canvas = _backdrop(frame, rng, is_light=is_light)
    height, width = frame.shape[:2]
    letters, ink = Lettering(rng), _ink(rng, on_light=is_light)
    num_lines = int(rng.integers(1, 4))
    middle = height * rng.uniform(0.4, 0.6)
    for line in range(num_lines):
        y = middle + (line - (num_lines - 1) / 2) * size * height * 1.4
        scale = 1.0 if line == 0 else 0.6
        text = letters.words(int(rng.integers(1, 5)))
        letters.draw(canvas, text, center=(width / 2, y), size=size * height * scale, color=ink)
    return to_array(canvas)


def credit_roll(frame: RgbImage, num_lines: float, rng: np.random.Generator) -> RgbImage:
    """Lines of names on a dark backdrop; num_lines: how many."""
    canvas = _backdrop(frame, rng, is_light=False) if rng.random() < 0.7 else Image.new("RGB", frame.shape[1::-1])
    height, width = frame.shape[:2]
    letters, ink = Lettering(rng), _ink(rng, on_light=False)
    count = max(3, round(num_lines))
    step = height / (count + 1) * rng.uniform(0.75, 1.0)
    start = (height - step * (count - 1)) / 2
    has_columns = rng.random() < 0.5
    size = min(step * 0.65, height * 0.06)
    for line in range(count):
        y = start + line * step
        if has_columns:
            letters.draw(canvas, letters.words(1), center=(width * 0.47, y), size=size, color=ink, anchor="rm")
            letters.draw(canvas, letters.words(2), center=(width * 0.53, y), size=size, color=ink, anchor="lm")
        else:
            letters.draw(canvas, letters.words(int(rng.integers(1, 5))), center=(width / 2, y), size=size, color=ink)
    return to_array(canvas)


def logo(frame: RgbImage, size: float, rng: np.random.Generator) -> RgbImage:
    """Simple shapes and often a word on a backdrop; size: as a share of the height."""
    is_light = rng.random() < 0.5
    canvas = _backdrop(frame, rng, is_light=is_light)
    height, width = frame.shape[:2]
    pen = ImageDraw.Draw(canvas)
    x, y, radius = width / 2, height * rng.uniform(0.38, 0.52), size * height / 2
    for _ in range(int(rng.integers(1, 4))):
        color = random_color(rng)
        extent = radius * rng.uniform(0.4, 1.0)
        box = (x - extent, y - extent, x + extent, y + extent)
        shape = int(rng.integers(4))
        if shape == 0:
            pen.ellipse(box, fill=color)
        elif shape == 1:
            pen.rounded_rectangle(box, extent * rng.uniform(0, 0.5), fill=color)
        elif shape == 2:
            pen.regular_polygon((x, y, extent), int(rng.integers(3, 8)), int(rng.integers(0, 90)), fill=color)
        else:
            pen.arc(
                box, int(rng.integers(0, 180)), int(rng.integers(200, 360)), fill=color, width=max(2, int(extent / 4))
            )
    if rng.random() < 0.7:
        letters = Lettering(rng)
        where = (x, min(y + radius * 1.35, height * 0.93))
        ink = _ink(rng, on_light=is_light)
        letters.draw(canvas, letters.words(int(rng.integers(1, 3))), center=where, size=radius * 0.5 + 6, color=ink)
    return to_array(canvas)


def slide(frame: RgbImage, num_lines: float, rng: np.random.Generator) -> RgbImage:
    """A heading, lines of text and often a chart; num_lines: of text."""
    is_light = rng.random() < 0.75
    height, width = frame.shape[:2]
    canvas = background((height, width), rng, is_light=is_light)
    pen, letters, ink = ImageDraw.Draw(canvas), Lettering(rng), _ink(rng, on_light=is_light)
    if rng.random() < 0.4:
        pen.rectangle((0, 0, width, height * 0.17), fill=random_color(rng, 40, 220))
    letters.draw(
        canvas, letters.words(3), center=(width * 0.06, height * 0.1), size=height * 0.08, color=ink, anchor="lm"
    )
    count, has_chart = max(2, round(num_lines)), rng.random() < 0.5
    step = min(0.12, 0.72 / count) * height
    for line in range(count):
        text = letters.words(int(rng.integers(2, 5 if has_chart else 9)))
        where = (width * 0.08, height * 0.26 + line * step)
        letters.draw(canvas, "- " + text, center=where, size=step * 0.55, color=ink, anchor="lm")
    if has_chart:
        _chart(pen, (width * 0.6, height * 0.3, width * 0.94, height * 0.86), rng)
    return to_array(canvas)


def _chart(pen: ImageDraw.ImageDraw, box: tuple[float, float, float, float], rng: np.random.Generator) -> None:
    left, top, right, bottom = box
    num_bars = int(rng.integers(3, 8))
    color = random_color(rng, 30, 200)
    for bar in range(num_bars):
        x = left + (right - left) * bar / num_bars
        y = bottom - (bottom - top) * rng.uniform(0.15, 1.0)
        pen.rectangle((x, y, x + (right - left) / num_bars * 0.7, bottom), fill=color)
    pen.line((left, bottom, right, bottom), fill=(90, 90, 90), width=2)


def lower_third(frame: RgbImage, bar_height: float, rng: np.random.Generator) -> RgbImage:
    """A bar with one or two lines in the lower part; bar_height: as a share of the height."""
    height, width = frame.shape[:2]
    thick = bar_height * height
    top = height * rng.uniform(0.66, 0.95) - thick / 2
    top = min(top, height - thick)
    left = width * rng.choice([0.0, rng.uniform(0.03, 0.12)])
    right = width if rng.random() < 0.5 else left + width * rng.uniform(0.4, 0.8)
    canvas = Image.fromarray(frame)
    is_light = rng.random() < 0.35
    layer = canvas.copy()
    pen = ImageDraw.Draw(layer)
    color = random_color(rng, 170, 255) if is_light else random_color(rng, 0, 120)
    pen.rectangle((left, top, min(right, width), top + thick), fill=color)
    if rng.random() < 0.4:
        pen.rectangle((left, top, left + thick * 0.2, top + thick), fill=random_color(rng))
    canvas = Image.blend(canvas, layer, rng.uniform(0.65, 1.0))
    letters, ink = Lettering(rng), _ink(rng, on_light=is_light)
    num_lines = 1 if thick < 0.09 * height else int(rng.integers(1, 3))
    for line in range(num_lines):
        where = (left + thick * 0.35, top + thick * (line + 0.5) / num_lines)
        text = letters.words(int(rng.integers(2, 6)))
        letters.draw(canvas, text, center=where, size=thick / num_lines * 0.62, color=ink, anchor="lm")
    return to_array(canvas)


def subtitles(frame: RgbImage, size: float, rng: np.random.Generator) -> RgbImage:
    """One or two lines near the bottom; size: of the letters, as a share of the height."""
    height, width = frame.shape[:2]
    canvas, letters = Image.fromarray(frame), Lettering(rng)
    color: Color = (255, 255, 255) if rng.random() < 0.6 else (255, 240, int(rng.integers(0, 160)))
    num_lines = int(rng.integers(1, 3))
    bottom = height * rng.uniform(0.86, 0.95)
    for line in range(num_lines):
        y = bottom - (num_lines - 1 - line) * size * height * 1.3
        text = letters.words(int(rng.integers(4, 9)))
        if rng.random() < 0.25:
            half = min(width * 0.48, len(text) * size * height * 0.28)
            thick = size * height * 0.7
            ImageDraw.Draw(canvas).rectangle((width / 2 - half, y - thick, width / 2 + half, y + thick), fill=(0, 0, 0))
        letters.draw(
            canvas, text, center=(width / 2, y), size=size * height, color=color, outline=max(1, height // 250)
        )
    return to_array(canvas)


def overlay(frame: RgbImage, size: float, rng: np.random.Generator) -> RgbImage:
    """Large text over the picture itself; size: of the letters, as a share of the height."""
    height, width = frame.shape[:2]
    dimmed = frame if rng.random() < 0.6 else (frame * rng.uniform(0.4, 0.8)).astype(np.uint8)
    canvas, letters = Image.fromarray(dimmed), Lettering(rng)
    color = (255, 255, 255) if rng.random() < 0.5 else random_color(rng, 60, 255)
    num_lines = int(rng.integers(1, 4))
    middle = height * rng.uniform(0.25, 0.75)
    for line in range(num_lines):
        y = middle + (line - (num_lines - 1) / 2) * size * height * 1.25
        outline = int(rng.integers(0, 3))
        text = letters.words(int(rng.integers(1, 4)))
        letters.draw(canvas, text, center=(width / 2, y), size=size * height, color=color, outline=outline)
    return to_array(canvas)
