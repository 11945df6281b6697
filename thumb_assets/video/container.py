"""Opens one local file and nothing else, and says which of its streams is the video."""

from pathlib import Path
from typing import Any, BinaryIO

import av
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from thumb_assets.errors import BadInputError, StorageError

# A read that hangs (a network mount, a pipe) is given up after this many seconds without a byte.
_READ_TIMEOUT_SECONDS = 60.0

# Containers that hold their video themselves. A playlist, a script or a numbered series of pictures names other files
# or addresses, and a file somebody uploaded must not make us read those.
_CONTAINERS = (
    *("mov", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "asf", "ogg", "mxf", "gxf", "nut", "rm"),
    *("dv", "ivf", "wtv", "nsv", "swf", "gif", "apng", "yuv4mpegpipe", "h264", "hevc", "vvc", "av1", "obu", "m4v"),
    *("vc1", "vc1test", "mjpeg", "dirac", "cavsvideo", "avs2", "avs3", "evc", "pva", "mtv", "bink", "smk", "roq"),
)
# A stream with so many times fewer pictures than another is no video beside it.
_MOST_OVER_PICTURES = 200
_SNIFFED_BYTES = 65_536
_MOST_BOX_BYTES = 1 << 60
_MOST_BOXES = 10_000
_CREDIBLE_FRAMES = 2**31  # headers have said more
# How far into a file to look for the second picture of each stream.
_LOOKED_AT_PACKETS = 1000
_LOOKED_AT_BYTES = 64 * 2**20
LOCAL_FILE_OPTIONS = {
    "protocol_whitelist": "file",
    "enable_drefs": "0",  # QuickTime's references to other files
    "format_whitelist": ",".join(_CONTAINERS),
}


def open_container(
    path: Path, *, hwaccel: str = "none", max_bytes: int | None = None
) -> tuple[av.container.InputContainer, str]:
    """Opens a local file; what it may refer to stays shut.

    Args:
        hwaccel: `none`, `auto`, or FFmpeg's name of a device; without the device the CPU decodes.
        max_bytes: a larger file is refused.

    Returns:
        (container, device): `device` is `cpu` or the one that was opened, which may still leave a codec to the CPU.

    Raises:
        BadInputError: there is no such file, or it is no video.
        StorageError: there is not enough memory.
    """
    if not path.exists():
        raise BadInputError(f"{path}: no such file; check the path")
    if not path.is_file():
        raise BadInputError(f"{path}: is not a file")
    num_bytes = path.stat().st_size
    if num_bytes == 0:
        raise BadInputError(f"{path}: is empty (0 bytes); copy it again")
    if max_bytes is not None and num_bytes > max_bytes:
        raise BadInputError(f"{path}: has {num_bytes} bytes, more than video.max_file_bytes; raise it to accept this")
    for device in _devices(hwaccel):
        try:
            return _open(path, hwaccel=HWAccel(device, allow_software_fallback=True)), device
        except (FFmpegError, OSError, ValueError, NotImplementedError):  # no such device here
            continue
    try:
        return _open(path), "cpu"
    except PermissionError:
        raise BadInputError(f"{path}: cannot be read (permission denied)") from None
    except MemoryError as error:
        raise StorageError(f"{path}: not enough memory to open it") from error
    except (FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        advice = _likely_cause(path) or "replace it, or remove it and run `thumb-assets prune`"
        raise BadInputError(f"{path}: is not a video FFmpeg can read ({reason}); {advice}") from None


def best_video_stream(container: av.container.InputContainer, path: Path) -> VideoStream:
    """The stream that a player shows: of those with more than one picture the default one, then the largest.

    Never cover art, flagged as such or a single picture beside a video (as MP4 and Matroska may hold it, and as the
    first stream of an animated AVIF).

    Raises:
        BadInputError: there is none, or none that can be decoded.
    """
    videos = [stream for stream in container.streams.video if not _is_picture(stream)]
    if not videos:
        what = "only cover art, which is a picture," if container.streams.video else "no video stream"
        raise BadInputError(f"{path}: has {what} (audio only?); remove it and run `thumb-assets prune`")
    # The type stubs do not know that a stream without a decoder has no context.
    decodable = [stream for stream in videos if stream.codec_context is not None]
    if not decodable:
        raise BadInputError(f"{path}: no decoder for its video stream; convert the file")
    if len(decodable) == 1:
        return decodable[0]
    counts = _picture_counts(decodable, path)
    least = max(2, max(counts.values()) // _MOST_OVER_PICTURES)

    def preference(stream: VideoStream) -> tuple[bool, bool, int]:
        is_default = bool(stream.disposition & Disposition.default)
        num_pixels = stream.codec_context.width * stream.codec_context.height
        return counts[stream.index] >= least, is_default, num_pixels

    return max(decodable, key=preference)


def _picture_counts(streams: list[VideoStream], path: Path) -> dict[int, int]:
    """Pictures of each stream, by its index: by the header, or counted in the first packets."""
    if all(0 < stream.frames < _CREDIBLE_FRAMES for stream in streams):
        return {stream.index: stream.frames for stream in streams}
    counts = {stream.index: 0 for stream in streams}
    num_packets = num_bytes = 0
    try:
        with _open(path) as other:  # a container of its own, so that nothing has to be sought back
            for packet in other.demux(*(other.streams[index] for index in counts)):
                counts[packet.stream.index] += bool(packet.size)
                num_packets, num_bytes = num_packets + 1, num_bytes + packet.size
                is_seen = all(count >= 2 for count in counts.values())
                if is_seen or num_packets >= _LOOKED_AT_PACKETS or num_bytes >= _LOOKED_AT_BYTES:
                    break
    except (FFmpegError, OSError, ValueError, IndexError):
        pass  # a damaged start; what was seen of it counts
    # How many more there are is not known: a second one makes it a video.
    return {index: min(count, 2) for index, count in counts.items()}


def _is_picture(stream: VideoStream) -> bool:
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.still_image))


