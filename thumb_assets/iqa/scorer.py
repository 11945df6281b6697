"""Runs several metrics over pictures, so that a bad picture costs itself alone."""

import json
import logging
import math
import threading
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import OutOfMemoryError
from thumb_assets.inference import cpu_batch_size
from thumb_assets.iqa.piqe import PiqeMetric
from thumb_assets.iqa.pyiqa_metric import PyiqaMetric, QualityMetric
from thumb_assets.iqa.trial import reason_for_single_pictures, settle_precision
from thumb_assets.settings.stages import IqaSettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IqaScore:
    """One metric of one picture: `iqa_score` in the metric's own unit, or `error`, never both and never neither."""

    metric: str
    iqa_score: float | None
    error: str | None


class IqaScorer:
    """Metrics and how to batch them.

    Args:
        metrics: what to compute; names are unique.
        settings: batch_size (how many pictures a metric gets at once, at most), and working_height for the footer
            (pictures come in at that height already).
        one_by_one: names of the metrics whose scores depend on the batch: they get one picture at a time.

    Attributes:
        batch_size: pictures that are worth waiting for on the metrics' devices.
    """

    def __init__(
        self, metrics: Sequence[QualityMetric], settings: IqaSettings, *, one_by_one: Collection[str] = ()
    ) -> None:
        self.metrics = tuple(metrics)
        self._batch_sizes = {
            metric.name: 1 if metric.name in one_by_one else settings.batch_size for metric in self.metrics
        }
        is_on_cpu = all(metric.device == "cpu" for metric in self.metrics)
        num_pixels = settings.working_height**2  # or more
        self.batch_size = cpu_batch_size(num_pixels, at_most=settings.batch_size) if is_on_cpu else settings.batch_size
        self.footer: dict[str, str] = {
            "lower_better": json.dumps({metric.name: metric.is_lower_better for metric in self.metrics}),
            "range": json.dumps({metric.name: metric.score_range for metric in self.metrics}),
            "made_by": json.dumps({metric.name: metric.made_by for metric in self.metrics}),
            "weights_sha256": json.dumps({metric.name: metric.weights_sha256 for metric in self.metrics}),
            "device": ",".join(sorted({metric.device for metric in self.metrics})),
            "working_height": str(settings.working_height),
            "precision": json.dumps({metric.name: metric.precision for metric in self.metrics}),
            "batch_1_metrics": json.dumps(sorted(one_by_one)),
        }

    def score(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[tuple[IqaScore, ...]]:
        """One row per metric for every picture.

        Args:
            images: (H, W, 3) uint8 RGB each; sizes may differ, equal ones are computed together.

        Returns:
            One tuple per picture, in order; in it one IqaScore per metric, in the settings' order.

        Raises:
            OutOfMemoryError: even a single picture does not fit the device.
        """
        by_shape: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for index, image in enumerate(images):
            by_shape[(*image.shape, image.dtype)].append(index)
        rows: list[list[IqaScore]] = [[] for _ in images]
        for metric in self.metrics:
            batch_size = self._batch_sizes[metric.name]
            for indices in by_shape.values():
                for start in range(0, len(indices), batch_size):
                    chosen = indices[start : start + batch_size]
                    for index, score in zip(chosen, _score_batch(metric, [images[i] for i in chosen]), strict=True):
                        rows[index].append(score)
        return [tuple(row) for row in rows]


def _score_batch(metric: QualityMetric, images: Sequence[npt.NDArray[np.uint8]]) -> list[IqaScore]:
    """A batch at once, or where that fails picture by picture."""
    try:
        values = metric.score(images[0][None] if len(images) == 1 else np.stack(images))
    # What a metric raises on a picture it cannot handle depends on the metric: RuntimeError, AssertionError, ...
    except Exception as error:
        if len(images) > 1:
            return [score for image in images for score in _score_batch(metric, [image])]
        if isinstance(error, OutOfMemoryError):
            raise
        reason = " ".join(str(error).split())[:300]
        return [IqaScore(metric.name, None, f"{type(error).__name__}: {reason}" if reason else type(error).__name__)]
    return [_checked(metric.name, float(value)) for value in values]


def is_not_measurable(error: str) -> bool:
    """True if the `error` of a row says that the metric has no value for such a picture, as for a flat one.

    >>> is_not_measurable("piqe gave nan for this picture"), is_not_measurable("RuntimeError: no memory")
    (True, False)
    """
    return error.endswith((" gave nan for this picture", "inf for this picture"))


def _checked(name: str, value: float) -> IqaScore:
    if math.isfinite(value):
        return IqaScore(name, value, None)
    return IqaScore(name, None, f"{name} gave {value} for this picture")


_scorers: dict[IqaSettings, IqaScorer] = {}
_metrics: dict[tuple[str, ...], QualityMetric] = {}
_depending: dict[tuple[str, ...], bool] = {}
_lock = threading.Lock()


def load_iqa_scorer(settings: IqaSettings) -> IqaScorer:
    """The scorer of the settings; each metric is loaded, and tried on small patterns, once per process.

    Raises:
        ModelUnavailableError: pyiqa, a metric's weights or a compiler cannot be had; the message says how.
        SettingsError: not a no-reference metric, no such device or precision, or nothing that compiles for it.
        OutOfMemoryError: the device has no room even for a small picture.
    """
    with _lock:
        if settings not in _scorers:
            keys = {name: (name, settings.device, settings.precision, settings.compile) for name in settings.metrics}
            for key in keys.values():
                if key not in _metrics:
                    _metrics[key] = _load(key[0], settings)
                if settings.batch_size > 1 and key not in _depending:
                    _depending[key] = _is_found_to_depend(_metrics[key])
            one_by_one = [name for name, key in keys.items() if settings.batch_size > 1 and _depending[key]]
            _scorers[settings] = IqaScorer([_metrics[key] for key in keys.values()], settings, one_by_one=one_by_one)
        return _scorers[settings]


def _load(name: str, settings: IqaSettings) -> QualityMetric:
    if name == PiqeMetric.name:
        return PiqeMetric()
    metric = PyiqaMetric(name, settings.device, precision=settings.precision, compiler=settings.compile)
    if settings.precision == "auto":
        settle_precision(metric)
    return metric


def _is_found_to_depend(metric: QualityMetric) -> bool:
    reason = reason_for_single_pictures(metric)
    if reason is not None:
        _log.warning("metric %s scores one picture at a time: %s", metric.name, reason)
    return reason is not None
