"""Reads the writing in one picture, by PP-OCRv6 (small; PaddleOCR, Apache-2.0) through OpenCV.

What belongs here: the two networks, the boxes and letters that come out of them. What does not: which pictures are read
(stages), where the files come from (weights), or what words are worth (select).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.networks import read_network
from thumb_assets.weights.faults import file_sha256

# Of the map of writing, as its authors set them: a place of writing, the least mean of a box, and by how much of its
# area over its edge a box is widened, since the map shows the middle of letters.
_OF_WRITING, _LEAST_MEAN, _WIDENED = 0.3, 0.6, 1.6
_LEAST_SIDE = 3.0
# The network that finds halves its picture five times; the one that reads knows lines of this height.
_MULTIPLE, _LINE_HEIGHT = 32, 48
# In so much of the picture's shorter side, and in no fewer lines, the first finds what it finds in the whole, in half
# the time.
_FIND_SHARE, _FIND_LINES = 0.71, 256
# The same of the look for writing: print too small to be found there is too small to be read.
_LOOK_SHARE, _LOOK_LINES = 2 / 3, 240
# Of one line, at most; what is longer is squeezed.
_MOST_LINE_WIDTH = 1000
# Less sure letters are guesses, and so is a single one.
_LEAST_CONFIDENCE, _FEWEST_LETTERS = 0.6, 2
# Boxes taller than this times their width are turned by a quarter.
_UPRIGHT = 1.5
# In ONNX's file, before the key and the value of the letters: their field and length (protobuf, wire type 2).
_KEY = b"\x0a\x09character\x12"

UInt8Array = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Text:
    """A line of writing: its upright box in pixels of the picture, its letters, and how sure they are, 0..1."""

    x: float
    y: float
    width: float
    height: float
    text: str
    confidence: float


class TextReader:
    """Finds lines of writing and reads them. One thread of OpenCV per call, as its caller sets it.

    Args:
        finder_path: `PP-OCRv6_det_small.onnx`.
        reader_path: `PP-OCRv6_rec_small.onnx`, which holds its letters as well.

    Raises:
        ModelUnavailableError: OpenCV cannot read a file, or it has no letters.

    Not safe for two threads at once: OpenCV keeps the input in the network.
    """

    def __init__(self, finder_path: Path, reader_path: Path) -> None:
        self._finder, self._reader = _network(finder_path), _network(reader_path)
        # The first is no letter; a space is not in the file.
        self._letters = ["", *_letters_of(reader_path), " "]

    def read(self, rgb: UInt8Array, *, max_lines: int) -> list[Text]:
        """The lines of writing from top to bottom.

        Args:
            rgb: (H, W, 3) uint8 RGB.
            max_lines: of these are read, the tallest ones where there are more.
        """
        corners = sorted(self._find(rgb), key=lambda own: -_height(own))[:max_lines]
        texts = []
        for own in sorted(corners, key=lambda own: (float(own[:, 1].min()), float(own[:, 0].min()))):
            text, confidence = self._read_line(_cut_out(rgb, own))
            if sum(map(str.isalnum, text)) >= _FEWEST_LETTERS and confidence >= _LEAST_CONFIDENCE:
                (left, top), (right, bottom) = own.min(axis=0), own.max(axis=0)
                left, top, width, height = map(float, (left, top, right - left, bottom - top))
                texts.append(Text(left, top, width, height, text, confidence))
        return texts

    def _find(self, rgb: UInt8Array) -> list[FloatArray]:
        """Corners of each line, (4, 2) float32 x and y, from the upper left on clockwise."""
        import cv2

        height, width = rgb.shape[:2]
        factor = _reduction(min(width, height), share=_FIND_SHARE, least=_FIND_LINES)
        size = tuple(max(_MULTIPLE, round(side * factor / _MULTIPLE) * _MULTIPLE) for side in (width, height))
        self._finder.setInput(_blob(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)))
        shown = np.asarray(self._finder.forward(), np.float32)[0, 0]
        contours, _ = cv2.findContours((shown > _OF_WRITING).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        found = []
        for contour in contours:
            centre, sides, angle = cv2.minAreaRect(contour)
            if min(sides) < _LEAST_SIDE or _mean_inside(shown, contour) < _LEAST_MEAN:
                continue
            wider = _WIDENED * sides[0] * sides[1] / (sides[0] + sides[1])
            box = cv2.boxPoints((centre, (sides[0] + wider, sides[1] + wider), angle))
            box = box * np.array([width / size[0], height / size[1]], np.float32)
            found.append(np.clip(_in_order(box), 0, [width, height]).astype(np.float32))
        return found

    def _read_line(self, line: UInt8Array) -> tuple[str, float]:
        import cv2

        width = min(_MOST_LINE_WIDTH, max(_LINE_HEIGHT // 4, round(line.shape[1] * _LINE_HEIGHT / line.shape[0])))
        self._reader.setInput(_blob(cv2.resize(line, (width, _LINE_HEIGHT))))
        shares = np.asarray(self._reader.forward(), np.float32)[0]
        best = shares.argmax(axis=1)
        # Connectionist temporal classification (Graves et al., 2006): repeats are one letter, and 0 is none.
        is_letter = (best != 0) & np.append(True, best[1:] != best[:-1])
        text = "".join(self._letters[number] for number in best[is_letter] if number < len(self._letters))
        return text.strip(), float(shares.max(axis=1)[is_letter].mean()) if is_letter.any() else 0.0


def sha256_of(finder_path: Path, reader_path: Path) -> str:
    """Hex SHA-256 of the two files of a `TextReader`, a space between them."""
    return f"{file_sha256(finder_path)} {file_sha256(reader_path)}"


def _reduction(num_lines: int, *, share: float, least: int) -> float:
    """The factor to multiply a picture of so many lines by, to have that share of them, or the least, or its own."""
    return min(1.0, max(share, least / num_lines))


def luma_of(rgb: UInt8Array) -> UInt8Array:
    """(H, W) uint8, reduced, of a picture (H, W, 3) in which writing is looked for before it is read."""
    import cv2

    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    factor = _reduction(min(luma.shape), share=_LOOK_SHARE, least=_LOOK_LINES)
    if factor < 1:
        luma = cv2.resize(luma, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(luma, np.uint8)


def squares_of(luma: UInt8Array, *, side: int) -> npt.NDArray[np.int16]:
    """(H / side, W / side) int16: the mean level of each square, for comparisons."""
    import cv2

    size = tuple(max(1, length // side) for length in luma.shape[::-1])
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.int16)


def _network(path: Path) -> Any:
    import cv2

    return read_network(path, lambda: cv2.dnn.readNetFromONNX(str(path)))


def _letters_of(path: Path) -> list[str]:
    """The letters that the file's metadata list, one a line."""
    content = path.read_bytes()
    place = content.rfind(_KEY)
    if place < 0:
        raise ModelUnavailableError(f"{path}: does not say which letters it knows; fetch it again")
    at, length, shift = place + len(_KEY), 0, 0
    while True:  # a number in protobuf, seven bits a byte, the least first
        length |= (content[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if content[at - 1] < 0x80:
            break
    return content[at : at + length].decode("utf-8").rstrip("\n").split("\n")


def _blob(rgb: npt.NDArray[Any]) -> FloatArray:
    """(1, 3, H, W), BGR, -1..1."""
    import cv2

    return np.asarray(cv2.dnn.blobFromImage(rgb, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True), np.float32)


def _mean_inside(shown: FloatArray, contour: Any) -> float:
    import cv2

    x, y, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [contour - (x, y)], 1)
    return float(cv2.mean(shown[y : y + height, x : x + width], mask)[0])


def _in_order(box: npt.NDArray[Any]) -> FloatArray:
    """Upper left, upper right, lower right, lower left."""
    by_x = box[np.argsort(box[:, 0], kind="stable")]
    left, right = (half[np.argsort(half[:, 1], kind="stable")] for half in (by_x[:2], by_x[2:]))
    return np.stack([left[0], right[0], right[1], left[1]])


def _height(corners: FloatArray) -> float:
    """Height of the letters: the shorter side."""
    return min(float(np.linalg.norm(corners[place] - corners[0])) for place in (1, 3))


def _cut_out(rgb: UInt8Array, corners: FloatArray) -> UInt8Array:
    """The line straightened; one that runs downwards is turned."""
    import cv2

    width = max(1, round(float(np.linalg.norm(corners[1] - corners[0]))))
    height = max(1, round(float(np.linalg.norm(corners[3] - corners[0]))))
    onto = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, onto)
    line = cv2.warpPerspective(rgb, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.rot90(line) if height > _UPRIGHT * width else line, np.uint8)
