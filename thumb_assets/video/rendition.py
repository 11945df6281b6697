"""A decoded picture as an array: in one size, one depth, and the colours an sRGB picture can show."""

import tempfile
import threading
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Interpolation

from thumb_assets.video.colour import Colours
from thumb_assets.video.planes import picture_from_planes, plane_rows
from thumb_assets.video.tone import cube_text

AnyArray = npt.NDArray[Any]
Kind = Literal["rgb8", "rgb16", "luma"]

# Without FULL_CHR_H_INT swscale's table-driven RGB is up to 2 levels dark: white (Y=235) came out as 253.
# By number (swscale.h: SWS_FULL_CHR_H_INT, SWS_ACCURATE_RND): PyAV 17, the last for Python 3.10, has no names for them.
_EXACT = 0x2000 | 0x40000
_REDUCE = int(Interpolation.AREA) | _EXACT
_KEEP_OR_ENLARGE = int(Interpolation.BICUBIC) | _EXACT
_BT601 = 5
_ANY_TIME_BASE = Fraction(1, 25)
# BT.709, item 3.2, for the luma of a picture that was mapped to its primaries.
_LUMA_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
# A graph is one for all: what one thread pushes another must not pull.
_GRAPHS_LOCK = threading.Lock()


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
    pix_fmt = {"rgb8": "rgb24", "rgb16": "rgb48le", "luma": "gray"}[kind]
    return _scaled(picture, pix_fmt, width, height, colours)


def _scaled(picture: av.VideoFrame, pix_fmt: str, width: int, height: int, colours: Colours) -> AnyArray:
    """The picture in another size and format; white is 255 or 65535."""
    array: AnyArray
    if pix_fmt == "rgb24" and _is_alike_by_planes(picture, width, height):
        array = _merged(_reformatted(picture, "gbrp", width, height, colours))
    else:
        array = np.asarray(_reformatted(picture, pix_fmt, width, height, colours).to_ndarray())
    # swscale's white in 16 bits is 255 x 256, unless it comes from RGB of more than 8 bits.
    if array.dtype == np.uint16 and not (picture.format.is_rgb and picture.format.components[0].bits > 8):
        array = np.minimum((array.astype(np.uint32) * 257 + 128) >> 8, 65535).astype(np.uint16)
    # swscale takes grey formats for full range whatever they are tagged.
    if colours.is_grey and not colours.is_full_range:
        unit = 257 if array.dtype == np.uint16 else 1
        stretched = np.round((array.astype(np.float64) - 16 * unit) * 255 / 219)
        array = np.clip(stretched, 0, 255 * unit).astype(array.dtype)
    return array


def _is_alike_by_planes(picture: av.VideoFrame, width: int, height: int) -> bool:
    """True where swscale gives the same RGB by planes as by pixels, which takes it twice as long.

    Of two lines of luma and two of chroma it makes a pixel by a way of its own, a level off now and then: where the
    picture is reduced by less than 2, or by 2 while it has one line of chroma for four of luma.
    """
    is_reduced_enough = 2 * height <= picture.height and width <= picture.width
    return (
        picture.format.name.startswith(("yuv", "nv", "p0"))
        and 2 * picture.format.chroma_height(picture.height) >= picture.height
        and (is_reduced_enough or (width, height) == (picture.width, picture.height))
    )


def _merged(planar: av.VideoFrame) -> AnyArray:
    """(H, W, 3) uint8 RGB of a picture in `gbrp`."""
    import cv2

    green, blue, red = (plane_rows(planar, index) for index in range(3))
    return np.asarray(cv2.merge([red, green, blue]))


def _reformatted(picture: av.VideoFrame, pix_fmt: str, width: int, height: int, colours: Colours) -> av.VideoFrame:
    if picture.format.is_rgb and picture.format.components[0].bits < 8:
        # To 8 bits swscale does not exchange the bytes of these, and their white does not become that of 16 bits.
        picture = _little_endian(picture).reformat(format="rgb24", threads=1)
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


def _little_endian(picture: av.VideoFrame) -> av.VideoFrame:
    """The same picture with the bytes of its 16-bit pixels in this order."""
    if not picture.format.is_big_endian:
        return picture
    rows = plane_rows(picture, 0).view(np.uint16).byteswap().view(np.uint8)
    name = picture.format.name.removesuffix("be") + "le"
    return picture_from_planes(rows.tobytes(), width=picture.width, height=picture.height, pix_fmt=name)


def _mapped(picture: av.VideoFrame, width: int, height: int, colours: Colours) -> AnyArray:
    """(H, W, 3) uint16 R'G'B' of BT.709, through the table of `tone`."""
    if colours.encoding == "yuv":
        rgb = _scaled(picture, "gbrp16le", width, height, colours)  # PyAV gives planar GBR as (H, W, 3), in RGB's order
    else:
        rgb = _channels(picture, width, height, colours)
    planar = av.VideoFrame.from_ndarray(rgb, format="gbrp16le")
    planar.pts, planar.time_base = 0, _ANY_TIME_BASE
    with _GRAPHS_LOCK:
        graph = _mapping_graph(width, height, colours)
        try:
            graph.push(planar)
            mapped = graph.pull()
        except BaseException:
            _mapping_graph.cache_clear()  # a picture may be left in it, which would come out next time
            raise
    return np.asarray(mapped.to_ndarray())


def _channels(picture: av.VideoFrame, width: int, height: int, colours: Colours) -> AnyArray:
    """(H, W, 3) uint16 of luma and both chroma channels in full range, chroma around 32768, whatever they mean."""
    is_reduced = width < picture.width or height < picture.height
    # One range and one matrix on both sides: codes are only scaled and shifted to 16 bits; swscale would stretch chroma
    # to 254 of 255.
    same: dict[str, Any] = {f"{side}_color_range": ColorRange.MPEG for side in ("src", "dst")}
    scaled = picture.reformat(
        width=width,
        height=height,
        format="yuv444p16le",
        interpolation=_REDUCE if is_reduced else _KEEP_OR_ENLARGE,
        threads=1,
        src_colorspace=_BT601,
        dst_colorspace=_BT601,
        **same,
    )
    luma, *chroma = (plane_rows(scaled, index).view(np.uint16).astype(np.float64) for index in range(3))
    if colours.is_full_range:
        black, luma_span = 0, 65536 - (1 << (16 - picture.format.components[0].bits))
        chroma_span = luma_span
    else:
        black, luma_span, chroma_span = 16 << 8, 219 << 8, 224 << 8
    centred = [(plane - 32768) / chroma_span * 65535 + 32768 for plane in chroma]
    channels = np.stack([(luma - black) / luma_span * 65535, *centred], axis=-1)
    return np.clip(channels.round(), 0, 65535).astype(np.uint16)


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
    return cube_text(colours)


def _escaped(path: Path) -> str:
    """A path as an argument of a filter (FFmpeg's manual, "Notes on filtergraph escaping", first level)."""
    return "".join(f"\\{letter}" if letter in "\\':" else letter for letter in path.as_posix())
