"""Chooses the exporter that fetches the frames: PyAV in this process, or FFmpeg the program."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol

from thumb_assets.export.ffmpeg_fetch import ExportMethod, FfmpegFetcher
from thumb_assets.settings.stages import ExportSettings, VideoSettings
from thumb_assets.video.fetch import FrameFetcher, FrameIdentities
from thumb_assets.video.frame import Frame


class FrameExporter(Protocol):
    """Fetches frames of one file by frame_index, each proven by its hash. Used as a context manager."""

    def __enter__(self) -> "FrameExporter": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def fetch_many(self, frame_indices: Iterable[int]) -> Iterator[tuple[Frame, ExportMethod]]:
        """The frames asked for, ascending, each once, and how each was found."""
        ...


class _AtHandFirst:
    """Takes the frames that are at hand, each proven like any other, and opens the video for the first that is not."""

    def __init__(
        self, path: Path, identities: FrameIdentities, settings: VideoSettings | None, at_hand: Mapping[int, Frame]
    ) -> None:
        self._path, self._identities, self._settings, self._at_hand = path, identities, settings, at_hand
        self._fetcher: FrameFetcher | None = None

    def __enter__(self) -> "_AtHandFirst":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fetcher is not None:
            self._fetcher.__exit__(kind, error, trace)

    def fetch_many(self, frame_indices: Iterable[int]) -> Iterator[tuple[Frame, ExportMethod]]:
        """See `FrameExporter`."""
        for frame_index in sorted(set(frame_indices)):
            frame = self._at_hand.get(frame_index)
            again = None if frame is None else frame.as_decoded()
            if again is not None and self._identities.is_match(again, frame_index):
                yield again, "seek"  # as it would be found in the file; the stills are the same bytes either way
                continue
            if self._fetcher is None:
                self._fetcher = FrameFetcher(self._path, self._identities, self._settings)
            yield self._fetcher.fetch(frame_index)


def open_fetcher(
    path: Path,
    identities: FrameIdentities,
    *,
    temporary_dir: Path,
    export_settings: ExportSettings | None = None,
    video_settings: VideoSettings | None = None,
    at_hand: Mapping[int, Frame] | None = None,
) -> FrameExporter:
    """The exporter that `export.backend` names; both give the same pixels.

    Args:
        identities: what the decode pass recorded of every frame.
        temporary_dir: an existing folder on the disk of the stills; FFmpeg's pictures lie there for a while.
        at_hand: frames as the decode pass gave them, by frame_index; taken instead where their hashes are still right.

    Raises:
        BadInputError: the video cannot be opened.
        ModelUnavailableError, SettingsError: FFmpeg is asked for and not there.
    """
    if export_settings is not None and export_settings.backend == "ffmpeg":
        return FfmpegFetcher(
            path,
            identities,
            temporary_dir=temporary_dir,
            export_settings=export_settings,
            video_settings=video_settings,
        )
    if at_hand:
        return _AtHandFirst(path, identities, video_settings, at_hand)
    return FrameFetcher(path, identities, video_settings)
