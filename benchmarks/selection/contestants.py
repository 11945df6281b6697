"""The choosers that ours is compared with: what people do today, and lots."""

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from benchmarks.selection.picks import Draws, Pick
from benchmarks.selection.plan import RATE
from benchmarks.selection.signals import Signals

_K = 3
_NUM_DRAWS = 10
_SHARPEST_GAP_SECONDS = 1.0
# The tutorials' sum of measures that are each stretched to 0..1 over the candidates.
_FORMULA = {"clip_score": 0.40, "laplacian_variance": 0.35, "iqa_score": 0.25}


def first(_name: str, _signals: Signals) -> Draws:
    """Frame 0, one pick."""
    return _one([0])


def middle(_name: str, signals: Signals) -> Draws:
    """The frame in the middle, one pick."""
    return _one([signals.num_frames // 2])


def random(name: str, signals: Signals) -> Draws:
    """Three frames by lot, ten times; the video's name is the seed."""
    rng = np.random.default_rng(list(name.encode()))
    return [
        [Pick(int(index)) for index in rng.choice(signals.num_frames, _K, replace=False)] for _ in range(_NUM_DRAWS)
    ]


def uniform(_name: str, signals: Signals) -> Draws:
    """At 1/6, 3/6 and 5/6."""
    return _one([signals.num_frames * part // 6 for part in (1, 3, 5)])


def ffmpeg_thumbnail(_name: str, signals: Signals) -> Draws:
    """FFmpeg's filter `thumbnail`: the most typical frame of each third."""
    return _one(list(signals.thumbnails))


def scenedetect_first(_name: str, signals: Signals) -> Draws:
    """PySceneDetect's `save-images --num-images 1`: the middle of each scene, the first three."""
    return _one(_middles(signals)[:_K])


def scenedetect_evenly(_name: str, signals: Signals) -> Draws:
    """The same, three scenes evenly over the video."""
    middles = _middles(signals)
    places = sorted({len(middles) * part // 6 for part in (1, 3, 5)})
    return _one([middles[place] for place in places])


def sharpest(_name: str, signals: Signals) -> Draws:
    """The greatest variances of the Laplacian, 1 s apart."""
    chosen: list[Pick] = []
    for index in np.argsort(-signals.laplacian, kind="stable").tolist():
        if all(abs(index - pick.frame_index) >= _SHARPEST_GAP_SECONDS * RATE for pick in chosen):
            chosen.append(Pick(index, float(signals.laplacian[index])))
        if len(chosen) == _K:
            break
    return [chosen]


BASELINES: Mapping[str, Callable[[str, Signals], Draws]] = {
    function.__name__: function
    for function in (
        first,
        middle,
        random,
        uniform,
        ffmpeg_thumbnail,
        scenedetect_first,
        scenedetect_evenly,
        sharpest,
    )
}

# Chosen by a formula of what ours has measured on its candidates.
TUTORIAL = "tutorial_formula"


def tutorial_formula(*, clip: pa.Table, sharpness: pa.Table, iqa: pa.Table, lower_better: Mapping[str, bool]) -> Draws:
    """The three candidates of the greatest 0.40 clip + 0.35 sharpness + 0.25 quality.

    Each measure is stretched to 0..1 between its least and greatest value; nothing is rejected and no distance is kept.

    Args:
        clip: table `clip_scores` of a video.
        sharpness: table `sharpness`.
        iqa: table `iqa_scores`; of several metrics the mean.
        lower_better: by metric of `iqa`.
    """
    scores = tutorial_scores(clip=clip, sharpness=sharpness, iqa=iqa, lower_better=lower_better)
    best = sorted(scores, key=lambda frame: -scores[frame])[:_K]
    return [[Pick(frame, scores[frame]) for frame in best]]


def tutorial_scores(
    *, clip: pa.Table, sharpness: pa.Table, iqa: pa.Table, lower_better: Mapping[str, bool]
) -> dict[int, float]:
    """By candidate frame the sum behind `tutorial_formula`, whose arguments it takes."""
    frames = sharpness.column("frame_index").to_pylist()
    laplacian = dict(zip(frames, sharpness.column("laplacian_variance").to_pylist(), strict=True))
    clips = {row["frame_index"]: row["clip_score"] for row in clip.select(["frame_index", "clip_score"]).to_pylist()}
    total = _FORMULA["laplacian_variance"] * _stretched(frames, laplacian)
    total += _FORMULA["clip_score"] * _stretched(frames, clips)
    by_metric: dict[str, dict[int, float]] = {}
    for row in iqa.to_pylist():
        by_metric.setdefault(row["metric"], {})[row["frame_index"]] = row["iqa_score"]
    for metric, scores in by_metric.items():
        quality = _stretched(frames, scores)
        total += _FORMULA["iqa_score"] / len(by_metric) * (1 - quality if lower_better[metric] else quality)
    return dict(zip(frames, total.tolist(), strict=True))


def _stretched(frames: list[int], values: Mapping[int, float | None]) -> np.ndarray:
    found = np.array([np.nan if values.get(frame) is None else values[frame] for frame in frames], np.float64)
    if np.isnan(found).all():
        return np.zeros(len(frames))
    least, greatest = np.nanmin(found), np.nanmax(found)
    return np.nan_to_num((found - least) / max(greatest - least, 1e-12))


def _middles(signals: Signals) -> list[int]:
    return [int(min((start + end) // 2, signals.num_frames - 1)) for start, end in signals.scenes]


def _one(indices: list[int]) -> Draws:
    return [[Pick(int(index)) for index in indices]]
