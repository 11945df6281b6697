"""thumb-mini through OpenCV: the numbers of torch, without torch."""

import json
import subprocess
import sys

import numpy as np
import pytest

from thumb_assets.clip.embedded import EmbeddedEncoder, is_for_opencv
from thumb_assets.clip.encoder import OpenClipEncoder
from thumb_assets.clip.mini import MINI_PROMPTS_FILE
from thumb_assets.clip.scorer import ClipScorer
from thumb_assets.errors import BadInputError, SettingsError
from thumb_assets.settings.stages import NEGATIVE_PROMPTS, POSITIVE_PROMPTS, TITLE_CARD_PROMPTS, ClipSettings

SETTINGS = ClipSettings(device="cpu")
PROMPTS = (*POSITIVE_PROMPTS, *NEGATIVE_PROMPTS, *TITLE_CARD_PROMPTS)


@pytest.fixture(scope="module")
def ours():
    return EmbeddedEncoder(SETTINGS)


@pytest.fixture(scope="module")
def theirs():
    return OpenClipEncoder(SETTINGS)


@pytest.fixture(scope="module")
def frames():
    """Pictures of many shapes: noise over slopes, flat ones, and one smaller than the model's input."""
    generator = np.random.default_rng(3)
    made = []
    for height, width in ((540, 960), (360, 640), (256, 455), (720, 405), (256, 256), (100, 90), (1080, 1920)):
        slope = np.linspace(20, 220, width)[None, :, None] * np.linspace(0.3, 1, height)[:, None, None]
        coarse = generator.integers(-60, 60, (height // 8 + 1, width // 8 + 1, 3)).repeat(8, 0).repeat(8, 1)
        made.append(np.clip(slope + coarse[:height, :width], 0, 255).astype(np.uint8))
    return [*made, np.zeros((256, 256, 3), np.uint8), np.full((300, 400, 3), 255, np.uint8)]


def test_embeddings_and_scores_are_those_of_open_clip(ours, theirs, frames):
    expected, found = theirs.encode_images(frames), ours.encode_images(frames)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)
    for one, other in zip(
        ClipScorer(ours, SETTINGS).score(frames), ClipScorer(theirs, SETTINGS).score(frames), strict=True
    ):
        assert one.clip_score == pytest.approx(other.clip_score, abs=1e-3)
        assert one.title_card_similarity == pytest.approx(other.title_card_similarity, abs=1e-3)


def test_the_stored_prompts_are_the_default_ones_as_open_clip_embeds_them(ours, theirs):
    assert set(json.loads(MINI_PROMPTS_FILE.read_text())) == set(PROMPTS)
    np.testing.assert_allclose(ours.encode_texts(PROMPTS), theirs.encode_texts(PROMPTS), atol=1e-5)
    assert ours.encode_texts([]).shape == (0, ours.num_dimensions)


def test_other_texts_are_embedded_by_open_clip(ours, theirs):
    texts = ["a blurry frame", "a sharp frame"]
    np.testing.assert_allclose(ours.encode_texts(texts), theirs.encode_texts(texts), atol=1e-5)
    with pytest.raises(SettingsError, match="submarine"):
        ours.encode_texts(["a submarine"])


def test_an_embedding_does_not_depend_on_the_pictures_beside_it(ours, frames):
    together = ours.encode_images(frames)
    alone = np.concatenate([ours.encode_images([frame]) for frame in frames])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert ours.encode_images([]).shape == (0, ours.num_dimensions)


def test_what_is_no_picture_is_refused(ours):
    with pytest.raises(BadInputError, match="RGB"):
        ours.encode_images([np.zeros((4, 4), np.uint8)])


@pytest.mark.parametrize(
    "changes",
    [{"precision": "bf16"}, {"compile": "torch"}, {"device": "cuda"}, {"model": "ViT-B-32", "pretrained": "openai"}],
)
def test_all_else_is_left_to_torch(changes):
    assert is_for_opencv(SETTINGS)
    assert not is_for_opencv(SETTINGS.model_copy(update=changes))


def test_the_default_scorer_imports_neither_torch_nor_open_clip():
    program = (
        "import sys, numpy; from thumb_assets.clip.scorer import load_clip_scorer; "
        "from thumb_assets.settings.stages import ClipSettings; "
        "scorer = load_clip_scorer(ClipSettings(device='cpu')); "
        "scorer.score([numpy.zeros((256, 256, 3), numpy.uint8)]); "
        "print({'torch', 'open_clip', 'torchvision', 'transformers'} & set(sys.modules))"
    )
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "set()"
