"""Frames that a pass decoded and a still may want: kept as they are, so that nothing is decoded again for it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from thumb_assets.settings.load import Settings
from thumb_assets.sharpness import EVAL_HEIGHT, measure_luma
from thumb_assets.video.frame import Frame

# Of all videos whose stills are not written yet; sixteen frames of 4K with 10 bits.
_MOST_BYTES = 384 * 2**20
# Of these a damaged file decodes to the same pictures each time, as far as our corpus of them goes. Decoders of raw and
# old formats leave what a short packet does not fill to the memory that they got: only a second decode finds that.
_REPEATABLE = {"h264", "hevc", "av1", "vp8", "vp9"}


class KeptFrames:
    """Holds the sharpest candidates of each video until its stills are written.

    It is handed the frames that the scorers of candidates are handed, and takes those of videos that `of_video` was
    asked for. Interlaced frames are left out: their pictures are made with their neighbours'.

    Args:
        most: frames of a video; 0 keeps none.
        most_bytes: of all frames together.
    """

    scope: Literal["candidates"] = "candidates"

    def __init__(self, *, most: int, most_bytes: int = _MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._of_video: dict[str, dict[int, tuple[float, Frame]]] = {}

    def add(self, video_id: str, frame: Frame) -> None:
        """Takes a frame in place of blurred ones of its video, where there is no room beside them."""
        kept = self._of_video.get(video_id)
        if kept is None or frame.field_order != "progressive":
            return
        kept[frame.frame_index] = measure_luma(frame.luma(EVAL_HEIGHT)).laplacian_variance, frame.as_decoded()
        while kept and (len(kept) > self._most or self._num_bytes() > self._most_bytes):
            del kept[min(kept, key=lambda frame_index: kept[frame_index][0])]

    def of_video(self, video_id: str, *, codec: str) -> Mapping[int, Frame]:
        """The frames of a video by frame_index, from now on; grows and shrinks with what is kept.

        Args:
            codec: FFmpeg's name; of one whose decoder may give other pictures the next time none are kept.
        """
        if not self._most or codec not in _REPEATABLE:
            return {}
        return _OfVideo(self._of_video.setdefault(video_id, {}))

    def forget(self, video_id: str) -> None:
        """Lets go of a video's frames."""
        self._of_video.pop(video_id, {}).clear()

    def _num_bytes(self) -> int:
        return sum(frame.num_bytes for kept in self._of_video.values() for _, frame in kept.values())


def kept_for(stages: Collection[str], settings: Settings) -> KeptFrames:
    """The frames that a run of these stages keeps: none where FFmpeg the program decodes them for itself."""
    is_wanted = "stills" in stages and settings.export.backend == "pyav"
    return KeptFrames(most=settings.video.kept_frames if is_wanted else 0)


class _OfVideo(Mapping[int, Frame]):
    def __init__(self, kept: Mapping[int, tuple[float, Frame]]) -> None:
        self._kept = kept

    def __getitem__(self, frame_index: int) -> Frame:
        return self._kept[frame_index][1]

    def __iter__(self) -> Iterator[int]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
