"""One exact frame again: seek to its stamp, decode on, accept only the recorded hash, else count from the start."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import VerificationError
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.frame import Fingerprint, Frame
from thumb_assets.video.interlace import FieldOrder

FetchMethod = Literal["seek", "sequential"]

# Seconds before the target to seek to, tried in turn. MP4, MKV and WebM need 0; MPEG-TS lands late and needs 1 or 2.
BACK_OFF_SECONDS = (0.0, 1.0, 2.0, 5.0, 15.0)
# Frames past the target's stamp before an attempt is given up: stamps may be out of order by a few frames.
_MAX_FRAMES_PAST_TARGET = 16


@dataclass(frozen=True)
class FrameIdentities:
    """Records of the decode pass about every displayed frame, by frame_index.

    Attributes:
        pts: (N,) int64, stream units.
        luma_hash: N hex strings; pts can repeat, so both are compared. None for a frame that was not decoded.
        chroma_hash: N hex strings, None where a picture has no other plane than its first.
        is_keyframe: (N,) bool.
        field_order: N of `progressive`, `top_first`, `bottom_first`.
        pts_seconds: (N,) float64, see `Frame`.
    """

    pts: npt.NDArray[np.int64]
    luma_hash: Sequence[str | None]
    chroma_hash: Sequence[str | None]
    is_keyframe: npt.NDArray[np.bool_]
    field_order: Sequence[FieldOrder]
    pts_seconds: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.luma_hash)

    def neighbours_of(self, frame_index: int) -> tuple[int, ...]:
        """The frames before and after that an interlaced frame's picture is made with; none for a progressive one."""
        if self.field_order[frame_index] == "progressive":
            return ()
        return tuple(index for index in (frame_index - 1, frame_index + 1) if 0 <= index < len(self))

    def is_match(self, frame: Frame, frame_index: int) -> bool:
        """True if a frame has the stamp and the planes recorded for `frame_index`, and its neighbours theirs."""
        return (
            frame.pts == self.pts[frame_index]
            and frame.fingerprint == self._fingerprint(frame_index)
            and frame.field_order == self.field_order[frame_index]
            and (
                frame.field_order == "progressive"
                or frame.neighbour_fingerprints
                == (self._fingerprint(frame_index - 1), self._fingerprint(frame_index + 1))
            )
        )

    def _fingerprint(self, frame_index: int) -> Fingerprint | None:
        luma_hash = self.luma_hash[frame_index] if 0 <= frame_index < len(self) else None
        return None if luma_hash is None else (luma_hash, self.chroma_hash[frame_index])


class FrameFetcher:
    """Fetches frames of one file by frame_index, each proven by its hash. Use as a context manager."""

    def __init__(self, path: Path, identities: FrameIdentities, settings: VideoSettings | None = None) -> None:
        self._decoder = VideoDecoder(path, settings)
        self._path = path
        self._identities = identities
        self._stream: Iterator[Frame] = iter(())
        self._position: int | None = None  # frame_index of the frame decoded last, where that is known
        self._method: FetchMethod = "seek"  # how it was found

    def __enter__(self) -> "FrameFetcher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._decoder.__exit__(kind, error, trace)

    def fetch_many(self, frame_indices: Iterable[int]) -> Iterator[tuple[Frame, FetchMethod]]:
        """The frames asked for, ascending, each once; frames of one group of pictures share a seek.

        Yields:
            (frame, method): `frame.frame_index` is the one asked for.

        Raises:
            VerificationError: an index is not in the video, its frame was not decoded when the frames were recorded, or
                the file no longer decodes to the recorded frames.
        """
        for frame_index in sorted(set(frame_indices)):
            yield self.fetch(frame_index)

    def fetch(self, frame_index: int) -> tuple[Frame, FetchMethod]:
        """The frame of that index and how it was found; see `fetch_many`."""
        if not 0 <= frame_index < len(self._identities):
            raise VerificationError(f"{self._path}: has no frame {frame_index}, only {len(self._identities)}")
        if self._identities.luma_hash[frame_index] is None:
            raise VerificationError(
                f"{self._path}: frame {frame_index} was not decoded by the sparse pass, so no hash can prove it; run "
                "the stages from `frames` on again"
            )
        frame = self._continue_to(frame_index)  # by the method that found the frame before
        if frame is None:
            self._method = "seek"
            frame = self._seek_to(frame_index)
        if frame is None:
            frame, self._method = self._count_to(frame_index), "sequential"
        frame.frame_index, frame.pts_seconds = frame_index, float(self._identities.pts_seconds[frame_index])
        self._position = frame_index
        return frame, self._method

    def _continue_to(self, frame_index: int) -> Frame | None:
        """Decodes on where the target lies ahead, in the same group of pictures or of a file that cannot seek."""
        if self._position is None or not self._position < frame_index:
            return None
        if self._method == "seek" and self._identities.is_keyframe[self._position + 1 : frame_index + 1].any():
            return None
        self._skip_to(frame_index)
        return self._search(frame_index)

    def _skip_to(self, frame_index: int) -> None:
        """Saves decoding what nothing on the way to a frame is made from: a third of the time with B-frames."""
        is_alone = self._identities.field_order[frame_index] == "progressive"  # others are made with their neighbours
        is_found_by_stamp = self._method == "seek"
        self._decoder.skip_before = int(self._identities.pts[frame_index]) if is_alone and is_found_by_stamp else None

    def _seek_to(self, frame_index: int) -> Frame | None:
        target = int(self._identities.pts[frame_index])
        begin = int(self._identities.pts.min())
        previous_start = None
        self._skip_to(frame_index)
        for seconds in BACK_OFF_SECONDS:
            start = max(begin, target - round(seconds / self._decoder.header.time_base))
            if start == previous_start:
                break
            previous_start = start
            if not self._decoder.seek(start):
                break
            self._stream = iter(self._decoder)
            frame = self._search(frame_index)
            if frame is not None:
                return frame
        return None

    def _search(self, frame_index: int) -> Frame | None:
        target, num_past = int(self._identities.pts[frame_index]), 0
        for frame in self._stream:
            if self._identities.is_match(frame, frame_index):
                return frame
            num_past += frame.pts > target
            if num_past > _MAX_FRAMES_PAST_TARGET:
                break
        return None

    def _count_to(self, frame_index: int) -> Frame:
        self._decoder.rewind()
        self._stream = iter(self._decoder)
        for frame in self._stream:
            if frame.frame_index == frame_index:
                if self._identities.is_match(frame, frame_index):
                    return frame
                break
        raise VerificationError(
            f"{self._path}: frame {frame_index} no longer decodes to what was recorded; the file changed (run the "
            "stages from `videos` on again), or is damaged so that it decodes differently each time (replace it)"
        )
