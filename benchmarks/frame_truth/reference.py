"""A video as FFmpeg the program sees it: the pictures as decoded, and as it shows them."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from thumb_assets.video.header import VideoHeader

AnyRgb = npt.NDArray[np.generic]

# zscale's names of the matrices, by swscale's numbers.
_MATRICES = {1: "709", 4: "fcc", 5: "470bg", 7: "240m", 9: "2020_ncl"}
_TRANSFERS = {"pq": "smpte2084", "hlg": "arib-std-b67", "sdr": "709"}
_PRIMARIES = {"bt709": "709", "bt2020": "2020", "p3": "smpte432"}
# How the chroma is enlarged; by default it is bilinear.
_ZSCALE = "zscale=filter=bicubic:"
# The shorter axis of a pixel is enlarged.
_SQUARE_PIXELS = "scale=w='if(gte(sar,1),iw*sar,iw)':h='if(gte(sar,1),ih,ih/sar)',setsar=1"
_TIMEOUT_SECONDS = 900


def program() -> str:
    """The program, of which the package imageio-ffmpeg brings one with zscale."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def version() -> str:
    """As it says itself."""
    return str(imageio_ffmpeg.get_ffmpeg_version())


def raw_pictures(path: Path, header: VideoHeader, wanted: Sequence[int]) -> dict[int, bytes]:
    """The pictures as decoded, rawvideo, by frame_index; those it does not give are missing."""
    options = ["-noautorotate", "-reinit_filter", "0"]
    filters = [f"select='{_is_one_of(wanted)}'"]
    output = ["-noautoscale", "-frames:v", str(len(wanted)), "-c:v", "rawvideo"]
    with tempfile.TemporaryDirectory() as folder:
        files = _call(path, header, Path(folder), options=options, filters=filters, output=output)
        return {index: file.read_bytes() for index, file in zip(wanted, files, strict=False)}


def shown_pictures(
    path: Path,
    header: VideoHeader,
    wanted: Sequence[int],
    *,
    conversion: str,
    is_deep: bool = False,
    is_interlaced: bool = False,
    is_every: bool = False,
) -> dict[int, AnyRgb]:
    """The pictures as FFmpeg shows them: turned by itself, without combs, in square pixels.

    Args:
        conversion: filters that make RGB, see below.
        is_deep: 16 bits instead of 8.
        is_every: write all frames and count the files, instead of choosing by FFmpeg's own counter.

    Returns:
        (H, W, 3) uint8 or uint16 RGB by frame_index; those it does not give are missing.
    """
    filters = ["bwdif=mode=send_frame:deint=interlaced"] if is_interlaced else []
    filters += [] if is_every else [f"select='{_is_one_of(wanted)}'"]
    filters += [conversion, _SQUARE_PIXELS]
    output = [] if is_every else ["-frames:v", str(len(wanted))]
    output += ["-c:v", "ppm", "-pix_fmt", "rgb48be" if is_deep else "rgb24"]
    with tempfile.TemporaryDirectory() as folder:
        files = _call(path, header, Path(folder), options=[], filters=filters, output=output)
        shown: Mapping[int, Path] = dict(enumerate(files)) if is_every else dict(zip(wanted, files, strict=False))
        return {index: parse_ppm(shown[index].read_bytes()) for index in wanted if index in shown}


def plain_conversion(header: VideoHeader, *, is_deep: bool = False, matrix: int | None = None) -> str:
    """To R'G'B' of the same primaries by zimg; by the matrix and range of the documented rule, or by another matrix."""
    colours, pix_fmt = header.look.colours, "gbrp16le" if is_deep else "gbrp"
    if header.pix_fmt.startswith(("gbr", "rgb", "bgr", "pal", "argb", "abgr")):
        return f"format={pix_fmt}"
    return (
        f"{_ZSCALE}matrixin={_MATRICES[matrix or colours.matrix]}:rangein={_range(header)}"
        f":matrix=gbr:range=full,format={pix_fmt}"
    )


def gamut_conversion(header: VideoHeader) -> str:
    """From a wide gamut to BT.709 by zimg."""
    return f"{_tagged(header)}:transfer=709:primaries=709:matrix=gbr:range=full,format=gbrp"


def hable_conversion(header: VideoHeader) -> str:
    """From HDR to SDR by the recipe of FFmpeg's users: zscale, and tonemap with hable's curve."""
    return (
        f"{_tagged(header)}:transfer=linear:npl=100,format=gbrpf32le,zscale=primaries=709,"
        "tonemap=tonemap=hable:desat=0,zscale=transfer=709:matrix=gbr:range=full,format=gbrp"
    )


def parse_ppm(data: bytes) -> AnyRgb:
    """(H, W, 3) RGB, uint8 or uint16, of a binary PPM file as FFmpeg writes it.

    >>> parse_ppm(b"P6\\n1 1\\n255\\n" + bytes([1, 2, 3])).tolist()
    [[[1, 2, 3]]]
    """
    _, size, largest, pixels = data.split(b"\n", 3)
    width, height = map(int, size.split())
    kind = ">u2" if int(largest) > 255 else np.uint8
    return np.frombuffer(pixels, kind).reshape(height, width, 3).astype(np.uint16 if kind == ">u2" else np.uint8)


def _tagged(header: VideoHeader) -> str:
    colours = header.look.colours
    return (
        f"{_ZSCALE}matrixin={_MATRICES[colours.matrix]}:rangein={_range(header)}"
        f":transferin={_TRANSFERS[colours.transfer]}:primariesin={_PRIMARIES[colours.primaries]}"
    )


def _range(header: VideoHeader) -> str:
    return "full" if header.look.colours.is_full_range else "limited"


def _is_one_of(wanted: Sequence[int]) -> str:
    return "+".join(f"eq(n,{frame_index})" for frame_index in wanted)


def _call(
    path: Path, header: VideoHeader, folder: Path, *, options: list[str], filters: list[str], output: list[str]
) -> list[Path]:
    # One thread: what more of them make of a damaged file depends on their number.
    command = [program(), "-nostdin", "-v", "error", "-threads", "1", *options, "-i", f"file:{path.absolute()}"]
    command += ["-map", f"0:{header.stream_index}", "-vf", ",".join(filters), "-fps_mode", "passthrough"]
    command += [*output, "-f", "image2", "-start_number", "0", "%08d"]
    subprocess.run(command, cwd=folder, capture_output=True, timeout=_TIMEOUT_SECONDS, check=False)
    return sorted(folder.iterdir())
