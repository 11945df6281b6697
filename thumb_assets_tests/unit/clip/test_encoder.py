"""The encoder on a real model: same numbers as open_clip by hand, independent of the batch, never random weights."""

import json
import pickle
import re
import shutil
import time
import warnings

import numpy as np
import pytest
from huggingface_hub import constants

from thumb_assets.clip.encoder import OpenClipEncoder
from thumb_assets.clip.preprocess import Preprocessor
from thumb_assets.errors import BadInputError, ModelUnavailableError, RefusedModelError, SettingsError
from thumb_assets.settings.stages import ClipSettings


@pytest.fixture(scope="module")
def encoder(tiny_model):
    return OpenClipEncoder(ClipSettings(model=tiny_model.name, pretrained=None, checkpoint=tiny_model.checkpoint))


def reference_embeddings(tiny_model, pictures, **options):
    """open_clip by the book: its PIL preprocessing, one picture after the other."""
    import open_clip
    import torch
    from PIL import Image

    model, _, preprocess = open_clip.create_model_and_transforms(
        tiny_model.name, pretrained=str(tiny_model.checkpoint), **options
    )
    model.eval()
    with torch.inference_mode():
        rows = [model.encode_image(preprocess(Image.fromarray(p)).unsqueeze(0), normalize=True) for p in pictures]
        return torch.cat(rows).numpy()


def test_embeddings_are_those_of_open_clip_with_its_own_preprocessing(encoder, tiny_model, pictures):
    ours = encoder.encode_images(pictures)
    cosines = (ours * reference_embeddings(tiny_model, pictures)).sum(axis=1)
    assert ours.dtype == np.float32
    assert ours.shape == (4, 32)
    assert cosines.min() > 0.999


def test_norms_are_one(encoder, pictures):
    texts = encoder.encode_texts(["a sharp frame", "a blurry frame"])
    assert texts.shape == (2, encoder.num_dimensions)
    for rows in (texts, encoder.encode_images(pictures)):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_an_embedding_does_not_depend_on_the_batch(encoder, pictures):
    together = encoder.encode_images(pictures * 3)
    alone = np.concatenate([encoder.encode_images([picture]) for picture in pictures])
    np.testing.assert_allclose(together[:4], alone, atol=1e-4)
    np.testing.assert_allclose(together[8:], alone, atol=1e-4)


def test_the_model_is_in_eval_mode(encoder, pictures):
    # With its patch dropout of one half, training mode would give another embedding each time.
    assert not any(module.training for module in encoder._model.modules())
    np.testing.assert_array_equal(encoder.encode_images(pictures), encoder.encode_images(pictures))


def test_nothing_in_nothing_out(encoder):
    assert encoder.encode_images([]).shape == (0, 32)
    assert encoder.encode_texts([]).shape == (0, 32)


def test_read_only_and_reversed_arrays_are_fine(encoder, pictures):
    frozen = pictures[0].copy()
    frozen.flags.writeable = False
    mirrored_twice = pictures[0][:, ::-1].copy()[:, ::-1]
    expected = encoder.encode_images([pictures[0]])
    np.testing.assert_allclose(encoder.encode_images([frozen]), expected, atol=1e-6)
    np.testing.assert_allclose(encoder.encode_images([mirrored_twice]), expected, atol=1e-6)


@pytest.mark.parametrize(
    "array", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 4), np.uint8)]
)
def test_other_arrays_are_refused(encoder, array):
    with pytest.raises(BadInputError, match="uint8 RGB"):
        encoder.encode_images([array])


def test_the_decoder_is_told_the_size_the_model_wants(encoder):
    assert encoder.short_side == 48


def test_what_the_footer_needs_is_known(encoder, tiny_model):
    assert encoder.model_name == tiny_model.name
    assert encoder.precision == "fp32"
    assert encoder.device == "cpu"
    assert encoder.pretrained.startswith("tiny.safetensors@sha256:")


@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_every_resize_mode_equals_open_clips(pictures, mode, interpolation):
    from open_clip.transform import PreprocessCfg, image_transform_v2
    from PIL import Image

    config = {
        "size": 48,
        "mean": (0.5, 0.4, 0.3),
        "std": (0.2, 0.3, 0.4),
        "interpolation": interpolation,
        "resize_mode": mode,
    }
    transform = image_transform_v2(PreprocessCfg(**config), is_train=False)
    ours = Preprocessor(config, fallback=transform, device="cpu")(pictures).numpy()
    for row, picture in zip(ours, pictures, strict=True):
        reference = transform(Image.fromarray(picture)).numpy()
        cosine = (row * reference).sum() / np.linalg.norm(row) / np.linalg.norm(reference)
        assert cosine > 0.999
        # Two levels of 255 over the smallest std.
        assert np.abs(row - reference).max() < 2.5 / 255 / 0.2


def test_a_pickled_checkpoint_is_read_without_running_it(tiny_model, tmp_path, pictures, encoder):
    import torch
    from safetensors.torch import load_file

    path = tmp_path / "tiny.pt"
    torch.save({"state_dict": load_file(str(tiny_model.checkpoint))}, path)
    pickled = OpenClipEncoder(ClipSettings(model=tiny_model.name, pretrained=None, checkpoint=path))
    np.testing.assert_array_equal(pickled.encode_images(pictures), encoder.encode_images(pictures))


