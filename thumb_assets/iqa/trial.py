"""Tries a metric before it is used: does a score depend on its batch, and does it hold in bf16?"""

import logging
import time

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import OutOfMemoryError
from thumb_assets.iqa.pyiqa_metric import QualityMetric

_log = logging.getLogger(__name__)

# Small pictures first, to be quick; some metrics need larger ones (niqe has blocks of 96 px, liqe crops of 224).
_TRIAL_SIZES = ((96, 128), (256, 320))
# A metric that takes longer for so small a picture (ilniqe, some ten seconds on a CPU) is not tried in batches.
_SLOW_SECONDS = 2.0
# Greatest difference between a score alone and in a batch, of the greatest score (of 1 where all are smaller).
BATCH_TOLERANCE = 1e-4
# Greatest difference between a score in bf16 or fp16 and in fp32, of the greatest score (of 1 where all are smaller).
PRECISION_TOLERANCE = 0.01


def reason_for_single_pictures(metric: QualityMetric) -> str | None:
    """Reason to give a metric one picture at a time; None if small patterns score alone as in a batch, in fp32.

    If that cannot be found out, the answer is not None: one by one is slower, and not wrong.

    Raises:
        OutOfMemoryError: the device has no room even for a small picture.
    """
    precision, metric.precision = metric.precision, "fp32"
    try:
        for height, width in _TRIAL_SIZES:
            pictures = patterns(height, width)
            alone = _scores_alone(metric, pictures)
            if alone is None:
                return "it is too slow to be tried, and batches would gain it little"
            if not np.isfinite(alone).any():
                continue
            # In two orders, so that no picture has the same place or the same neighbours before it.
            together, reverse = _scores(metric, pictures), _scores(metric, pictures[::-1])[::-1]
            if all(_is_close(scores, alone, BATCH_TOLERANCE) for scores in (together, reverse)):
                return None
            return "its scores depend on the batch"
        return "it has no score for the pictures it is tried on"
    finally:
        metric.precision = precision


def settle_precision(metric: QualityMetric) -> None:
    """Puts a metric back to fp32 where in its precision it fails or scores differ by more than PRECISION_TOLERANCE.

    Raises:
        OutOfMemoryError: the device has no room even for a small picture.
    """
    precision = metric.precision
    if precision == "fp32":
        return
    for height, width in _TRIAL_SIZES:
        pictures = patterns(height, width)
        metric.precision = "fp32"
        expected = np.concatenate([_scores(metric, picture[None]) for picture in pictures])
        if not np.isfinite(expected).any():
            continue
        metric.precision = precision
        scores = np.concatenate([_scores(metric, picture[None]) for picture in pictures])
        if _is_close(scores, expected, PRECISION_TOLERANCE):
            return
        break
    metric.precision = "fp32"
    _log.warning("metric %s is computed in fp32: its scores do not hold in %s", metric.name, precision)


def patterns(height: int, width: int) -> npt.NDArray[np.uint8]:
    """Three unlike pictures, the same each time: noise, noise on a slope, blocks on a flat ground.

    Returns:
        (3, height, width, 3) uint8.
    """
    generator = np.random.default_rng(5)
    noise = generator.integers(0, 256, (height, width, 3)).astype(np.float64)
    slope = np.linspace(20, 200, width)[None, :, None] + generator.normal(0, 6, (height, width, 3))
    blocks = np.full((height, width, 3), 90.0)
    blocks[height // 4 : height // 2, width // 4 : width // 2] = (200, 160, 40)
    blocks += generator.normal(0, 2, blocks.shape)
    made: npt.NDArray[np.uint8] = np.clip(np.stack([noise, slope, blocks]), 0, 255).astype(np.uint8)
    return made


def _scores_alone(metric: QualityMetric, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64] | None:
    """Scores of pictures one by one; None where two of them took long (the first may, for what is done once)."""
    scores: list[npt.NDArray[np.float64]] = []
    num_slow = 0
    for picture in pictures:
        start = time.monotonic()
        scores.append(_scores(metric, picture[None]))
        num_slow += time.monotonic() - start > _SLOW_SECONDS
        if num_slow == 2:
            return None
    return np.concatenate(scores)


def _scores(metric: QualityMetric, batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Scores of a batch; all NaN where it fails."""
    try:
        return metric.score(batch)
    except OutOfMemoryError:
        raise
    # What a metric raises on a picture it cannot handle depends on the metric: RuntimeError, AssertionError, ...
    except Exception:  # noqa: BLE001
        return np.full(len(batch), np.nan)


def _is_close(scores: npt.NDArray[np.float64], expected: npt.NDArray[np.float64], tolerance: float) -> bool:
    scale = max(1.0, float(np.abs(expected[np.isfinite(expected)]).max()))
    return np.allclose(scores, expected, rtol=0, atol=tolerance * scale, equal_nan=True)
