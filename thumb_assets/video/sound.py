"""Decodes the sound of a file in blocks, placed on the timeline of its video."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.stream import Disposition
from numpy.typing import NDArray

from thumb_assets.settings.stages import VideoSettings
from thumb_assets.video.container import open_container
from thumb_assets.video.stamps import PacketTimes, VideoStamps

# With fewer samples a second there is no sound that anybody hears as such, and no filter of loudness.
LEAST_RATE = 4000
# Samples of all channels of a block, about: few enough for memory, enough that Python's share is small.
_BLOCK_VALUES = 1 << 17
# A stamp so far from where the samples before it end begins a new stretch: a gap, or a jump.
_LARGEST_SLIP_SECONDS = 0.05
# What full scale is, and what silence is, by FFmpeg's name of a kind of sample.
_SCALES = {"u8": (2.0**7, 2.0**7), "s16": (2.0**15, 0.0), "s32": (2.0**31, 0.0), "s64": (2.0**63, 0.0),
           "flt": (1.0, 0.0), "dbl": (1.0, 0.0)}  # fmt: skip
VOICE_RATE = 16_000
# Floats of damaged files are anything; nothing is louder than so many times full scale.
_LOUDEST = 16.0


def _silence() -> NDArray[np.float32]:
    return np.zeros(0, np.float32)


@dataclass(frozen=True)
class SoundBlock:
    """A stretch of sound.

    Attributes:
        seconds: when its first sample is heard, on the video's timeline.
        rate: samples a second.
        channels: FFmpeg's names of the places of the channels, such as FL or LFE.
        samples: (C, N) float32, full scale is 1.
        is_joined: whether it begins where the one before it ends.
        voice: (M,) float32, the same in one channel at 16 kHz, as far as it is done; empty where none is asked for.
    """

    seconds: float
    rate: int
    channels: tuple[str, ...]
    samples: NDArray[np.float32]
    is_joined: bool
    voice: NDArray[np.float32] = field(default_factory=_silence)


class SoundReader:
    """The sound that a player plays: of the tracks that can be decoded the default one, else the first.

    Use as a context manager; iterate once.

    Args:
        has_voice: whether blocks have `voice`.

    Attributes:
        num_tracks: tracks of sound in the file.
        stream_index: the track that is read; None where there is none.
        passed_over: why there is none, one line; None where the file has no track.
        num_errors: packets that were lost so far.
        is_cut: whether the file could not be read to its end.

    Raises:
        BadInputError: the file cannot be opened.
    """

    def __init__(self, path: Path, stamps: VideoStamps, settings: VideoSettings, *, has_voice: bool = False) -> None:
        self._has_voice = has_voice
        self._times = PacketTimes(stamps)
        self._video_index = stamps.stream_index
        self._container, _ = open_container(path, max_bytes=settings.max_file_bytes)
        # The type stubs do not know that a stream without a decoder has no context.
        tracks = list(self._container.streams.audio)
        known = [track for track in tracks if track.codec_context is not None]
        usable = [track for track in known if (track.rate or 0) >= LEAST_RATE]
        self._stream: AudioStream | None = max(
            usable, key=lambda track: bool(track.disposition & Disposition.default), default=None
        )
        self.num_tracks, self.num_errors, self.is_cut = len(tracks), 0, False
        self.stream_index = None if self._stream is None else self._stream.index
        self.passed_over = None
        if tracks and self._stream is None:
            rates = sorted({track.rate or 0 for track in known})
            self.passed_over = f"its sound has {rates[-1]} samples a second" if known else "its sound has no decoder"

    def __enter__(self) -> "SoundReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def blocks(self, *, end_seconds: float) -> Iterator[SoundBlock]:
        """The sound until that second, block by block; what cannot be decoded is left out and counted."""
        waiting: list[NDArray[np.float32]] = []
        voices: list[NDArray[np.float32]] = [_silence()]
        voice = _Voice()
        begin, end, is_joined = 0.0, 0.0, False
        form: tuple[int, tuple[str, ...]] = (0, ())

        def block() -> SoundBlock:
            made = SoundBlock(begin, *form, np.concatenate(waiting, axis=1), is_joined, np.concatenate(voices))
            waiting.clear()
            voices[1:] = []
            return made

        for seconds, frame in self._frames():
            samples = _samples_of(frame)
            own_form = (frame.sample_rate, tuple(channel.name for channel in frame.layout.channels))
            at = end if seconds is None else seconds
            follows = own_form == form and abs(at - end) <= _LARGEST_SLIP_SECONDS
            if waiting and (not follows or sum(part.size for part in waiting) >= _BLOCK_VALUES):
                yield block()
                begin, is_joined = end, follows
            if not follows:
                begin, end, form, is_joined, voice = at, at, own_form, False, _Voice()
            if begin > end_seconds and not self._times.needs_video:
                return
            waiting.append(samples)
            if self._has_voice:
                voices += voice.of(frame)
            end += samples.shape[1] / frame.sample_rate
        if waiting:
            yield block()

    def _frames(self) -> "Iterator[tuple[float | None, av.AudioFrame]]":
        """Each decoded frame with samples, and when it is heard where the file says."""
        if self._stream is None:
            return
        for packet in self._packets():
            try:
                frames = self._stream.codec_context.decode(packet if packet.size else None)
            except (FFmpegError, ValueError):
                self.num_errors += 1
                continue
            for frame in frames:
                if frame.samples and frame.sample_rate >= LEAST_RATE:
                    yield self._seconds_of(frame), frame

    def _seconds_of(self, frame: av.AudioFrame) -> float | None:
        if frame.pts is None or frame.time_base is None:
            return None
        return self._times.seconds(frame.pts, frame.time_base)

    def _packets(self) -> "Iterator[av.Packet[Any]]":
        wanted = {self.stream_index, self._video_index if self._times.needs_video else self.stream_index}
        try:
            for packet in self._container.demux(*(each for each in self._container.streams if each.index in wanted)):
                if not self._times.see(packet):
                    yield packet
        except (FFmpegError, OSError, ValueError, IndexError):
            self.is_cut = True


class _Voice:
    """One stretch of sound in one channel at 16 kHz."""

    def __init__(self) -> None:
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=VOICE_RATE)

    def of(self, frame: av.AudioFrame) -> list[NDArray[np.float32]]:
        """(M,) float32 of what is done by now; nothing of a frame that cannot be turned into that."""
        frame.pts = None
        try:
            parts = [part.to_ndarray().reshape(-1) for part in self._resampler.resample(frame)]
        except (FFmpegError, ValueError):
            return []
        return [np.clip(np.nan_to_num(part), -_LOUDEST, _LOUDEST) for part in parts]


def _samples_of(frame: av.AudioFrame) -> NDArray[np.float32]:
    """(C, N) float32 of a frame of any format."""
    kind = frame.format.name.removesuffix("p")
    scale, zero = _SCALES[kind]
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, len(frame.layout.channels)).T
    samples = ((values.astype(np.float32) - np.float32(zero)) / np.float32(scale)).astype(np.float32)
    if kind in {"flt", "dbl"}:
        samples = np.clip(np.nan_to_num(samples, posinf=_LOUDEST, neginf=-_LOUDEST), -_LOUDEST, _LOUDEST)
    return samples