class Payload:
    """Payload of a hostile checkpoint: unpickling it leaves a mark."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def write_hostile(path, payload, form):
    import torch

    content = {"state_dict": payload}
    if form == "pickle":
        path.write_bytes(pickle.dumps(content))
    elif form == "torchscript":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the form is deprecated, and still found
            torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle", "torchscript"])
def test_a_checkpoint_that_holds_code_is_refused_and_not_run(tiny_model, tmp_path, form):
    path, trace = tmp_path / "hostile.pt", tmp_path / "was-run"
    write_hostile(path, Payload(str(trace)), form)
    with pytest.raises(RefusedModelError, match=r"hostile\.pt is refused: it holds code.*use a safetensors") as caught:
        OpenClipEncoder(ClipSettings(model=tiny_model.name, pretrained=None, checkpoint=path))
    assert not trace.exists()
    assert "\n" not in str(caught.value)
    assert not re.search("weights_only|torch.load|trust|issue", str(caught.value))


def test_weights_of_another_model_are_refused(tiny_model, tmp_path):
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(tiny_model.checkpoint))
    tensors.pop("ln_final.weight")
    path = tmp_path / "partial.safetensors"
    save_file(tensors, str(path))
    with pytest.raises(ModelUnavailableError, match=r"ln_final\.weight"):
        OpenClipEncoder(ClipSettings(model=tiny_model.name, pretrained=None, checkpoint=path))


def test_random_weights_are_never_used(tiny_model, tmp_path):
    with pytest.raises(SettingsError, match="is not a tag"):
        OpenClipEncoder(ClipSettings(model=tiny_model.name, pretrained=None))
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": tiny_model.config}))
    with pytest.raises(ModelUnavailableError, match="could not be loaded"):
        OpenClipEncoder(ClipSettings(model=f"local-dir:{tmp_path}", pretrained=None))


def test_a_local_folder_brings_its_own_normalisation(tiny_model, tmp_path, pictures):
    config = {"model_cfg": tiny_model.config, "preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5]}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    shutil.copy(tiny_model.checkpoint, tmp_path / "open_clip_model.safetensors")
    encoder = OpenClipEncoder(ClipSettings(model=f"local-dir:{tmp_path}", pretrained=None))
    options = {"image_mean": (0.1, 0.2, 0.3), "image_std": (0.5, 0.5, 0.5)}
    cosines = (encoder.encode_images(pictures) * reference_embeddings(tiny_model, pictures, **options)).sum(axis=1)
    assert cosines.min() > 0.999


def test_a_tag_of_open_clip_brings_its_normalisation_also_from_the_models_folder(
    tiny_model, tmp_path, monkeypatch, pictures
):
    from open_clip import pretrained

    options = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    monkeypatch.setitem(pretrained._PRETRAINED, tiny_model.name, {"t1": {"hf_hub": "owner/tiny-clip/", **options}})
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "tiny-clip").mkdir()
    shutil.copy(tiny_model.checkpoint, tmp_path / "tiny-clip" / "open_clip_model.safetensors")
    encoder = OpenClipEncoder(ClipSettings(model=tiny_model.name, pretrained="t1"))
    reference = reference_embeddings(tiny_model, pictures, image_mean=options["mean"], image_std=options["std"])
    assert (encoder.encode_images(pictures) * reference).sum(axis=1).min() > 0.999
    assert encoder.pretrained.startswith("t1@sha256:")


@pytest.mark.parametrize("pretrained", ["datacomp_s34b_b86k", "openai"])
def test_missing_weights_are_reported_at_once_where_there_is_no_hub(tmp_path, monkeypatch, pretrained):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("THUMB_ASSETS_MODELS_DIR", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model = "ViT-B-32-256" if pretrained != "openai" else "ViT-B-32"
    start = time.monotonic()
    with pytest.raises(ModelUnavailableError, match=f"{model}/{pretrained}.*THUMB_ASSETS_MODELS_DIR.*clip.checkpoint"):
        OpenClipEncoder(ClipSettings(model=model, pretrained=pretrained))
    # The bare import of open_clip can take most of this.
    assert time.monotonic() - start < 30


def test_a_model_whose_tokenizer_lives_on_the_hub_fails_at_once_without_one(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    start = time.monotonic()
    with pytest.raises(ModelUnavailableError, match="hf-hub:owner/nothing"):
        OpenClipEncoder(ClipSettings(model="hf-hub:owner/nothing", pretrained=None))
    assert time.monotonic() - start < 5


def test_unknown_models_and_devices_are_settings_errors(tiny_model):
    import torch

    with pytest.raises(SettingsError, match="no-such-model"):
        OpenClipEncoder(ClipSettings(model="no-such-model"))
    with pytest.raises(SettingsError, match="datacomp_s34b_b86k"):
        OpenClipEncoder(ClipSettings(model="ViT-B-32-256", pretrained="no_such_tag"))
    if not torch.cuda.is_available():
        settings = ClipSettings(model=tiny_model.name, pretrained=None, checkpoint=tiny_model.checkpoint, device="cuda")
        with pytest.raises(SettingsError, match="cuda"):
            OpenClipEncoder(settings)
