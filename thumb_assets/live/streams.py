"""Sources that are one long stream: RTSP, TCP and UDP by PyAV, SRT by FFmpeg the program, and a file that grows."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
from av.error import FFmpegError

from thumb_assets.addresses import shown
from thumb_assets.errors import BadInputError, NetworkError, SettingsError
from thumb_assets.export.ffmpeg_program import find_program
from thumb_assets.live.arrivals import CONTENT_OPTIONS, Arrival, Pipe, Source, Stop, format_of, packets_of
from thumb_assets.live.relay import relayed
from thumb_assets.settings.environment import program_environment
from thumb_assets.settings.live import LiveSettings

_READ_BYTES = 32_768
_HEAD_BYTES = 16


class RtspSource:
    """A camera by RTSP over TCP, through a relay of ours that reaches the named host alone."""

    def __init__(self, url: str, name: str, settings: LiveSettings) -> None:
        self._url, self.name, self.shown, self._settings = url, name, shown(url), settings
        self._run = 0

    def arrivals(self, stop: Stop) -> Iterator[Arrival]:
        """See `Source`."""
        self._run += 1
        timeout_seconds = self._settings.timeout_seconds
        with relayed(self._url, timeout_seconds=timeout_seconds) as (url, refused), _own_errors(self.shown, refused):
            options = {"rtsp_transport": "tcp", "protocol_whitelist": "rtsp,rtp,tcp", "analyzeduration": "1000000"}
            with av.open(url, format="rtsp", options=options, timeout=timeout_seconds) as container:
                yield from _until_stopped(packets_of(container, now=time.time, run=self._run), stop)
        raise NetworkError(f"{self.shown}: the stream ended")


class MpegTsSource:
    """MPEG-TS by TCP or UDP, or by SRT, which FFmpeg the program speaks and PyAV's build does not."""

    def __init__(self, url: str, name: str, settings: LiveSettings, *, ffmpeg_path: Path | None = None) -> None:
        self._url, self.name, self.shown, self._settings = url, name, shown(url), settings
        self._scheme = urlsplit(url).scheme
        self._ffmpeg_path = ffmpeg_path
        self._run = 0

    def arrivals(self, stop: Stop) -> Iterator[Arrival]:
        """See `Source`."""
        self._run += 1
        opened = self._by_program(stop) if self._scheme == "srt" else self._by_pyav()
        with _own_errors(self.shown), opened as container:
            yield from _until_stopped(packets_of(container, now=time.time, run=self._run), stop)
        raise NetworkError(f"{self.shown}: the stream ended")

    @contextmanager
    def _by_pyav(self) -> Iterator[Any]:
        options = {**CONTENT_OPTIONS, "protocol_whitelist": self._scheme}
        # The format is said: a content is never taken for a playlist.
        with av.open(self._url, format="mpegts", options=options, timeout=self._settings.timeout_seconds) as container:
            yield container

    @contextmanager
    def _by_program(self, stop: Stop) -> Iterator[Any]:
        command = [str(find_program(self._ffmpeg_path).path), "-v", "error", "-nostdin", "-fflags", "nobuffer"]
        command += ["-protocol_whitelist", "srt", "-f", "mpegts", "-i", self._url]
        command += ["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-copyts", "-flush_packets", "1"]
        command += ["-muxdelay", "0", "-f", "mpegts", "pipe:1"]
        process = subprocess.Popen(  # noqa: S603 - a list, no shell; the program is the user's choice
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=program_environment(),
        )
        try:
            handle = process.stdout.fileno() if process.stdout else -1
            os.set_blocking(handle, False)
            timeout_seconds = self._settings.timeout_seconds
            pipe = Pipe(handle, stop, timeout_seconds=timeout_seconds, is_ended=lambda: process.poll() is not None)
            with _opened(pipe, "mpegts") as container:
                yield container
        finally:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


class GrowingFile:
    """A file that another program still writes; it has ended once it grows no more."""

    def __init__(self, path: Path, name: str, settings: LiveSettings) -> None:
        self._path, self.name, self.shown, self._settings = path, name, str(path), settings

    def arrivals(self, stop: Stop) -> Iterator[Arrival]:
        """See `Source`."""
        with self._path.open("rb", buffering=0) as file, _own_errors(self.shown):
            pipe = Pipe(file.fileno(), stop, timeout_seconds=self._settings.timeout_seconds)
            file_format = format_of(pipe.peek(_HEAD_BYTES), shown=self.shown)
            with _opened(pipe, file_format) as container:
                yield from _until_stopped(packets_of(container, now=time.time, run=0), stop)


def stream_source(url: str, name: str, settings: LiveSettings, *, ffmpeg_path: Path | None) -> Source:
    """The source behind an address that is no HLS.

    Raises:
        SettingsError: there is none for such an address.
    """
    scheme = urlsplit(url).scheme
    if scheme == "rtsp":
        return RtspSource(url, name, settings)
    if scheme in {"srt", "tcp", "udp"}:
        return MpegTsSource(url, name, settings, ffmpeg_path=ffmpeg_path)
    raise SettingsError(f"{shown(url)}: sources are http, https (HLS), rtsp, srt, tcp, udp, a file and a folder")


def _opened(pipe: Pipe, file_format: str) -> Any:
    return av.open(pipe, format=file_format, options=dict(CONTENT_OPTIONS), buffer_size=_READ_BYTES)


def _until_stopped(arrivals: Iterator[Arrival], stop: Stop) -> Iterator[Arrival]:
    for arrival in arrivals:
        stop.check()
        yield arrival


@contextmanager
def _own_errors(name: str, refused: "list[str] | None" = None) -> Iterator[None]:
    try:
        yield
    except (FFmpegError, OSError, ValueError, EOFError) as error:
        if refused:
            raise BadInputError(f"{name}: {refused[0]}") from error
        raise NetworkError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
