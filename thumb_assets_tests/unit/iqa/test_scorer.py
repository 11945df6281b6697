"""Batches by size, one error per picture that cannot be scored, and a footer that can be read back."""

import json
from importlib.metadata import version

import numpy as np
import pytest

from thumb_assets.errors import OutOfMemoryError, SettingsError
from thumb_assets.iqa.scorer import IqaScore, IqaScorer, load_iqa_scorer
from thumb_assets.settings.stages import IqaSettings

pytest.importorskip("pyiqa", reason="the extra thumb-assets[iqa] is not installed")


class MeanMetric:
    """A small real metric: the mean level. It fails on a batch with a black picture; a white one it cannot judge."""

    name, is_lower_better, score_range, device = "mean", True, (0.0, None), "cpu"
    weights_sha256, precision, made_by = {}, "fp32", "these tests"

    def __init__(self):
        self.shapes = []

    def score(self, images):
        self.shapes.append(images.shape)
        means = images.mean(axis=(1, 2, 3))
        if (means == 0).any():
            raise RuntimeError("a black picture\nhas no mean worth having")
        return np.where(means == 255, np.nan, means)


def grey(level, height=4, width=6):
    return np.full((height, width, 3), level, np.uint8)


def test_pictures_of_one_size_share_a_batch_and_keep_their_order():
    metric = MeanMetric()
    scorer = IqaScorer([metric], IqaSettings(batch_size=2))
    rows = scorer.score([grey(1), grey(2, 8), grey(3), grey(4), grey(5, 8)])
    assert [row[0].iqa_score for row in rows] == [1, 2, 3, 4, 5]
    assert sorted(metric.shapes) == [(1, 4, 6, 3), (2, 4, 6, 3), (2, 8, 6, 3)]
    assert scorer.score([]) == []


@pytest.mark.parametrize(
    ("devices", "height", "expected"), [(["cpu"], 540, 1), (["cpu", "cuda"], 540, 8), (["cpu"], 64, 8)]
)
def test_no_more_pictures_are_waited_for_than_a_pass_takes(devices, height, expected):
    metrics = [MeanMetric() for _ in devices]
    for metric, device in zip(metrics, devices, strict=True):
        metric.device = device
    assert IqaScorer(metrics, IqaSettings(working_height=height)).batch_size == expected


def test_a_bad_picture_costs_itself_alone():
    rows = IqaScorer([MeanMetric()], IqaSettings(batch_size=8)).score([grey(1), grey(0), grey(255), grey(4)])
    assert rows[0] == (IqaScore("mean", 1.0, None),)
    assert rows[1] == (IqaScore("mean", None, "RuntimeError: a black picture has no mean worth having"),)
    assert rows[2][0].iqa_score is None
    assert "nan" in str(rows[2][0].error)
    assert rows[3] == (IqaScore("mean", 4.0, None),)


def test_a_batch_that_does_not_fit_is_tried_picture_by_picture():
    class SmallMetric(MeanMetric):
        def score(self, images):
            if len(images) > 1:
                raise OutOfMemoryError("too many")
            return super().score(images)

    rows = IqaScorer([SmallMetric()], IqaSettings(batch_size=8)).score([grey(1), grey(2)])
    assert [row[0].iqa_score for row in rows] == [1, 2]


def test_a_metric_that_depends_on_the_batch_gets_one_picture_at_a_time_and_the_footer_says_so():
    one, many = MeanMetric(), MeanMetric()
    one.name = "depending"
    scorer = IqaScorer([one, many], IqaSettings(batch_size=4), one_by_one=["depending"])
    rows = scorer.score([grey(1), grey(2), grey(3)])
    assert [[score.iqa_score for score in row] for row in rows] == [[1, 1], [2, 2], [3, 3]]
    assert one.shapes == [(1, 4, 6, 3)] * 3
    assert many.shapes == [(3, 4, 6, 3)]
    assert json.loads(scorer.footer["batch_1_metrics"]) == ["depending"]
    assert json.loads(scorer.footer["precision"]) == {"depending": "fp32", "mean": "fp32"}


def test_a_machine_that_cannot_hold_one_picture_says_so():
    class FullMetric(MeanMetric):
        def score(self, images):
            raise OutOfMemoryError("full")

    with pytest.raises(OutOfMemoryError):
        IqaScorer([FullMetric()], IqaSettings()).score([grey(1), grey(2)])


def test_the_footer_tells_direction_range_and_version():
    import pyiqa

    scorer = load_iqa_scorer(IqaSettings(metrics=("piqe", "entropy"), device="cpu", working_height=360))
    assert json.loads(scorer.footer["lower_better"]) == {"piqe": True, "entropy": False}
    assert json.loads(scorer.footer["range"]) == {"piqe": [0, 100], "entropy": [0, 8]}
    made_by = {"piqe": f"thumb-assets {version('thumb-assets')}", "entropy": f"pyiqa {pyiqa.__version__}"}
    assert json.loads(scorer.footer["made_by"]) == made_by
    assert scorer.footer["device"] == "cpu"
    assert scorer.footer["working_height"] == "360"
    assert json.loads(scorer.footer["weights_sha256"]) == {"piqe": {}, "entropy": {}}
    assert json.loads(scorer.footer["precision"]) == {"piqe": "fp32", "entropy": "fp32"}
    assert json.loads(scorer.footer["batch_1_metrics"]) == []


def test_the_compiler_is_refused_without_a_gpu():
    with pytest.raises(SettingsError, match=r"iqa\.compile is torch, .* runs on cpu"):
        load_iqa_scorer(IqaSettings(metrics=("entropy",), device="cpu", compile="torch"))


def test_a_metric_without_a_net_stays_in_full_precision():
    scorer = load_iqa_scorer(IqaSettings(metrics=("piqe",), device="cpu", precision="bf16"))
    assert json.loads(scorer.footer["precision"]) == {"piqe": "fp32"}


def test_a_metric_is_loaded_once_per_process():
    first = load_iqa_scorer(IqaSettings(metrics=("piqe",), device="cpu"))
    other = load_iqa_scorer(IqaSettings(metrics=("entropy", "piqe"), device="cpu"))
    assert load_iqa_scorer(IqaSettings(metrics=("piqe",), device="cpu")) is first
    assert other.metrics[1] is first.metrics[0]


def test_real_metrics_on_pictures_they_cannot_score():
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    scorer = load_iqa_scorer(IqaSettings(metrics=("piqe", "entropy"), device="cpu"))
    first, black, last = scorer.score([noise[0], grey(0, 64, 64), noise[1]])
    assert black[0].iqa_score is None
    assert "nan" in str(black[0].error)
    assert black[1].iqa_score == 0
    assert first[0].iqa_score is not None
    assert last[0].iqa_score is not None
    assert first == scorer.score([noise[0]])[0]


def test_an_unknown_metric_is_a_settings_error():
    with pytest.raises(SettingsError, match="nosuch"):
        load_iqa_scorer(IqaSettings(metrics=("nosuch",)))
