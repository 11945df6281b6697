"""A made screen recording: slides, a list that is built up, a picture on white, a terminal; a cursor and a speaker."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from thumb_assets_tests.support.encoding import Encoding, encode

RgbArray = npt.NDArray[np.uint8]

SCREEN_RATE = 10
_WIDTH, _HEIGHT = 640, 360
# What is on the screen, and for how many frames.
SCREENS = (
    ("title", 20),
    ("list of one", 12),
    ("list of two", 12),
    ("list of three", 24),
    ("picture", 22),
    ("terminal", 30),
)


def screen_of(frame_index: int) -> str:
    """The name of what a frame of the recording shows."""
    return next(name for name, end in zip(*_names_and_ends(), strict=True) if frame_index < end)


def write_screen_recording(path: Path, *, num_times: int = 1) -> Path:
    """Writes the recording, so many times over; see SCREENS."""
    options = {"preset": "veryfast", "crf": "16", "x264-params": "scenecut=0"}
    encoding = Encoding(options=options, gop_size=20, time_base=Fraction(1, SCREEN_RATE), rate=SCREEN_RATE)
    return encode(path, [frame for _ in range(num_times) for frame in _frames()], encoding)


def _names_and_ends() -> tuple[list[str], list[int]]:
    return [name for name, _ in SCREENS], np.cumsum([number for _, number in SCREENS]).tolist()


def _frames() -> Iterator[RgbArray]:
    position = 0
    for name, number in SCREENS:
        screen = _draw(name)
        for _ in range(number):
            frame = screen.copy()
            _draw_speaker(frame, position)
            _draw_cursor(frame, position)
            yield frame
            position += 1


def _draw(name: str) -> RgbArray:
    ground, ink = ((24, 26, 30), (210, 220, 210)) if name == "terminal" else ((255, 255, 255), (40, 40, 60))
    screen = np.full((_HEIGHT, _WIDTH, 3), ground, np.uint8)
    lines = {
        "title": [(120, "A made recording of a screen")],
        "list of one": [(60, "Three things"), (110, "the first thing of them all")],
        "list of two": [(110, "the first thing of them all"), (150, "the second, which is longer than it")],
        "picture": [(330, "Figure 1: a picture on white")],
        "terminal": [(30 + 24 * line, f"$ command number {line} --with=some-option") for line in range(12)],
    }
    lines["list of two"] += lines["list of one"][:1]
    lines["list of three"] = [*lines["list of two"], (190, "and the third and last of the three")]
    for y, text in lines[name]:
        cv2.putText(screen, text, (30, y), cv2.FONT_HERSHEY_SIMPLEX, 0.7, ink, 2, cv2.LINE_AA)
    if name == "picture":
        texture = np.random.default_rng(3).integers(0, 256, (24, 32, 3)).astype(np.uint8)
        screen[60:300, 120:440] = cv2.resize(texture, (320, 240), interpolation=cv2.INTER_CUBIC)
    return screen


def _draw_speaker(frame: RgbArray, position: int) -> None:
    """A head that nods, in the lower right corner."""
    inset = frame[280:350, 530:630]
    inset[:] = (90, 110, 120)
    cv2.ellipse(inset, (50, 42 + position % 3), (18, 24), 0, 0, 360, (205, 160, 140), -1)


def _draw_cursor(frame: RgbArray, position: int) -> None:
    x, y = 80 + 37 * position % 400, 40 + 23 * position % 280
    arrow = np.array([[x, y], [x, y + 16], [x + 11, y + 11]], np.int32)
    cv2.fillPoly(frame, [arrow], (0, 0, 0))
    cv2.polylines(frame, [arrow], isClosed=True, color=(255, 255, 255))
