"""The choosers that ours is compared with on labelled clips."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.footage.labels import Clip
from benchmarks.footage.peers import Peers
from benchmarks.selection.picks import Pick

# As people set it who take the best of a list: two pictures are not of the same second.
GAP_SECONDS = 2.0


@dataclass(frozen=True)
class Measured:
    """Measurements of one clip for choosers other than ours.

    Attributes:
        seconds: (N,) when each frame is shown, ascending.
        sharpness: by candidate frame of ours, the variance of its Laplacian.
        formula: by candidate frame of ours, the tutorials' sum; see `tutorial_scores`.
    """

    seconds: npt.NDArray[np.float64]
    sharpness: Mapping[int, float]
    formula: Mapping[int, float]


@dataclass(frozen=True)
class Chosen:
    """Picks, best first or in order of time, and the CPU seconds they took; None where these are ours' tables."""

    picks: list[Pick]
    cpu_seconds: float | None = None


def middle(clip: Clip, _measured: Measured, _peers: Peers, _k: int) -> Chosen:
    """The frame in the middle, one pick."""
    return Chosen(_picks([clip.num_frames // 2]))


def uniform(clip: Clip, _measured: Measured, _peers: Peers, k: int) -> Chosen:
    """At 1/6, 3/6 and 5/6, where k is 3."""
    return Chosen(_picks(clip.num_frames * part // (2 * k) for part in range(1, 2 * k, 2)))


def ffmpeg_thumbnail(clip: Clip, measured: Measured, peers: Peers, k: int) -> Chosen:
    """FFmpeg's filter `thumbnail`: the most typical frame of each k-th."""
    frames, cost = peers.thumbnails(clip, measured.seconds, k=k)
    return Chosen(_picks(frames), cost)


def scenedetect(clip: Clip, _measured: Measured, peers: Peers, k: int) -> Chosen:
    """PySceneDetect's `save-images --num-images 1`: the middles of its scenes, k of them evenly over the clip."""
    scenes, cost = peers.scenes(clip)
    places = sorted({len(scenes) * part // (2 * k) for part in range(1, 2 * k, 2)})
    return Chosen(_picks((scenes[place][0] + scenes[place][1]) // 2 for place in places), cost)


def sharpest(_clip: Clip, measured: Measured, _peers: Peers, k: int) -> Chosen:
    """Ours' candidates of the greatest variances of the Laplacian, 2 s apart."""
    return Chosen(best_apart(measured.sharpness, measured.seconds, k=k))


def tutorial_formula(_clip: Clip, measured: Measured, _peers: Peers, k: int) -> Chosen:
    """Ours' candidates of the greatest 0.40 clip + 0.35 sharpness + 0.25 quality, 2 s apart."""
    return Chosen(best_apart(measured.formula, measured.seconds, k=k))


CHOOSERS: Mapping[str, Callable[[Clip, Measured, Peers, int], Chosen]] = {
    function.__name__: function
    for function in (middle, uniform, ffmpeg_thumbnail, scenedetect, sharpest, tutorial_formula)
}
# Choosers of one frame; their first pick is all there is to compare.
OF_ONE = frozenset({"middle"})


def best_apart(scores: Mapping[int, float], seconds: npt.NDArray[np.float64], *, k: int) -> list[Pick]:
    """The k best frames, each at least GAP_SECONDS from those before it."""
    chosen: list[Pick] = []
    for frame, score in sorted(scores.items(), key=lambda item: (-item[1], item[0])):
        if all(abs(seconds[frame] - seconds[pick.frame_index]) >= GAP_SECONDS for pick in chosen):
            chosen.append(Pick(frame, score))
        if len(chosen) == k:
            break
    return chosen


def _picks(frames: Iterable[int]) -> list[Pick]:
    return [Pick(int(frame)) for frame in frames]
