"""The estimate of a sparse pass, made from the index before anything is decoded: what it takes, or that it is no gain.

Costs are in ordinary frames of the video.
"""

from bisect import insort
from dataclasses import dataclass
from itertools import pairwise

from thumb_assets.settings.stages import SparseSettings
from thumb_assets.video.index import FrameIndex, UntrustedIndexError

# A sync frame holds several times the bits of another; a rough look leaves out about two thirds of the work (measured
# 0.28 to 0.42 on H.264).
SYNC_FRAME_COST, ROUGH_COST = 3.0, 0.35
# Where what is always needed costs more than this share of all frames, every frame is decoded.
_MAX_NEEDED_SHARE = 0.25


@dataclass
class Budget:
    """The amount that may be decoded, in ordinary frames."""

    limit: float
    spent: float = 0.0

    def take(self, cost: float) -> bool:
        """Spends it where there is as much left."""
        if self.spent + cost > self.limit:
            return False
        self.spent += cost
        return True


def plan_sparse_pass(index: FrameIndex, settings: SparseSettings) -> tuple[Budget, list[int]]:
    """The budget, what is always needed taken off, and the frames to decode for want of sync frames.

    Raises:
        UntrustedIndexError: decoding every frame costs little more, or too little would be seen.
    """
    num_frames, num_groups = len(index), index.num_groups
    seconds = float(index.pts_seconds[-1] - index.pts_seconds[0])
    if seconds / num_groups > settings.max_sync_gap_seconds:
        raise UntrustedIndexError(f"a sync frame every {seconds / num_groups:.1f} s only (sparse.max_sync_gap_seconds)")
    num_missing = max(0, settings.min_sync_frames - num_groups)
    between = frames_between(index, num_missing)
    needed = SYNC_FRAME_COST * num_groups + len(index.span(0))
    # A frame is reached from its group's sync frame.
    needed += sum(frame_index - index.span(index.group_of(frame_index)).start + 1 for frame_index in between)
    if needed > _MAX_NEEDED_SHARE * num_frames:
        few = f"only {num_groups} sync frames (sparse.min_sync_frames): " if num_missing else ""
        raise UntrustedIndexError(f"{few}what has to be decoded is as good as the whole video")
    return Budget(settings.max_decoded_share * num_frames, spent=needed), between


def frames_between(index: FrameIndex, num_frames: int) -> list[int]:
    """So many frames half way between sync frames, in the widest gaps; the first group is decoded and needs none."""
    places = [*index.sync_frames[1:].tolist(), len(index)]
    found: list[int] = []
    for _ in range(num_frames):
        width, begin = max(((end - begin, begin) for begin, end in pairwise(places)), default=(0, 0))
        if width < 2:
            break
        found.append(begin + width // 2)
        insort(places, found[-1])
    return sorted(found)
