"""A score is the picture's own: whatever its batch, its neighbours, their order, and the thread that asks."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from thumb_assets.inference import BatchSizer
from thumb_assets.iqa.pyiqa_metric import PyiqaMetric
from thumb_assets.iqa.scorer import IqaScorer
from thumb_assets.iqa.trial import patterns, reason_for_single_pictures, settle_precision
from thumb_assets.settings.stages import IqaSettings

pytest.importorskip("pyiqa", reason="the extra thumb-assets[iqa] is not installed")


@pytest.fixture(
    scope="module", params=["piqe", *(pytest.param(name, marks=pytest.mark.slow) for name in ("niqe", "brisque"))]
)
def metric(request):
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "piqe":
            patch.setenv("THUMB_ASSETS_MODELS_DIR", str(request.getfixturevalue("shared_dir") / "models"))
        metric = PyiqaMetric(request.param, "cpu")
    # Batches as large as asked for, as on a GPU: a CPU would split them.
    metric._sizer = BatchSizer()
    return metric


@pytest.fixture(scope="module")
def pictures():
    """Eight unlike pictures of one size, (192, 224, 3) uint8."""
    made = list(patterns(192, 224))
    return [*made, *(255 - picture for picture in made), made[1][:, ::-1], made[0] // 4 + 80]


def scores_of(metric, pictures, batch_size):
    rows = IqaScorer([metric], IqaSettings(batch_size=batch_size)).score(pictures)
    return np.array([row[0].iqa_score for row in rows])


def test_scores_do_not_depend_on_batch_neighbours_or_order(metric, pictures):
    alone = scores_of(metric, pictures, 1)
    assert np.ptp(alone) > 1, "the pictures differ"
    order = np.random.default_rng(1).permutation(len(pictures))
    # Of the scale: brisque's regression in float32 rounds its scores (up to 90 here) to some thousandths.
    tolerance = 1e-4 * alone.max()
    for batch_size in (2, 3, 8):
        np.testing.assert_allclose(scores_of(metric, pictures, batch_size), alone, rtol=0, atol=tolerance)
        shuffled = scores_of(metric, [pictures[index] for index in order], batch_size)
        np.testing.assert_allclose(shuffled, alone[order], rtol=0, atol=tolerance)


def test_the_trial_finds_them_fit_for_batches(metric):
    assert reason_for_single_pictures(metric) is None


def test_a_thread_of_its_own_gets_the_same_scores(metric, pictures):
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(metric.score, np.stack(pictures[:2])).result()
    np.testing.assert_array_equal(theirs, metric.score(np.stack(pictures[:2])))


class Spread:
    """The standard deviation of a picture, in a precision that may spoil it."""

    name, is_lower_better, score_range, device = "spread", False, (0.0, None), "cpu"
    weights_sha256, error_in_bf16 = {}, 0.0

    def __init__(self):
        self.precision = "fp32"

    def score(self, images):
        return images.std(axis=(1, 2, 3)) * (1 + self.error_in_bf16 * (self.precision == "bf16"))


class SpreadWithinBatch(Spread):
    """Less the mean of the batch."""

    def score(self, images):
        return super().score(images) - super().score(images).mean()


class NeedsManyLines(Spread):
    """Fails on small pictures, and on larger ones in batches."""

    def score(self, images):
        assert images.shape[1] >= 224
        assert len(images) == 1
        return super().score(images)


class NeedsMoreLines(Spread):
    """Fails on every picture of the trial."""

    def score(self, images):
        raise RuntimeError("at least 1000 lines")


@pytest.mark.parametrize(
    ("metric", "reason"),
    [(Spread, None), (SpreadWithinBatch, "depend"), (NeedsManyLines, "depend"), (NeedsMoreLines, "no score")],
)
def test_the_trial_tells_which_metrics_depend_on_the_batch(metric, reason):
    tried = metric()
    tried.precision = "bf16"
    found = reason_for_single_pictures(tried)
    assert found is None if reason is None else reason in str(found)
    assert tried.precision == "bf16", "as it was"


def test_a_metric_that_takes_seconds_is_not_tried_to_the_end(monkeypatch):
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    assert "slow" in str(reason_for_single_pictures(Spread()))


@pytest.mark.parametrize(("error", "precision"), [(0.001, "bf16"), (0.1, "fp32"), (np.nan, "fp32")])
def test_a_metric_keeps_a_lower_precision_only_where_its_scores_hold(caplog, error, precision):
    metric = Spread()
    metric.precision, metric.error_in_bf16 = "bf16", error
    settle_precision(metric)
    assert metric.precision == precision
    assert len(caplog.records) == (precision == "fp32")
