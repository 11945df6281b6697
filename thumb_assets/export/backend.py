"""Chooses the exporter that fetches the frames: PyAV in this process, or FFmpeg the program."""

from collections.abc import Iterable, Iterator
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


def open_fetcher(
    path: Path,
    identities: FrameIdentities,
    *,
    temporary_dir: Path,
    export_settings: ExportSettings | None = None,
    video_settings: VideoSettings | None = None,
) -> FrameExporter:
    """The exporter that `export.backend` names; both give the same pixels.

    Args:
        identities: what the decode pass recorded of every frame.
        temporary_dir: an existing folder on the disk of the stills; FFmpeg's pictures lie there for a while.

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
    return FrameFetcher(path, identities, video_settings)
