"""pyiqa is built from data only, from files that are here, in eval mode; a score does not depend on the batch."""

import importlib.util

import numpy as np
import pytest
from huggingface_hub import constants

from thumb_assets.errors import ModelUnavailableError, RefusedModelError
from thumb_assets.iqa.pyiqa_metric import PyiqaMetric
from thumb_assets.weights.faults import file_sha256
from thumb_assets.weights.registry import get_model_file

pyiqa = pytest.importorskip("pyiqa", reason="the extra thumb-assets[iqa] is not installed")


@pytest.fixture
def models_dir(tmp_path, monkeypatch):
    """An empty models folder on a machine that has nothing else and reaches nothing."""
    from pyiqa.utils import download_util

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(download_util, "DEFAULT_CACHE_DIR", str(tmp_path / "torch" / "hub" / "pyiqa"))
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "THUMB_ASSETS_MODELS_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "thumb_assets_models_dir"
    folder.mkdir()
    return folder


def untrained(name, **options):
    """pyiqa's net of a metric with random weights, in the state it has before training."""
    import torch
    from pyiqa.archs import build_network
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    torch.manual_seed(0)
    return build_network(dict(DEFAULT_CONFIGS[name]["metric_opts"]) | {"pretrained": False} | options)


def save(content, models_dir, name):
    import torch

    path = models_dir / get_model_file(name).file_names[0]
    torch.save(content, path)
    return path


@pytest.fixture
def trained(models_dir, request):
    """A metric with a checkpoint as its authors publish it, but of random weights; its name and the file."""
    import torchvision

    name = request.param
    if name == "topiq_nr":
        content = {"params": untrained(name, backbone_pretrain=False).state_dict()}
    elif name == "paq2piq":
        # Its net is built on torchvision's ResNet-18, which it fetches even untrained.
        resnet18 = torchvision.models.resnet18
        torchvision.models.resnet18 = lambda weights=None: resnet18()
        try:
            content = untrained(name).state_dict()
        finally:
            torchvision.models.resnet18 = resnet18
    else:
        content = untrained(name).state_dict()
    return name, save(content, models_dir, name)


def pictures(num, height=96, width=128):
    return np.random.default_rng(0).integers(0, 256, (num, height, width, 3), dtype=np.uint8)


_SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("topiq_nr", "musiq")]


@pytest.mark.parametrize("trained", ["paq2piq", *_SLOW], indirect=True)
def test_a_learned_metric_needs_its_own_file_alone_and_scores_each_picture_by_itself(trained):
    name, path = trained
    metric = PyiqaMetric(name, "cpu")
    assert metric.weights_sha256 == {path.name: file_sha256(path)}
    modules = list(metric._metric.net.modules())
    assert not any(module.training for module in modules)
    assert name == "musiq" or any("Dropout" in type(module).__name__ for module in modules), "there is some to turn off"
    images = pictures(3)
    together = metric.score(images)
    assert np.isfinite(together).all()
    np.testing.assert_allclose(together, np.concatenate([metric.score(image[None]) for image in images]), rtol=1e-4)
    np.testing.assert_array_equal(together, metric.score(images))


@pytest.mark.parametrize("name", ["niqe", "brisque", pytest.param("ilniqe", marks=pytest.mark.slow)])
def test_the_published_files_are_read_as_data_and_score_each_picture_by_itself(
    name, shared_dir, models_dir, monkeypatch
):
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(shared_dir / "models"))
    metric = PyiqaMetric(name, "cpu")
    assert not any(module.training for module in metric._metric.net.modules())
    if name == "brisque":  # the only one of them that is a pickle; the others are read by SciPy
        assert list(metric.weights_sha256) == ["brisque_svm_weights.pth"]
    images = pictures(2, 256, 320) // 2 + np.linspace(0, 100, 320, dtype=np.uint8)[None, None, :, None]
    together = metric.score(images)
    np.testing.assert_allclose(together, np.concatenate([metric.score(image[None]) for image in images]), rtol=1e-4)


@pytest.mark.slow
def test_a_checkpoint_without_its_backbone_is_not_left_half_random(models_dir):
    state = untrained("topiq_nr", backbone_pretrain=False).state_dict()
    headless = {key: value for key, value in state.items() if not key.startswith("semantic_model.")}
    save({"params": headless}, models_dir, "topiq_nr")
    # The rest of it is on the hub, which cannot be asked here.
    with pytest.raises(ModelUnavailableError, match="topiq_nr cannot be loaded"):
        PyiqaMetric("topiq_nr", "cpu")


class Trap:
    """Content of a hostile checkpoint: unpickling it calls a function."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("name", ["brisque", "musiq"])
def test_code_in_a_checkpoint_is_not_run(models_dir, tmp_path, name):
    save({"params": Trap(tmp_path / "sprung")}, models_dir, name)
    with pytest.raises(RefusedModelError, match=rf"metric {name}: .*is refused: it holds code") as caught:
        PyiqaMetric(name, "cpu")
    assert not (tmp_path / "sprung").exists()
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)


def test_a_file_of_openai_clip_is_asked_of_the_weights_room(models_dir):
    """Metrics on CLIP's own packages: no pkg_resources is needed, and the file's sum comes with its address."""
    if importlib.util.find_spec("clip") is None:
        pytest.skip("openai-clip, which these metrics need, is not installed")
    with pytest.raises(ModelUnavailableError, match=r"metric clipiqa: model RN50\.pt.*THUMB_ASSETS_MODELS_DIR"):
        PyiqaMetric("clipiqa", "cpu")
    (models_dir / "RN50.pt").write_bytes(b"another model")
    with pytest.raises(ModelUnavailableError, match=r"RN50\.pt: its SHA-256 is"):
        PyiqaMetric("clipiqa", "cpu")
