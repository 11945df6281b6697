"""A rough estimate of what a backfill will take, from the headers of some of its files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.export.space import space_for_video
from thumb_assets.settings.load import Settings
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.video.decode import read_header
from thumb_assets.video.header import VideoHeader

# CPU time of the full pass without models, measured on H.264 of 1080p (docs/results/performance.md): 12 ms per frame.
_CPU_SECONDS_PER_PIXEL = 5.6e-9
# Candidates per second of video with the default settings, and what the default models take for one on a CPU.
_CANDIDATES_PER_SECOND = 0.7
_CPU_SECONDS_PER_CANDIDATE = 0.12
# Until the first frame is decoded: the engine's process starts, and the models are loaded.
_START_SECONDS = 6.0
# Of the cores that are there, how many a backfill keeps busy: a decoder's threads wait for each other now and then.
_BUSY_SHARE = 0.85


@dataclass(frozen=True)
class Estimate:
    """The time and space to expect for a number of videos.

    Attributes:
        num_sampled: files whose header was read; the others are taken to be like them, by size.
        num_unreadable: of the sampled ones, those that will fail.
        video_seconds: length of all videos.
        wall_seconds: of work on this machine's CPU, within a factor of two or so.
        num_bytes: most that tables and pictures can take.
    """

    num_videos: int
    num_sampled: int
    num_unreadable: int
    video_seconds: float
    wall_seconds: float
    num_bytes: int


def estimate(
    videos: Sequence[LibraryVideo], settings: Settings, *, has_crops: bool = False, max_sampled: int = 20
) -> Estimate:
    """Reads the headers of some of the files, evenly spread, and takes the others to be like them."""
    step = max(1, len(videos) // max_sampled)
    sampled = videos[::step][:max_sampled]
    headers = [(video, header) for video in sampled if (header := _header_or_none(video, settings)) is not None]
    num_bytes_read = sum(video.num_bytes for video, _ in headers)
    scale = sum(video.num_bytes for video in videos) / num_bytes_read if num_bytes_read else 0.0
    video_seconds = scale * sum(_seconds(header) for _, header in headers)
    cpu_seconds = scale * sum(_decode_seconds(header) for _, header in headers)
    cpu_seconds += video_seconds * _CANDIDATES_PER_SECOND * _CPU_SECONDS_PER_CANDIDATE
    pictures = [space_for_video(header, settings, has_crops=has_crops).final_bytes for _, header in headers]
    return Estimate(
        num_videos=len(videos),
        num_sampled=len(sampled),
        num_unreadable=len(sampled) - len(headers),
        video_seconds=video_seconds,
        wall_seconds=_START_SECONDS + cpu_seconds / max(1.0, _BUSY_SHARE * (os.cpu_count() or 1)),
        num_bytes=round(sum(pictures) / len(pictures) * len(videos)) if pictures else 0,
    )


def _header_or_none(video: LibraryVideo, settings: Settings) -> VideoHeader | None:
    try:
        return read_header(video.path, settings.video)
    except ThumbAssetsError:  # it will be told when it is run
        return None


def _seconds(header: VideoHeader) -> float:
    rate = header.guessed_frame_rate
    return float((header.num_frames_from_header or 0) / rate) if rate else 0.0


def _decode_seconds(header: VideoHeader) -> float:
    width, height = header.geometry.display_size
    return _CPU_SECONDS_PER_PIXEL * width * height * (header.num_frames_from_header or 0)
