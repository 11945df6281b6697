"""Reads the text of subtitles, of a file's own tracks and of files of text, by FFmpeg's readers inside PyAV."""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import av
from av.error import FFmpegError
from av.subtitles.stream import SubtitleStream

from thumb_assets.errors import BadInputError
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.video.container import open_container
from thumb_assets.video.stamps import PacketTimes, VideoStamps

# By suffix FFmpeg's name of the reader.
READERS = {".srt": "srt", ".vtt": "webvtt", ".ass": "ass", ".ssa": "ass"}
# A row of `Events` in ASS, which FFmpeg's decoders turn any text into, has so many fields before its text.
_FIELDS_BEFORE_TEXT = 8


@dataclass(frozen=True)
class MarkedCue:
    """One cue as it was read: seconds, its end where it is known, and its text with the markup of ASS."""

    start_seconds: float
    end_seconds: float | None
    text: str


@dataclass(frozen=True)
class TextTrack:
    """A track of text in a video file: its stream, language (as the file says) and FFmpeg's name of the codec."""

    stream_index: int
    language: str | None
    codec: str


@dataclass(frozen=True)
class Tracks:
    """The tracks of subtitles of a file.

    Attributes:
        texts: those of text, in the order of the file.
        pictures: FFmpeg's names of the codecs of the others, which hold pictures or cannot be read.
        begin_seconds: stamp at which a player's clock begins, before the video's own offset.
    """

    texts: tuple[TextTrack, ...]
    pictures: tuple[str, ...]
    begin_seconds: float


def tracks_of(path: Path, settings: VideoSettings) -> Tracks:
    """The tracks of subtitles of a video file. Raises as `open_container`."""
    container, _ = open_container(path, max_bytes=settings.max_file_bytes)
    with container:
        texts, pictures = [], []
        for stream in container.streams:
            if stream.type != "subtitle":
                continue
            codec = stream.codec_context.codec if stream.codec_context is not None else None
            if codec is not None and codec.text_sub:
                texts.append(TextTrack(stream.index, stream.language, codec.canonical_name))
            else:
                pictures.append(codec.canonical_name if codec else "unknown codec")
        begin = container.start_time / av.time_base if container.start_time is not None else 0.0
        return Tracks(tuple(texts), tuple(pictures), begin)


def track_cues(
    path: Path, tracks: Sequence[TextTrack], stamps: VideoStamps, settings: VideoSettings
) -> Iterator[tuple[int, MarkedCue]]:
    """(stream index, cue) of these tracks, in the order of the file, on the video's timeline.

    Raises:
        BadInputError: the file cannot be read any further; what came before stands.
    """
    container, _ = open_container(path, max_bytes=settings.max_file_bytes)
    times = PacketTimes(stamps)
    with container, _one_line(str(path)):
        wanted = {track.stream_index for track in tracks} | ({stamps.stream_index} if times.needs_video else set())
        for packet in container.demux(*(stream for stream in container.streams if stream.index in wanted)):
            if times.see(packet) or packet.pts is None or packet.time_base is None:
                continue
            start = times.seconds(packet.pts, packet.time_base)
            for cue in _cues_of(packet, start):
                yield packet.stream.index, cue


def text_cues(text: str, name: str) -> Iterator[MarkedCue]:
    """The cues of a file of subtitles, in its own seconds.

    Args:
        text: its content.
        name: of the file; its suffix is one of READERS.

    Raises:
        BadInputError: it is no such file.
    """
    suffix = PurePath(name).suffix.lower()
    content = io.BytesIO(text.encode("utf-8", "replace"))
    with _one_line(name), av.open(content, mode="r", format=READERS[suffix]) as container:
        streams: Iterable[SubtitleStream] = container.streams.subtitles
        for packet in container.demux(*streams):
            if packet.pts is not None and packet.time_base is not None:
                yield from _cues_of(packet, float(packet.pts * packet.time_base))


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    try:
        yield
    except (FFmpegError, OSError, ValueError, IndexError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInputError(f"{name}: its subtitles cannot be read ({reason}); write them again") from None


def _cues_of(packet: "av.Packet[Any]", start_seconds: float) -> Iterator[MarkedCue]:
    """A packet that cannot be read is left out: it is one cue."""
    end = start_seconds + float(packet.duration * packet.time_base) if packet.duration and packet.time_base else None
    try:
        found = packet.decode()
    except (FFmpegError, ValueError):
        return
    for subtitle in found:
        for part in subtitle if hasattr(subtitle, "__iter__") else (subtitle,):
            line = getattr(part, "ass", None)
            if line:
                fields = line.split(b",", _FIELDS_BEFORE_TEXT)
                if len(fields) > _FIELDS_BEFORE_TEXT:
                    yield MarkedCue(start_seconds, end, fields[-1].decode("utf-8", "replace"))
