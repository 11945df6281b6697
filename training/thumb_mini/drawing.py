"""Text in several fonts, scripts and sizes, drawn for cards, bars, credits and slides."""

import functools
import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.thumb_mini.sources import RgbImage

Color = tuple[int, int, int]

# Unicode ranges of letters, and a letter a font must have to be used for the script.
_SCRIPTS: dict[str, tuple[tuple[tuple[int, int], ...], str]] = {
    "latin": (((97, 123), (97, 123), (97, 123), (65, 91), (224, 247)), "é"),
    "cyrillic": (((0x430, 0x450), (0x410, 0x430)), "ж"),
    "greek": (((0x3B1, 0x3C2), (0x391, 0x3A2)), "λ"),
    "han": (((0x4E00, 0x5200),), "中"),
    "devanagari": (((0x905, 0x93A),), "क"),
    "arabic": (((0x628, 0x63B), (0x641, 0x64B)), "م"),
    "digits": (((48, 58),), "7"),
}
_WORDS = [
    "the",
    "story",
    "of",
    "our",
    "life",
    "new",
    "world",
    "news",
    "today",
    "breaking",
    "report",
    "music",
    "by",
    "director",
    "produced",
    "written",
    "John",
    "Maria",
    "Smith",
    "Anna",
    "part",
    "one",
    "chapter",
    "episode",
    "final",
    "season",
    "city",
    "river",
    "summer",
    "night",
    "love",
    "war",
    "house",
    "welcome",
    "subscribe",
    "thanks",
    "for",
    "watching",
    "live",
    "studio",
    "pictures",
    "presents",
    "starring",
    "camera",
    "editor",
    "sound",
    "costume",
    "design",
    "special",
    "guest",
    "how",
    "to",
    "learn",
]


@functools.cache
def _font_files() -> tuple[tuple[str, str], ...]:
    """(file, script) of every usable font: those that matplotlib brings, and those unpacked beside the sources."""
    spec = importlib.util.find_spec("matplotlib")
    root = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
    names = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral")
    files = sorted(path for path in (root / "mpl-data/fonts/ttf").glob("*.ttf") if path.stem.startswith(names))
    files = [path for path in files if "Display" not in path.stem] + list(_extra_fonts)
    pairs = []
    for file in files:
        font = ImageFont.truetype(str(file), 20)
        missing = bytes(font.getmask("\U000f0000"))
        scripts = [name for name, (_, letter) in _SCRIPTS.items() if bytes(font.getmask(letter)) != missing]
        pairs.extend((str(file), script) for script in scripts)
    return tuple(pairs)


_extra_fonts: list[Path] = []


def add_fonts(folder: Path) -> None:
    """Also uses the TrueType fonts below a folder, such as unpacked font packages."""
    _extra_fonts[:] = sorted(path for path in folder.glob("fonts-*/**/*") if path.suffix in {".ttf", ".ttc", ".otf"})
    _font_files.cache_clear()


@functools.lru_cache(maxsize=512)
def _font(file: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(file, size)


class Lettering:
    """One font and script, chosen at random, in which texts are invented and drawn."""

    def __init__(self, rng: np.random.Generator) -> None:
        pairs = _font_files()
        latin = [pair for pair in pairs if pair[1] == "latin"]
        others = [pair for pair in pairs if pair[1] != "latin"]
        chosen = latin if rng.random() < 0.65 or not others else others
        self._file, self._script = chosen[int(rng.integers(len(chosen)))]
        self._rng = rng
        self._is_upper = rng.random() < 0.3

    def words(self, num_words: int) -> str:
        """Some words, real for Latin and random letters else."""
        return " ".join(self._word() for _ in range(num_words))

    def _word(self) -> str:
        rng = self._rng
        if self._script == "latin" and rng.random() < 0.8:
            word = _WORDS[int(rng.integers(len(_WORDS)))]
        else:
            ranges = _SCRIPTS[self._script][0]
            low, high = ranges[int(rng.integers(len(ranges)))]
            word = "".join(chr(c) for c in rng.integers(low, high, int(rng.integers(2, 9))))
        return word.upper() if self._is_upper else word

    def draw(
        self,
        canvas: Image.Image,
        text: str,
        *,
        center: tuple[float, float],
        size: float,
        color: Color,
        anchor: str = "mm",
        outline: int = 0,
    ) -> None:
        """Draws a line of text; it is made smaller until it fits the width.

        Args:
            center: x and y of the anchor, in pixels; size: of the letters, in pixels; color: RGB.
            outline: width of a dark outline, in pixels.
        """
        pen = ImageDraw.Draw(canvas)
        pixels = max(7, round(size))
        room = canvas.width * 0.96 if anchor[0] == "m" else canvas.width * 0.98 - center[0]
        length = pen.textlength(text, font=_font(self._file, pixels))
        if length > room:
            pixels = max(7, int(pixels * room / length))
        font = _font(self._file, pixels)
        pen.text(center, text, fill=color, font=font, anchor=anchor, stroke_width=outline, stroke_fill=(0, 0, 0))


def random_color(rng: np.random.Generator, low: int = 0, high: int = 255) -> Color:
    """An RGB colour with channels low..high."""
    red, green, blue = (int(value) for value in rng.integers(low, high + 1, 3))
    return red, green, blue


def background(shape: tuple[int, int], rng: np.random.Generator, *, is_light: bool) -> Image.Image:
    """A plain or graded backdrop of (height, width), light or dark."""
    height, width = shape
    low, high = (170, 255) if is_light else (0, 90)
    first = np.array(random_color(rng, low, high), np.float32)
    if rng.random() < 0.35:
        first[:] = 255 if is_light else 0
    if rng.random() < 0.6:
        pixels = np.broadcast_to(first, (height, width, 3))
    else:
        second = np.array(random_color(rng, low, high), np.float32)
        angle = rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[0:height, 0:width]
        ramp = (np.cos(angle) * x / width + np.sin(angle) * y / height)[..., None]
        ramp = (ramp - ramp.min()) / max(1e-6, float(np.ptp(ramp)))
        pixels = first * (1 - ramp) + second * ramp
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def to_array(canvas: Image.Image) -> RgbImage:
    """The pixels of a canvas as (H, W, 3) uint8 RGB."""
    return np.array(canvas.convert("RGB"))
