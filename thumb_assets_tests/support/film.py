"""Writes videos with tracks of sound and of text, by PyAV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from thumb_assets_tests.support.drawing import draw_frame

RATE = 25
MILLISECONDS = Fraction(1, 1000)
# (start, end, text), in seconds.
Cues = Sequence[tuple[float, float, str]]
ASS_HEADER = (
    "[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize\r\n"
    "Style: Default,Arial,20\r\n\r\n[Events]\r\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)


@dataclass(frozen=True)
class Sound:
    """A track of sound: samples (channels, N) float in -1..1, and how they are stored."""

    samples: npt.NDArray[np.floating]
    rate: int = 48_000
    codec: str = "pcm_s16le"
    layout: str = "mono"
    format: str = "s16"
    begin_seconds: float = 0.0


@dataclass(frozen=True)
class Text:
    """A track of text, of FFmpeg's codec of that name."""

    cues: Cues
    codec: str = "subrip"
    language: str | None = None


@dataclass(frozen=True)
class Film:
    """A video of `seconds`, each frame carrying its index, with a cut every `shot_seconds`, and tracks beside."""

    seconds: float = 4.0
    sounds: Sequence[Sound] = ()
    texts: Sequence[Text] = ()
    begin_seconds: float = 0.0
    shot_seconds: float = 1e9
    size: tuple[int, int] = (320, 180)
    container_options: Mapping[str, str] = field(default_factory=dict)


def write(path: Path, film: Film) -> Path:
    """Writes the file; the container follows from its suffix."""
    with av.open(str(path), "w", options=dict(film.container_options)) as container:
        video = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "20"})
        video.width, video.height = film.size
        video.pix_fmt, video.codec_context.gop_size, video.codec_context.max_b_frames = "yuv420p", 12, 0
        video.codec_context.thread_count = 1
        sounds = [_add_sound(container, sound) for sound in film.sounds]
        texts = [_add_text(container, text) for text in film.texts]
        packets = [*_of_video(video, film)]
        for stream, sound in zip(sounds, film.sounds, strict=True):
            packets += _of_sound(stream, sound)
        for stream, text in zip(texts, film.texts, strict=True):
            packets += _of_text(stream, text)
        for packet in sorted(packets, key=lambda packet: float((packet.dts or packet.pts or 0) * packet.time_base)):
            container.mux(packet)
    return path


def srt(cues: Cues) -> str:
    """The cues as SubRip."""
    lines = [
        f"{number}\n{_clock(start)} --> {_clock(end)}\n{text}\n" for number, (start, end, text) in enumerate(cues, 1)
    ]
    return "\n".join(lines)


def tone(
    seconds: float, *, hertz: float = 997.0, level: float = 0.5, rate: int = 48_000, channels: int = 1
) -> np.ndarray:
    """A sine, (channels, N) float64."""
    wave = level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.tile(wave, (channels, 1))


def _clock(seconds: float) -> str:
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02},{whole % 1000:03}"


def _add_sound(container, sound: Sound):
    stream = container.add_stream(sound.codec, rate=sound.rate)
    stream.codec_context.layout, stream.codec_context.format = sound.layout, sound.format
    return stream


def _add_text(container, text: Text):
    stream = container.add_stream(text.codec)
    stream.codec_context.time_base = MILLISECONDS
    stream.codec_context.subtitle_header = ASS_HEADER.encode()
    if text.language:
        stream.metadata["language"] = text.language
    return stream


def _of_video(stream, film: Film):
    width, height = film.size
    first = round(film.begin_seconds * RATE)
    for index in range(round(film.seconds * RATE)):
        shot = int(index / RATE / film.shot_seconds)
        rgb = draw_frame(index, width=width, height=height, shot_index=shot)
        picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        picture.pts, picture.time_base = first + index, Fraction(1, RATE)
        yield from stream.encode(picture)
    yield from stream.encode(None)


def _of_sound(stream, sound: Sound):
    num_samples = sound.samples.shape[1]
    scale = {"u8": (127.0, 128.0, np.uint8), "s16": (32767.0, 0.0, np.int16), "fltp": (1.0, 0.0, np.float32)}
    factor, zero, kind = scale[sound.format]
    values = (np.clip(sound.samples, -1, 1) * factor + zero).astype(kind)
    step = max(1, min(1024, num_samples))
    for first in range(0, num_samples, step):
        part = values[:, first : first + step]
        part = part if sound.format.endswith("p") else part.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format=sound.format, layout=sound.layout)
        frame.sample_rate, frame.time_base = sound.rate, Fraction(1, sound.rate)
        frame.pts = round(sound.begin_seconds * sound.rate) + first
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _of_text(stream, text: Text):
    for number, (start, end, line) in enumerate(text.cues):
        content = line.encode()
        if text.codec == "mov_text":
            content = len(content).to_bytes(2, "big") + content
        if text.codec == "ass":
            content = f"{number},0,Default,,0,0,0,,{line}".encode()
        packet = av.Packet(content)
        packet.stream, packet.time_base = stream, MILLISECONDS
        packet.pts = packet.dts = round(start * 1000)
        packet.duration = round((end - start) * 1000)
        yield packet
