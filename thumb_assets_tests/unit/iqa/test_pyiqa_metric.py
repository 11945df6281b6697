"""Real metrics: calibrated, pointing the right way, quiet, and quick to say what is missing."""

import csv
import io
import logging
import random
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants
from PIL import Image

from thumb_assets.errors import BadInputError, ModelUnavailableError, SettingsError
from thumb_assets.iqa.loading import LOWER_IS_BETTER
from thumb_assets.iqa.pyiqa_metric import PyiqaMetric

pytest.importorskip("pyiqa", reason="the extra thumb-assets[iqa] is not installed")


@pytest.fixture(autouse=True)
def empty_machine(tmp_path, monkeypatch):
    """No weights anywhere, and no hub."""
    from pyiqa.utils import download_util

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(download_util, "DEFAULT_CACHE_DIR", str(tmp_path / "torch" / "hub" / "pyiqa"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("THUMB_ASSETS_MODELS_DIR", raising=False)
    return tmp_path


def texture(height=192, width=256, seed=0):
    """A picture with the spectrum of natural ones (amplitude 1/f), (H, W, 3) uint8."""
    generator = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = 1
    planes = []
    for _ in range(3):
        spectrum = np.fft.rfft2(generator.normal(size=(height, width))) / frequency
        plane = np.fft.irfft2(spectrum, (height, width))
        planes.append(128 + 45 * (plane - plane.mean()) / plane.std())
    return np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)


def blurred(picture, passes):
    """Box-blurred `passes` times with a window of 5 px."""
    result = picture.astype(float)
    for _ in range(passes):
        for axis in (0, 1):
            result = np.mean([np.roll(result, shift, axis) for shift in range(-2, 3)], axis=0)
    return result.astype(np.uint8)


def as_jpeg(picture, quality):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def test_piqe_sees_blur_and_blocks():
    clean = texture()
    metric = PyiqaMetric("piqe", "cpu")
    assert metric.is_lower_better
    assert metric.score_range == (0.0, 100.0)
    sharp, blurry, blocky = metric.score(np.stack([clean, blurred(clean, 4), as_jpeg(clean, 4)]))
    assert sharp + 10 < blurry
    assert sharp + 10 < blocky
    assert all(0 <= score <= 100 for score in (sharp, blurry, blocky))


@pytest.mark.parametrize("name", ["piqe", "entropy"])
def test_scores_are_float64_one_per_picture_and_independent_of_the_batch(name):
    metric = PyiqaMetric(name, "cpu")
    pictures = np.stack([texture(seed=seed) for seed in range(5)])
    together = metric.score(pictures)
    alone = np.concatenate([metric.score(picture[None]) for picture in pictures])
    assert together.shape == (5,)
    assert together.dtype == np.float64
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    assert metric.score(pictures[:0]).shape == (0,)


def calibration(shared_dir, name):
    with (shared_dir / "models/pyiqa/results_official.csv").open() as stream:
        rows = {row["Method"]: row for row in csv.DictReader(stream)}
    return {picture: float(value) for picture, value in rows[name].items() if picture != "Method"}


def own_results(shared_dir, name):
    """Results of pyiqa's authors with pyiqa itself, to four decimals."""
    with (shared_dir / "models/pyiqa/calibration_summary.csv").open() as stream:
        rows = {row["Method"]: row for row in csv.DictReader(stream)}
    return {picture: float(value) for picture, value in rows[f"{name}(ours)"].items() if picture != "Method"}


def calibration_picture(name):
    """One of the pictures that pyiqa installs beside itself."""
    import pyiqa

    path = Path(pyiqa.__file__).parent.parent / "ResultsCalibra" / "dist_dir" / name
    if not path.is_file():
        pytest.skip("this pyiqa comes without its calibration pictures")
    return path


@pytest.mark.parametrize(("name", "tolerance"), [("niqe", 0.003), ("brisque", 0.01), ("piqe", 0.0001)])
def test_metrics_reproduce_pyiqas_calibration(shared_dir, monkeypatch, name, tolerance):
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(shared_dir / "models"))
    metric = PyiqaMetric(name, "cpu")
    for picture, expected in own_results(shared_dir, name).items():
        path = calibration_picture(picture)
        score = metric.score(np.asarray(Image.open(path).convert("RGB"))[None])[0]
        assert score == pytest.approx(expected, abs=tolerance), picture
        assert score == pytest.approx(float(metric._metric(str(path))), rel=1e-6), "pyiqa reading the file by itself"
    # The published implementations, from which pyiqa differs by its own rounding.
    official = calibration(shared_dir, name)
    assert official == pytest.approx(own_results(shared_dir, name), rel=0.1, abs=0.1)


