"""An embedding is the picture's own, whatever its batch; preprocessing equals open_clip's; precision is as said."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from thumb_assets.clip.encoder import OpenClipEncoder
from thumb_assets.clip.loading import load_open_clip
from thumb_assets.clip.preprocess import Preprocessor
from thumb_assets.clip.scorer import ClipScorer
from thumb_assets.errors import OutOfMemoryError, SettingsError
from thumb_assets.inference import BatchSizer
from thumb_assets.settings.load import settings_sha256
from thumb_assets.settings.stages import ClipSettings

MINI = ClipSettings(device="cpu")


@pytest.fixture(scope="module", params=["thumb-mini", "tiny"])
def encoder(request, tiny_model):
    tiny = ClipSettings(model=tiny_model.name, pretrained=None, checkpoint=tiny_model.checkpoint, device="cpu")
    encoder = OpenClipEncoder(MINI if request.param == "thumb-mini" else tiny)
    # Batches as large as asked for, as on a GPU: a CPU would split them.
    encoder._sizer = BatchSizer()
    return encoder


@pytest.fixture(scope="module")
def eight(pictures):
    return [*pictures, *(255 - picture for picture in pictures)]


def scores_of(encoder, pictures, batch_size):
    scorer = ClipScorer(encoder, MINI.model_copy(update={"batch_size": batch_size}))
    return np.array([score.clip_score for score in scorer.score(pictures)])


def test_scores_do_not_depend_on_batch_neighbours_or_order(encoder, eight):
    alone = scores_of(encoder, eight, 1)
    assert np.ptp(alone) > 1e-3, "the pictures differ"
    order = np.random.default_rng(1).permutation(len(eight))
    for batch_size in (2, 3, 8):
        np.testing.assert_allclose(scores_of(encoder, eight, batch_size), alone, atol=1e-4)
        shuffled = scores_of(encoder, [eight[index] for index in order], batch_size)
        np.testing.assert_allclose(shuffled, alone[order], atol=1e-4)


def test_a_thread_of_its_own_gets_the_same_embeddings(encoder, eight):
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(encoder.encode_images, eight).result()
    # Where torch splits a sum depends on its number of threads, which another thread may have of its own.
    np.testing.assert_allclose(theirs, encoder.encode_images(eight), atol=1e-6)


@pytest.mark.parametrize("is_resized_on_device", [False, True])
def test_embeddings_are_those_of_the_reference_transform(eight, is_resized_on_device):
    import torch
    from PIL import Image

    loaded = load_open_clip(MINI, device="cpu")
    config, transform = loaded.preprocess_config, loaded.pil_transform
    ours = Preprocessor(config, fallback=transform, device="cpu", is_resized_on_device=is_resized_on_device)(eight)
    reference = torch.stack([transform(Image.fromarray(picture)) for picture in eight])
    # In levels of 255: a rounding at each of the two passes of the resize.
    assert float((ours - reference).abs().max()) * 255 * min(config["std"]) < 2.01
    with torch.inference_mode():
        embeddings, expected = (loaded.model.encode_image(pixels, normalize=True) for pixels in (ours, reference))
    assert float((embeddings * expected).sum(dim=1).min()) >= 0.9999


@pytest.mark.parametrize("mode", ["shortest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_the_device_resizes_as_the_cpu_does(eight, mode, interpolation):
    config = {"size": 48, "mean": (0.0,) * 3, "std": (1 / 255,) * 3}
    config |= {"interpolation": interpolation, "resize_mode": mode}
    one_by_one, together = (
        Preprocessor(config, fallback=lambda picture: picture, device="cpu", is_resized_on_device=is_on_device)(eight)
        for is_on_device in (False, True)
    )
    assert together.shape == (8, 3, 48, 48)
    assert float((one_by_one - together).abs().max()) <= 1.01, "levels"


def test_a_lower_precision_is_said_and_keeps_norm_and_direction(tiny_model, eight):
    settings = ClipSettings(model=tiny_model.name, pretrained=None, checkpoint=tiny_model.checkpoint, device="cpu")
    lower = OpenClipEncoder(settings.model_copy(update={"precision": "bf16"}))
    full = OpenClipEncoder(settings)
    assert (full.precision, ClipScorer(full, settings).footer["precision"]) == ("fp32", "fp32")
    assert (lower.precision, ClipScorer(lower, settings).footer["precision"]) == ("bf16", "bf16")
    embeddings, expected = lower.encode_images(eight), full.encode_images(eight)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    assert 0.999 < (embeddings * expected).sum(axis=1).min() < 0.9999999, "close, and not the same"
    np.testing.assert_array_equal(lower.encode_texts(["a frame"]), full.encode_texts(["a frame"]))


def test_precision_counts_as_a_setting_of_the_values_and_batches_and_compilers_do_not():
    assert settings_sha256(MINI) != settings_sha256(MINI.model_copy(update={"precision": "fp32"}))
    assert settings_sha256(MINI) == settings_sha256(MINI.model_copy(update={"batch_size": 3, "compile": "torch"}))


class SmallMemory:
    """A model on a device that holds so many pictures at once."""

    def __init__(self, model, num_pictures):
        self.model, self.num_pictures, self.passes = model, num_pictures, []

    def encode_image(self, pixels, *, normalize):
        self.passes.append(len(pixels))
        if len(pixels) > self.num_pictures:
            raise RuntimeError("CUDA out of memory")
        return self.model.encode_image(pixels, normalize=normalize)


def test_a_batch_that_does_not_fit_is_halved_until_one_picture_does_not(eight):
    encoder = OpenClipEncoder(MINI)
    encoder._sizer = BatchSizer()
    expected = encoder.encode_images(eight)
    model = encoder._model
    encoder._model = SmallMemory(model, 3)
    np.testing.assert_allclose(encoder.encode_images(eight), expected, atol=1e-5)
    assert encoder._model.passes == [8, 4, 2, 2, 2, 2]
    encoder._model = SmallMemory(model, 0)
    with pytest.raises(OutOfMemoryError, match="one picture at a time"):
        encoder.encode_images(eight[:2])


def test_the_compiler_is_refused_without_a_gpu():
    with pytest.raises(SettingsError, match=r"clip\.compile is torch, .* runs on cpu"):
        OpenClipEncoder(MINI.model_copy(update={"compile": "torch"}))