def _open(path: Path, **options: Any) -> av.container.InputContainer:
    # `file:` keeps FFmpeg from reading a name such as `concat:a` or `12:30.mp4` as a protocol.
    container: av.container.InputContainer = av.open(
        f"file:{path}",
        metadata_errors="replace",
        timeout=_READ_TIMEOUT_SECONDS,
        options=dict(LOCAL_FILE_OPTIONS),
        **options,
    )
    return container


def _likely_cause(path: Path) -> str | None:
    """Advice where the first bytes show why a file cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFFED_BYTES)
            file.seek(0)
            is_without_index = head[4:8] == b"ftyp" and b"moov" not in _top_boxes(file)
    except OSError:
        return None
    if is_without_index:
        return "an incomplete download? Its index (moov) is missing: copy or record it again"
    if not head.strip(b"\0"):
        return "an incomplete download? Its beginning is empty: copy it again"
    counts = [head.count(value) for value in range(256)] if len(head) == _SNIFFED_BYTES else []
    # Each byte value as often as any other: random bytes of this number lie within 2; headers and codes do not.
    if counts and max(counts) < 2 * len(head) / 256 and min(counts) > len(head) / 512:
        return "encrypted? Its beginning looks like chance: decrypt it or remove it"
    return None


def _top_boxes(file: BinaryIO) -> list[bytes]:
    """Kinds of the outermost boxes of an MP4, as far as their sizes lead."""
    kinds: list[bytes] = []
    while len(kinds) < _MOST_BOXES and len(header := file.read(16)) >= 8:
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        kinds.append(kind)
        size = int.from_bytes(header[8:16], "big") if size == 1 else size
        if not 8 <= size <= _MOST_BOX_BYTES:  # a box to the end of the file, or damage
            break
        file.seek(size - len(header), 1)
    return kinds


def _devices(hwaccel: str) -> list[str]:
    if hwaccel == "none":
        return []
    return hwdevices_available() if hwaccel == "auto" else [hwaccel]
