"""From what a person names to a source: an address, a file that grows, or a folder of pieces."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from thumb_assets.errors import SettingsError
from thumb_assets.live.arrivals import Source
from thumb_assets.live.folder import FolderSource
from thumb_assets.live.hls import HlsSource
from thumb_assets.live.streams import GrowingFile, stream_source
from thumb_assets.settings.load import Settings

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def name_of(text: str, explicit: str | None = None) -> str:
    """The name of a source: the one that is given, else one of its address's last part.

    Raises:
        SettingsError: it is none.

    >>> name_of("rtsp://user:password@10.0.0.7/Front_Door/stream1")
    'stream1'
    >>> name_of("https://cdn.example/live/Main.m3u8?token=1")
    'main'
    """
    if explicit is not None:
        if not _NAME.fullmatch(explicit):
            raise SettingsError(f"--name {explicit[:80]!r}: use up to 40 small letters, digits and -")
        return explicit
    parts = urlsplit(text)
    path = parts.path if _is_address(text) else text
    stem = Path(path.rstrip("/")).stem or (parts.hostname or "")
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:40].strip("-")
    if not name:
        raise SettingsError(f"{stem!r} gives no name; say one by --name")
    return name


def open_source(text: str, name: str, settings: Settings, *, last_end: float | None) -> Source:
    """The source that a person named; nothing is opened yet.

    Args:
        last_end: where its last known segment ended, in seconds since the epoch.

    Raises:
        BadInputError: the address cannot be used.
        SettingsError: there is no such source.
    """
    if _is_address(text):
        if urlsplit(text).scheme in {"http", "https"}:
            try:
                import m3u8  # noqa: F401
            except ImportError:
                raise SettingsError("m3u8 is not installed; install thumb-assets[live]") from None
            return HlsSource(text, name, settings.live)
        return stream_source(text, name, settings.live, ffmpeg_path=settings.export.ffmpeg_path)
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        return FolderSource(path, name, settings.live, after=last_end)
    if path.is_file():
        return GrowingFile(path, name, settings.live)
    raise SettingsError(f"{text}: there is no such file or folder, and it is no address; check it")


def _is_address(text: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) is not None
