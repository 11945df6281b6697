"""HLS by our own requests: a playlist may name any address, and FFmpeg would open it."""

import io
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import av
from av.error import FFmpegError

from thumb_assets.addresses import require_address, shown
from thumb_assets.errors import BadInputError, NetworkError
from thumb_assets.http import HttpClient, Response
from thumb_assets.live.arrivals import CONTENT_OPTIONS, Arrival, Stop, format_of, packets_of
from thumb_assets.settings.live import LiveSettings

_MAX_PLAYLIST_BYTES = 1_000_000
_LEAST_WAIT_SECONDS = 0.25
_MAX_WAIT_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443}


class HlsSource:
    """A playlist of HLS and the pieces that it names, on the host that was named and on no other.

    Args:
        url: of the playlist, http or https.
        name: of the source.
        settings: timeouts, bounds, further hosts.
    """

    def __init__(self, url: str, name: str, settings: LiveSettings) -> None:
        require_address(url)
        self._url, self.name, self.shown, self._settings = url, name, shown(url), settings
        named = urlsplit(url)
        self._allowed = {_place(named), *(host.lower() for host in settings.allowed_hosts)}
        # A host that was named may be of this machine or its network.
        hosts = {str(named.hostname), *(urlsplit(f"//{host}").hostname or "" for host in settings.allowed_hosts)}
        self._client = HttpClient(allowed_hosts=hosts, timeout_seconds=settings.timeout_seconds)
        self._next: int | None = None
        self._run = 0

    def arrivals(self, stop: Stop) -> Iterator[Arrival]:
        """See `Source`."""
        playlist_url = self._media_playlist()
        while True:
            stop.check()
            playlist = self._playlist(playlist_url)
            for piece in self._fresh(playlist):
                stop.check()
                yield from self._piece(piece)
                self._next = piece.media_sequence + 1
            if playlist.is_endlist:
                return
            yield Arrival(None, time.time(), self._run)
            wait_seconds = (playlist.target_duration or 2.0) / 4
            stop.wait(min(_MAX_WAIT_SECONDS, max(_LEAST_WAIT_SECONDS, wait_seconds)))

    def _media_playlist(self) -> str:
        """The address of the pieces' playlist: that which was named, or the best rendition that it offers."""
        playlist = self._playlist(self._url)
        if not playlist.is_variant:
            return self._url
        best = max(playlist.playlists, key=lambda each: each.stream_info.bandwidth or 0)
        return self._checked(best.absolute_uri)

    def _playlist(self, url: str) -> Any:
        import m3u8

        answer = self._ask(url, max_bytes=_MAX_PLAYLIST_BYTES)
        if answer.status >= 300:
            raise NetworkError(f"{shown(url)}: answered {answer.status}")
        text = b"".join(answer.chunks).decode("utf-8", errors="replace")
        if not text.lstrip("\ufeff").startswith("#EXTM3U"):
            raise BadInputError(f"{shown(url)}: is no playlist of HLS; name the address of one (often .m3u8)")
        try:
            return m3u8.loads(text, uri=url)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise NetworkError(f"{shown(url)}: the playlist cannot be read ({error})") from error

    def _fresh(self, playlist: Any) -> list[Any]:
        """Pieces that were not fetched yet: at first those that come next.

        When those that are there already were shown is not known: their sender may have stopped long ago.
        """
        pieces = list(playlist.segments)
        for piece in pieces:
            self._require_readable(piece)
        newest = pieces[-1].media_sequence if pieces else None
        if newest is not None and self._next is not None and newest < self._next - 1:  # the sender began anew
            self._next, self._run = None, self._run + 1
        if self._next is None and not playlist.is_endlist:
            self._next = 0 if newest is None else newest + 1
        return [piece for piece in pieces if piece.media_sequence >= (self._next or 0)]

    def _require_readable(self, piece: Any) -> None:
        """Refuses a playlist as soon as it names anything that is not to be opened."""
        if piece.key is not None and piece.key.method not in {None, "NONE"}:
            raise BadInputError(f"{self.shown}: its pieces are encrypted ({piece.key.method}), which is not read")
        self._checked(piece.absolute_uri)
        if piece.init_section is not None:
            self._checked(piece.init_section.absolute_uri)

    def _piece(self, piece: Any) -> Iterator[Arrival]:
        if piece.discontinuity:
            self._run += 1
        url = self._checked(piece.absolute_uri)
        content = self._content(url, piece.byterange)
        if content is None:  # it left the playlist before it was fetched; its stamps will be missed
            return
        head = b""
        if piece.init_section is not None:
            of_head = self._checked(piece.init_section.absolute_uri)
            head = self._content(of_head, piece.init_section.byterange) or b""
        at = time.time()
        whole = head + content
        file_format = format_of(whole[:16], shown=shown(url))
        try:
            with av.open(io.BytesIO(whole), format=file_format, options=dict(CONTENT_OPTIONS)) as container:
                yield from packets_of(container, now=lambda: at, run=self._run)
        except (FFmpegError, ValueError, EOFError) as error:  # damaged; the next one may be whole
            raise NetworkError(f"{shown(url)}: the piece cannot be read ({error})") from error
        yield Arrival(None, at, self._run)

    def _content(self, url: str, byte_range: str | None) -> bytes | None:
        headers = {}
        if byte_range:
            length, _, begin = byte_range.partition("@")
            if not length.isdigit() or not begin.isdigit():
                raise BadInputError(f"{self.shown}: its pieces are parts of a file without a begin, which is not read")
            headers["Range"] = f"bytes={begin}-{int(begin) + int(length) - 1}"
        answer = self._ask(url, max_bytes=self._settings.max_piece_bytes, headers=headers)
        if answer.status in {404, 410}:
            return None
        if answer.status >= 300 or (headers and answer.status != 206):
            raise NetworkError(f"{shown(url)}: answered {answer.status}")
        return b"".join(answer.chunks)

    def _ask(self, url: str, *, max_bytes: int, headers: dict[str, str] | None = None) -> Response:
        answer = self._client.ask("GET", url, headers or {}, b"", max_bytes=max_bytes)
        if 300 <= answer.status < 400:
            raise BadInputError(f"{shown(url)}: leads to another address; name that one, redirects are not followed")
        return answer

    def _checked(self, url: str) -> str:
        """An address of a playlist, if it is on a host that was named."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if parts.scheme not in _PORTS or not {_place(parts), host} & self._allowed:
            raise BadInputError(
                f"{self.shown}: points to {shown(url)!r}, which was not named; allow its host in "
                "live.allowed_hosts, or do not watch this source"
            )
        require_address(url)
        return url


def _place(parts: Any) -> str:
    """Host and port of an address."""
    return f"{(parts.hostname or '').lower()}:{parts.port or _PORTS.get(parts.scheme, 0)}"
