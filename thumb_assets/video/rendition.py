"""A decoded picture as an array: in one size, one depth, and the colours an sRGB picture can show."""

import tempfile
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Interpolation

from thumb_assets.video.colour import Colours
from thumb_assets.video.tone import cube_text

AnyArray = npt.NDArray[Any]
Kind = Literal["rgb8", "rgb16", "luma"]

# Without FULL_CHR_H_INT swscale's table-driven RGB is up to 2 levels dark: white (Y=235) came out as 253.
# By number (swscale.h: SWS_FULL_CHR_H_INT, SWS_ACCURATE_RND): PyAV 17, the last for Python 3.10, has no names for them.
_EXACT = 0x2000 | 0x40000
_REDUCE = int(Interpolation.AREA) | _EXACT
_KEEP_OR_ENLARGE = int(Interpolation.BICUBIC) | _EXACT
# swscale's white in 16 bits is 255 x 256, unless it comes from RGB of more than 8 bits.
_WHITE_16 = 255 * 256
_BT601 = 5
_ANY_TIME_BASE = Fraction(1, 25)
# BT.709, item 3.2, for the luma of a picture that was mapped to its primaries.
_LUMA_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
# What limited range has between black (16) and white (235), stretched to 0..255.
_STRETCHED = np.clip(np.round((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)


def render(picture: av.VideoFrame, kind: Kind, *, width: int, height: int, colours: Colours) -> AnyArray:
    """The picture in another size.

    Returns:
        `rgb8` (H, W, 3) uint8, `rgb16` (H, W, 3) uint16, both full range, rounded to the nearest; `luma` (H, W) uint8,
        full range.
    """
    if colours.needs_map:
        rgb = _mapped(picture, width, height, colours)
        if kind == "rgb16":
            return rgb
        rounded = ((rgb.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
        if kind == "rgb8":
            return rounded
        return np.asarray((rounded @ _LUMA_WEIGHTS + 0.5).astype(np.uint8))
    if kind == "rgb16":
        scaled = _scaled(picture, "rgb48le", width, height, colours).astype(np.float64)
        is_deep_rgb = picture.format.is_rgb and picture.format.components[0].bits > 8
        white = 65535 if is_deep_rgb else _WHITE_16
        return np.asarray(np.minimum(np.round(scaled * (65535 / white)), 65535).astype(np.uint16))
    return _scaled(picture, "gray" if kind == "luma" else "rgb24", width, height, colours)


def _scaled(picture: av.VideoFrame, pix_fmt: str, width: int, height: int, colours: Colours) -> AnyArray:
    array = _reformatted(picture, pix_fmt, width, height, colours).to_ndarray()
    # swscale takes grey formats for full range whatever they are tagged.
    if picture.format.name.startswith("gray") and not colours.is_full_range:
        return np.asarray(_STRETCHED[array] if array.dtype == np.uint8 else _stretched_16(array))
    return np.asarray(array)


def _stretched_16(array: AnyArray) -> AnyArray:
    stretched = (array.astype(np.float64) - 16 * 256) * 255 / 219
    return np.clip(np.round(stretched), 0, _WHITE_16).astype(np.uint16)


def _reformatted(picture: av.VideoFrame, pix_fmt: str, width: int, height: int, colours: Colours) -> av.VideoFrame:
    is_reduced = width < picture.width or height < picture.height
    options: dict[str, Any] = {"dst_color_range": ColorRange.JPEG}
    if not picture.format.is_rgb:
        options["src_color_range"] = ColorRange.JPEG if colours.is_full_range else ColorRange.MPEG
        options["src_colorspace"] = colours.matrix
        if pix_fmt == "gray":
            # The same matrix on both sides, whichever it is: gray counts as BT.601, and from any other one swscale
            # would go through a colour matrix that mixes chroma into luma (13 levels were seen), ten times slower.
            options["src_colorspace"] = options["dst_colorspace"] = _BT601
    return picture.reformat(
        width=width,
        height=height,
        format=pix_fmt,
        interpolation=_REDUCE if is_reduced else _KEEP_OR_ENLARGE,
        threads=1,
        **options,
    )


def _mapped(picture: av.VideoFrame, width: int, height: int, colours: Colours) -> AnyArray:
    """(H, W, 3) uint16 R'G'B' of BT.709, through the table of `tone`."""
    planar = _reformatted(picture, "gbrp16le", width, height, colours)
    graph = _mapping_graph(width, height, colours)
    planar.pts, planar.time_base = 0, _ANY_TIME_BASE
    graph.push(planar)
    return np.asarray(graph.pull().to_ndarray())  # PyAV gives planar GBR as (H, W, 3) in the order RGB


@lru_cache(maxsize=8)
def _mapping_graph(width: int, height: int, colours: Colours) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "map.cube")
        path.write_text(_cube(colours), encoding="ascii")
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=width, height=height, format=av.VideoFormat("gbrp16le"), time_base=_ANY_TIME_BASE
        )
        # A folder of our own making, whose name needs no escaping but for Windows' colon.
        mapping = graph.add("lut3d", f"file={_escaped(path)}:interp=tetrahedral")
        sink = graph.add("buffersink")
        source.link_to(mapping)
        mapping.link_to(sink)
        graph.configure()  # reads the file
    return graph


@lru_cache(maxsize=4)
def _cube(colours: Colours) -> str:
    return cube_text(colours, signal_max=_WHITE_16 / 65535)


def _escaped(path: Path) -> str:
    """A path as an argument of a filter (FFmpeg's manual, "Notes on filtergraph escaping", first level)."""
    return "".join(f"\\{letter}" if letter in "\\':" else letter for letter in path.as_posix())
