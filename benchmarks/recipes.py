"""Recipes of the clips: codec, size, length, groups of pictures; and the way each kind is written."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from pathlib import Path

import av

from benchmarks.sources import Source, pictures_of, plan_pieces

# Raised when a recipe changes, so that no clip of the old one is taken for the new.
VERSION = 1
RATE = 25


@dataclass(frozen=True)
class Recipe:
    """A clip of pieces, encoded.

    Attributes:
        seconds: its length.
        bit_rate: bits per second; 0 leaves it to the options.
        grain: strength of the temporal grain: enlarged pictures without it are cheaper to decode than real ones.
        seed: which pieces.
        about: what the report says beyond codec, size and length.
    """

    name: str
    codec: str
    size: tuple[int, int]
    seconds: float
    about: str = field(repr=False)  # no part of the digest
    pix_fmt: str = "yuv420p"
    gop_size: int = 120
    bit_rate: int = 0
    grain: int = 6
    seed: int = 1
    options: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Hex digits that change with the recipe and with VERSION."""
        return hashlib.sha256(f"{VERSION} {self}".encode()).hexdigest()[:8]


_WEB_RATE = 7_500_000
_X264 = {"preset": "fast", "maxrate": "10M", "bufsize": "15M"}
_SMALL_X264 = {"preset": "veryfast", "crf": "25"}

WEB = Recipe(
    "web-1080p",
    "libx264",
    (1920, 1080),
    180,
    "H.264 as on the web: x264 fast, GOP 120 with its default keyframes at scene cuts, B-frames",
    bit_rate=_WEB_RATE,
    options=_X264,
)
WEB_SHORT = Recipe(
    "web-1080p-short", "libx264", (1920, 1080), 10, "as web-1080p", bit_rate=_WEB_RATE, seed=2, options=_X264
)
FIXED_GOP = Recipe(
    "fixed-gop-1080p",
    "libx264",
    (1920, 1080),
    60,
    "as web-1080p, but a keyframe every 120 frames and nowhere else (scenecut=0), as in segmented streams",
    bit_rate=_WEB_RATE,
    seed=3,
    options=_X264 | {"x264-params": "scenecut=0"},
)
HEVC_4K = Recipe(
    "hevc-4k-10bit",
    "libx265",
    (3840, 2160),
    10,
    "HEVC 10 bit: x265 ultrafast, GOP 120",
    pix_fmt="yuv420p10le",
    bit_rate=20_000_000,
    seed=4,
    options={"preset": "ultrafast", "x265-params": "log-level=error"},
)
AV1 = Recipe(
    "av1-1080p", "libsvtav1", (1920, 1080), 10, "AV1: SVT-AV1 preset 9, crf 30, GOP 120", seed=5,
    options={"preset": "9", "crf": "30"},
)  # fmt: skip
LOOP = Recipe(
    "small-180p", "libx264", (320, 180), 60, "H.264, copied packet by packet again and again", grain=0, seed=6,
    options=_SMALL_X264,
)  # fmt: skip


def ten_seconds(seed: int) -> Recipe:
    """One of the short clips of 640x360."""
    return Recipe(
        f"short-360p-{seed:03d}", "libx264", (640, 360), 10, "H.264", grain=3, seed=100 + seed, options=_SMALL_X264
    )


def five_seconds(seed: int) -> Recipe:
    """One of the short clips of 640x360, half as long."""
    return Recipe(
        f"short-360p-5s-{seed:03d}", "libx264", (640, 360), 5, "H.264", grain=3, seed=300 + seed, options=_SMALL_X264
    )


def two_seconds(seed: int) -> Recipe:
    """One of the very short clips, of which there are many."""
    return Recipe(
        f"tiny-180p-{seed:03d}", "libx264", (320, 180), 2, "H.264", grain=3, seed=500 + seed, options=_SMALL_X264
    )


def write_clip(path: Path, recipe: Recipe, sources: Sequence[Source]) -> None:
    """Encodes the recipe's pieces one after the other."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(recipe.codec, rate=RATE, options=dict(recipe.options))
        stream.width, stream.height = recipe.size
        stream.pix_fmt = recipe.pix_fmt
        stream.codec_context.gop_size = recipe.gop_size
        if recipe.bit_rate:
            stream.bit_rate = recipe.bit_rate
        for number, picture in zip(range(int(recipe.seconds * RATE)), _pictures(recipe, sources), strict=False):
            picture.pts, picture.time_base = number, Fraction(1, RATE)
            picture.pict_type = av.video.frame.PictureType.NONE  # the source's own would ask for sync frames
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _pictures(recipe: Recipe, sources: Sequence[Source]) -> Iterator[av.VideoFrame]:
    """Never too few: a source may hold fewer pictures than packets."""
    for round_number in count():
        pieces = plan_pieces(sources, num_frames=int(recipe.seconds * RATE), seed=recipe.seed + 1000 * round_number)
        for piece in pieces:
            yield from pictures_of(piece, size=recipe.size, pix_fmt=recipe.pix_fmt, grain=recipe.grain)


def write_copy(path: Path, source: Path, *, num_times: int = 1, comment: str = "") -> None:
    """The packets of a clip, several times over and without decoding.

    Args:
        comment: written into the container, so that copies of one clip differ in content.
    """
    with av.open(str(path), "w") as copy:
        copy.metadata["comment"] = comment
        template: av.VideoStream | None = None
        for number in range(num_times):
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                template = template or copy.add_stream_from_template(stream)
                length = round(stream.frames / (stream.average_rate * stream.time_base))
                for packet in container.demux(stream):
                    if packet.dts is None:  # the flush at the end
                        continue
                    packet.pts += number * length
                    packet.dts += number * length
                    packet.stream = template
                    copy.mux(packet)