@pytest.mark.parametrize(
    ("name", "file_name"), [("niqe", "niqe_modelparameters.mat"), ("brisque", "brisque_svm_weights.pth")]
)
def test_weights_in_pyiqas_own_folder_are_used(shared_dir, empty_machine, name, file_name):
    folder = empty_machine / "torch" / "hub" / "pyiqa"
    folder.mkdir(parents=True)
    shutil.copyfile(shared_dir / "models/pyiqa" / file_name, folder / file_name)
    assert np.isfinite(PyiqaMetric(name, "cpu").score(texture()[None]))


def test_a_foreign_file_is_refused_before_it_is_read(empty_machine, monkeypatch):
    (empty_machine / "brisque_svm_weights.pth").write_bytes(b"not what it says")
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(empty_machine))
    with pytest.raises(ModelUnavailableError, match="no whole PyTorch checkpoint"):
        PyiqaMetric("brisque", "cpu")


def test_weights_that_pyiqa_would_download_are_taken_from_the_models_folder(shared_dir, monkeypatch):
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(shared_dir / "models"))
    metric = PyiqaMetric("ilniqe", "cpu")
    assert metric.is_lower_better


@pytest.mark.parametrize(
    ("name", "file_name"),
    [("niqe", "niqe_modelparameters.mat"), ("musiq", "musiq_koniq_ckpt"), ("arniqa", "resnet50"), ("nima", "nima")],
)
def test_missing_weights_are_reported_at_once_where_there_is_no_hub(name, file_name):
    PyiqaMetric("entropy", "cpu")  # the import of pyiqa is not what is timed
    start = time.monotonic()
    with pytest.raises(ModelUnavailableError, match=f"{name}.*THUMB_ASSETS_MODELS_DIR") as caught:
        PyiqaMetric(name, "cpu")
    assert time.monotonic() - start < 15
    assert file_name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_downloads_work_as_before_after_a_metric_is_built():
    import torch
    from pyiqa.utils import download_util

    def state():
        return download_util.download_url_to_file, torch.hub.download_url_to_file, torch.load, constants.HF_HUB_OFFLINE

    before = state()
    PyiqaMetric("piqe", "cpu")
    with pytest.raises(ModelUnavailableError):
        PyiqaMetric("arniqa", "cpu")
    assert state() == before
    assert "pkg_resources" not in sys.modules


def test_without_pyiqa_the_message_says_what_to_install_and_under_which_licence(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(ModelUnavailableError, match=r'pip install "thumb-assets\[iqa\]".*PolyForm-Noncommercial'):
        PyiqaMetric("piqe", "cpu")


@pytest.mark.parametrize(
    ("name", "words"), [("lpips", "reference"), ("fid", "more than one"), ("nosuch", "not a metric")]
)
def test_metrics_that_cannot_score_a_picture_by_itself_are_refused(name, words):
    with pytest.raises(SettingsError, match=f"{name}.*{words}.*piqe"):
        PyiqaMetric(name, "cpu")


@pytest.mark.parametrize(
    "array", [np.zeros((8, 8, 3), np.uint8), np.zeros((1, 8, 8, 3), np.float32), np.zeros((1, 8, 8), np.uint8)]
)
def test_other_arrays_are_refused(array):
    with pytest.raises(BadInputError, match="uint8 RGB"):
        PyiqaMetric("piqe", "cpu").score(array)


def test_the_net_is_in_eval_mode_and_global_state_is_left_alone(capfd):
    import torch

    def generators():
        # The legacy generator is what some metrics draw their crops from.
        legacy = np.random.get_state()[1].tobytes()
        return random.getstate(), legacy, torch.get_rng_state().numpy().tobytes()

    before = generators()
    metric = PyiqaMetric("piqe", "cpu")
    metric.score(texture()[None])
    assert not any(module.training for module in metric._metric.modules())
    assert generators() == before
    assert not torch.are_deterministic_algorithms_enabled()
    assert capfd.readouterr().out == "", "nothing is printed"
    assert logging.getLogger("pyiqa").handlers == []
    assert logging.getLogger("pyiqa").propagate


def test_the_pinned_directions_are_those_of_the_installed_pyiqa():
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    reported = {
        name
        for name, config in DEFAULT_CONFIGS.items()
        if config["metric_mode"] == "NR" and config.get("lower_better", False)
    }
    assert reported == LOWER_IS_BETTER


def test_the_directions_are_locked():
    assert {
        *("piqe", "niqe", "niqe_matlab", "ilniqe", "brisque", "brisque_matlab"),
        *("pi", "fid", "sfid", "fid_dinov2", "afine_nr"),
    } == LOWER_IS_BETTER
    assert not PyiqaMetric("entropy", "cpu").is_lower_better
