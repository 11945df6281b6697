"""The command line that makes FFmpeg write chosen frames as its decoder gives them, and what its log says of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from thumb_assets.export.ffmpeg_program import FfmpegProgram
from thumb_assets.video.container import LOCAL_FILE_OPTIONS
from thumb_assets.video.header import VideoHeader

FILE_PATTERN = "%08d.raw"

# Format in which frames of a device are in its memory.
_DEVICE_FORMATS = {
    "cuda": "cuda",
    "vaapi": "vaapi",
    "qsv": "qsv",
    "videotoolbox": "videotoolbox_vld",
    "d3d11va": "d3d11",
}
# Format in which they are copied out of it, by the format the CPU's decoder gives.
_COPIED_FORMATS = {"yuv420p": "nv12", "yuvj420p": "nv12", "yuv420p10le": "p010le"}
_SHOWN = re.compile(
    r"^\[Parsed_showinfo_\d+ @ \w+\] \[info\] n: *\d+ .*? fmt:(?P<pix_fmt>\w+) .*? s:(?P<width>\d+)x(?P<height>\d+) ",
    re.MULTILINE,
)
_DAMAGE = re.compile(r"^(\[[^\]]+\] )*\[(error|fatal|panic)\]|corrupt (decoded|input)", re.MULTILINE)
_CHANGED = re.compile(r"\[warning\] Changing video frame properties on the fly")


@dataclass(frozen=True)
class FfmpegLog:
    """Facts from the log of a call.

    Attributes:
        pictures: (width, height, pix_fmt) of every file, in order.
        is_damaged: the decoder met something it could not read.
        is_changed: size, format or colour changed on the way, so that files of one size may differ in layout.
    """

    pictures: list[tuple[int, int, str]]
    is_damaged: bool
    is_changed: bool

    @classmethod
    def read(cls, path: Path) -> "FfmpegLog":
        """The log of a call of `export_command`."""
        text = path.read_text(encoding="utf-8", errors="replace")
        pictures = [(int(shown["width"]), int(shown["height"]), shown["pix_fmt"]) for shown in _SHOWN.finditer(text)]
        return cls(pictures, _DAMAGE.search(text) is not None, _CHANGED.search(text) is not None)


def export_command(
    program: FfmpegProgram,
    path: Path,
    frame_indices: Sequence[int],
    *,
    header: VideoHeader,
    device: str = "cpu",
    num_threads: int = 0,
) -> list[str]:
    """Arguments of the call that writes those frames, ascending, as FILE_PATTERN in its working folder.

    Args:
        frame_indices: ascending, each once.
        device: `cpu` or a name of VideoSettings.hwaccel; there the call fails unless the device decodes.
        num_threads: of the CPU's decoder; 0 lets FFmpeg choose.
    """
    # A change of size or format on the way would build the filters again, and `n` would count from 0 again.
    before = ["-noautorotate", "-reinit_filter", "0", "-threads", str(num_threads)]
    # As `video.decode` does: older programs round a crop on the left down to what keeps rows aligned.
    before += ["-flags", "+unaligned"]
    before += ["-apply_cropping", "codec"] if "apply_cropping" in program.options else []
    before += _local_file_options(header) + _device_options(device, header)
    filters = [f"select='{select_expression(frame_indices)}'"]
    filters += ["hwdownload", f"format={pix_fmt_on(device, header.pix_fmt)}"] if device != "cpu" else []
    after = ["-fps_mode" if "fps_mode" in program.options else "-vsync", "passthrough"]
    after += ["-noautoscale"] if "autoscale" in program.options else []
    return [
        str(program.path),
        *("-nostdin", "-hide_banner", "-nostats", "-loglevel", "repeat+level+info"),
        # No pix_fmt is asked for: a conversion would change the chroma and leave the luma, which is what is proven.
        *(["-noauto_conversion_filters"] if "auto_conversion_filters" in program.options else []),
        *(*before, "-i", f"file:{path.absolute()}", "-map", f"0:{header.stream_index}"),
        *("-vf", ",".join([*filters, "showinfo"])),
        # Ends the call with the last of the frames instead of the end of the video.
        *(*after, "-frames:v", str(len(frame_indices))),
        *("-c:v", "rawvideo", "-f", "image2", "-start_number", "0", FILE_PATTERN),
    ]


def select_expression(frame_indices: Sequence[int]) -> str:
    """FFmpeg's expression that is true for those frames.

    The sum is a balanced tree, since FFmpeg's parser gives up at a depth of 100.

    >>> select_expression([3, 7, 8, 9, 20])
    'eq(n,3)+(between(n,7,9)+eq(n,20))'
    """
    runs: list[list[int]] = []
    for frame_index in frame_indices:
        if runs and runs[-1][-1] + 1 == frame_index:
            runs[-1][-1] = frame_index
        else:
            runs.append([frame_index, frame_index])
    return _sum([f"eq(n,{start})" if start == end else f"between(n,{start},{end})" for start, end in runs])


def is_device_usable(device: str, pix_fmt: str) -> bool:
    """True if such pictures can be brought out of a device unchanged."""
    return device in _DEVICE_FORMATS and pix_fmt in _COPIED_FORMATS


def pix_fmt_on(device: str, pix_fmt: str) -> str:
    """The format in which pictures come out of a device that the CPU's decoder gives as `pix_fmt`."""
    return pix_fmt if device == "cpu" else _COPIED_FORMATS[pix_fmt]


def _sum(terms: list[str]) -> str:
    if len(terms) <= 2:
        return "+".join(terms)
    middle = len(terms) // 2
    return "+".join(f"({_sum(half)})" if len(half) > 1 else half[0] for half in (terms[:middle], terms[middle:]))


def _local_file_options(header: VideoHeader) -> list[str]:
    # FFmpeg refuses an option that the container's reader does not know; only QuickTime's knows this one.
    is_mov = "mov" in header.container.split(",")
    options = {name: value for name, value in LOCAL_FILE_OPTIONS.items() if is_mov or name != "enable_drefs"}
    return [argument for name, value in options.items() for argument in (f"-{name}", value)]


def _device_options(device: str, header: VideoHeader) -> list[str]:
    if device == "cpu":
        return []
    # With the device's own format for the output, a silent fall back to the CPU cannot reach `hwdownload`.
    options = ["-hwaccel", device, "-hwaccel_output_format", _DEVICE_FORMATS[device]]
    return [*options, "-c:v", f"{header.codec.removesuffix('video')}_qsv"] if device == "qsv" else options
