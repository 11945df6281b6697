"""Reads the pictures and video frames that the frames are made of, from the packages that bring them."""

import csv
import importlib.util
import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

# A worker forked from a process whose OpenCV has threads waits for ever.
cv2.setNumThreads(0)

RgbImage = npt.NDArray[np.uint8]

SOURCES_FILE = Path(__file__).with_name("sources.tsv")
_LONG_SIDE = 1080
_SHORT_SIDE_MIN = 200
# A frame flatter or darker than this is no clean example: fades, black and cards are part of the clips.
_LUMA_STD_MIN, _LUMA_MEAN_MIN = 22.0, 14.0
_PICTURE_STARTS = re.compile(rb"RIFF....WEBP|\xff\xd8\xff[\xdb\xe0\xe1]|\x89PNG\r\n\x1a\n", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """One line of sources.tsv: a package or a clip that is in one split as a whole."""

    name: str
    kind: str
    root: str
    pattern: str
    num_frames: str
    split: str
    smoke_split: str
    licence: str


@dataclass(frozen=True, eq=False)
class Picture:
    """A clean picture, (H, W, 3) uint8 RGB, and the source it is from."""

    source: str
    pixels: RgbImage


def read_sources() -> list[Source]:
    """All lines of sources.tsv."""
    with SOURCES_FILE.open(newline="", encoding="utf-8") as file:
        names = [field.name for field in fields(Source)]
        return [Source(**{name: row[name] for name in names}) for row in csv.DictReader(file, delimiter="\t")]


def load_pictures(split: str, *, sources_dir: Path | None, is_smoke: bool) -> list[Picture]:
    """The pictures of a split, in a fixed order.

    Args:
        split: train, validation or test.
        sources_dir: folder with one unpacked folder per Debian package and `clips`; not needed by the smoke run.
        is_smoke: only what installed Python packages bring, split for the smoke run.

    Raises:
        FileNotFoundError: a source is not there.
    """
    pictures = []
    for source in read_sources():
        if (source.smoke_split if is_smoke else source.split) != split:
            continue
        found = [Picture(source.name, pixels) for pixels in _read_source(source, sources_dir)]
        if not found:
            raise FileNotFoundError(f"source {source.name}: nothing matches {source.pattern} in {source.root}")
        pictures.extend(found)
    return pictures


def _read_source(source: Source, sources_dir: Path | None) -> Iterator[RgbImage]:
    root = _root(source, sources_dir)
    pattern = re.compile(source.pattern)
    if source.kind == "rcc":
        for file in sorted(root.rglob("*.rcc")):
            if file.stem not in source.pattern:
                continue
            for number, pixels in enumerate(_pictures_in_resource(file.read_bytes())):
                if pattern.fullmatch(f"{file.stem}_{number:03d}"):
                    yield pixels
        return
    for file in sorted(path for path in root.rglob("*") if pattern.fullmatch(path.relative_to(root).as_posix())):
        if file.suffix in {".mp4", ".webm", ".mkv"}:
            yield from _frames_of_clip(file, int(source.num_frames))
        else:
            picture = _decoded(file.read_bytes())
            if picture is not None:
                yield picture


def _root(source: Source, sources_dir: Path | None) -> Path:
    if source.kind == "pip":
        spec = importlib.util.find_spec(source.root)
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError(f"source {source.name}: package {source.root} is not installed")
        return Path(spec.submodule_search_locations[0])
    if sources_dir is None or not (sources_dir / source.root).is_dir():
        raise FileNotFoundError(f"source {source.name}: unpack {source.root} into the folder named with --sources")
    return sources_dir / source.root


def _pictures_in_resource(data: bytes) -> Iterator[RgbImage]:
    """The opaque pictures in a Qt resource file, which stores pictures uncompressed after their length."""
    for match in _PICTURE_STARTS.finditer(data):
        start = match.start()
        is_webp = data[start : start + 4] == b"RIFF"
        length = struct.unpack("<I", data[start + 4 : start + 8])[0] + 8 if is_webp else _length_before(data, start)
        if 0 < length <= len(data) - start:
            picture = _decoded(data[start : start + length])
            if picture is not None:
                yield picture


def _length_before(data: bytes, start: int) -> int:
    return int(struct.unpack(">I", data[start - 4 : start])[0]) if start >= 4 else 0


def _decoded(data: bytes) -> RgbImage | None:
    """A picture at most _LONG_SIDE long; None if it is damaged, small or partly transparent."""
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except (OSError, SyntaxError, ValueError):
        return None
    if min(image.size) < _SHORT_SIDE_MIN or image.convert("RGBA").getchannel("A").getextrema()[0] < 250:
        return None
    return _bounded(np.asarray(image.convert("RGB")))


def _bounded(pixels: RgbImage) -> RgbImage:
    height, width = pixels.shape[:2]
    scale = _LONG_SIDE / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(pixels)
    size = (round(width * scale), round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _frames_of_clip(file: Path, num_frames: int) -> Iterator[RgbImage]:
    """Frames at equal distances in a clip, without those that are black, flat or in a fade."""
    with av.open(str(file)) as container:
        decoded = [frame for frame in container.decode(video=0) if frame.width]
        for number in range(num_frames):
            pixels = decoded[int((number + 0.5) * len(decoded) / num_frames)].to_ndarray(format="rgb24")
            luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
            if luma.std() >= _LUMA_STD_MIN and luma.mean() >= _LUMA_MEAN_MIN:
                yield _bounded(pixels)
