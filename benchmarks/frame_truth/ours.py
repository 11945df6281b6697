"""A video as thumb_assets sees it: the recorded decode pass, the frames of both exporters, the stills on disk."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.frame_truth.judges import signature_of
from thumb_assets.export.backend import open_fetcher
from thumb_assets.export.stills import export_stills
from thumb_assets.export.verify import verify_mapping
from thumb_assets.settings.stages import ExportSettings, StillsSettings
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameIdentities
from thumb_assets.video.header import VideoHeader
from thumb_assets_tests.support.decoded import selections_of

RgbArray = npt.NDArray[np.uint8]

# Frames recorded behind the last one that may be tried.
_NUM_BEHIND = 8


@dataclass(frozen=True)
class Recording:
    """Record of one decode of a video.

    Attributes:
        signatures: (N, 36 * 64) float32, see `signature_of`.
    """

    header: VideoHeader
    identities: FrameIdentities
    signatures: npt.NDArray[np.float32]

    @property
    def is_interlaced(self) -> bool:
        """True if any frame is."""
        return any(order != "progressive" for order in self.identities.field_order)

    def seconds_of(self, frame_index: int) -> float:
        """The stamp of a frame, s."""
        return float(self.identities.pts_seconds[frame_index])


@dataclass(frozen=True)
class Exported:
    """One frame as an exporter gave it.

    Attributes:
        rgb: (H, W, 3) uint8.
        method: how it was found.
    """

    rgb: RgbArray
    luma_hash: str
    pts: int
    method: str


def record(path: Path, *, exclusive_end: int | None = None) -> Recording:
    """Decodes the video once, or its frames up to a few behind `exclusive_end`."""
    pts, seconds, hashes, chroma_hashes, keyframes, orders, signatures = [], [], [], [], [], [], []
    with VideoDecoder(path) as decoder:
        for frame in islice(decoder, None if exclusive_end is None else exclusive_end + _NUM_BEHIND):
            pts.append(frame.pts)
            seconds.append(frame.pts_seconds)
            hashes.append(frame.luma_hash)
            chroma_hashes.append(frame.chroma_hash)
            keyframes.append(frame.is_keyframe)
            orders.append(frame.field_order)
            signatures.append(signature_of(frame.rgb(144)))
        header = decoder.header
    identities = FrameIdentities(
        np.array(pts, np.int64), hashes, chroma_hashes, np.array(keyframes, np.bool_), orders, np.array(seconds)
    )
    return Recording(header, identities, np.stack(signatures))


def export(
    path: Path, recording: Recording, wanted: Sequence[int], *, backend: Literal["pyav", "ffmpeg"]
) -> dict[int, Exported]:
    """The frames as one exporter gives them, by frame_index."""
    settings = ExportSettings(backend=backend)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_fetcher(path, recording.identities, temporary_dir=Path(folder), export_settings=settings) as fetcher,
    ):
        return {
            frame.frame_index: Exported(frame.rgb(), frame.luma_hash, frame.pts, method)
            for frame, method in fetcher.fetch_many(wanted)
        }


def stills_problems(path: Path, recording: Recording, wanted: Sequence[int]) -> list[str]:
    """Faults of the stills of those frames, as JPEG and as PNG, decoded again by counting from frame 0."""
    identities, ticks_per_second = recording.identities, float(1 / recording.header.time_base)
    selections = selections_of("truth", wanted, identities=identities, ticks_per_second=ticks_per_second)
    problems = []
    for kind in ("jpeg", "png"):
        with tempfile.TemporaryDirectory() as folder:
            stills = export_stills(
                path,
                video_id="truth",
                selections=selections,
                identities=identities,
                video_sha256="0" * 64,
                stills_dir=Path(folder),
                settings=StillsSettings(format=kind),
            )
            verdict = verify_mapping(path, stills, identities=identities, folder=Path(folder, "truth"), by="count")
            problems += [] if verdict.is_passed else list(verdict.sample)
            if verdict.num_checked != len(wanted):
                problems.append(f"{verdict.num_checked} of {len(wanted)} stills were written as {kind}")
    return problems
