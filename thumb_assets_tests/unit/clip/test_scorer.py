"""clip_score from embeddings, prompts encoded once, one model per process."""

import numpy as np
import pytest

from thumb_assets.clip.scorer import ClipScorer, clip_scores_from_embeddings, load_clip_scorer, score_images
from thumb_assets.errors import ModelUnavailableError
from thumb_assets.settings.stages import ClipSettings

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0)}


class ColourEncoder:
    """A small real encoder: the direction of a picture is its mean colour, a text's the colour it names."""

    model_name, pretrained, precision, device = "colour", "none", "fp32", "cpu"
    num_dimensions, short_side = 3, 1

    def __init__(self):
        self.num_text_calls = 0
        self.batch_sizes = []

    def encode_images(self, images):
        self.batch_sizes.append(len(images))
        means = np.array([image.mean(axis=(0, 1)) for image in images]) + 1e-6
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)

    def encode_texts(self, texts):
        self.num_text_calls += 1
        rows = np.array([COLOURS[text] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def plain(red, green, blue):
    return np.full((4, 6, 3), (red, green, blue), np.uint8)


def test_the_score_is_the_best_positive_less_the_mean_negative():
    settings = ClipSettings(
        positive_prompts=("red", "yellow"), negative_prompts=("green", "blue"), title_card_prompts=("blue", "green")
    )
    red, green, yellow = ClipScorer(ColourEncoder(), settings).score(
        [plain(200, 0, 0), plain(0, 200, 0), plain(99, 99, 0)]
    )
    exact = 2e-4  # the rounding of float16: scores are those of the embedding as it is stored
    assert red.positive_similarity == pytest.approx(1.0, abs=exact)
    assert red.negative_similarity == pytest.approx(0.0, abs=exact)
    assert red.clip_score == pytest.approx(1.0, abs=exact)
    assert green.positive_similarity == pytest.approx(0.5**0.5, abs=exact)
    assert green.negative_similarity == pytest.approx(0.5, abs=exact)
    # The greatest of the title cards', not their mean; it has no part in clip_score.
    assert green.title_card_similarity == pytest.approx(1.0, abs=exact)
    assert red.title_card_similarity == pytest.approx(0.0, abs=exact)
    assert yellow.title_card_similarity == pytest.approx(0.5**0.5, abs=exact)
    assert yellow.clip_score == pytest.approx(1 - 0.5 * 0.5**0.5, abs=exact)
    assert yellow.embedding.dtype == np.float16
    assert np.linalg.norm(yellow.embedding.astype(float)) == pytest.approx(1, abs=1e-3)


def test_prompts_are_encoded_once_and_batches_are_as_asked():
    encoder = ColourEncoder()
    settings = ClipSettings(
        positive_prompts=("red",), negative_prompts=("blue",), title_card_prompts=("green",), batch_size=3
    )
    scorer = ClipScorer(encoder, settings)
    assert len(scorer.score([plain(9, 9, 9)] * 7)) == 7
    assert scorer.score([]) == []
    assert encoder.num_text_calls == 1
    assert encoder.batch_sizes == [3, 3, 1]


@pytest.mark.parametrize(("device", "short_side", "expected"), [("cpu", 256, 4), ("cpu", 1000, 1), ("cuda", 256, 32)])
def test_no_more_pictures_are_waited_for_than_a_pass_takes(device, short_side, expected):
    encoder = ColourEncoder()
    encoder.device, encoder.short_side = device, short_side
    settings = ClipSettings(positive_prompts=("red",), negative_prompts=("blue",), title_card_prompts=("green",))
    assert ClipScorer(encoder, settings).batch_size == expected


def test_the_footer_changes_with_the_prompts_and_their_role():
    def footer(positive, negative, title_card=("yellow",)):
        settings = ClipSettings(positive_prompts=positive, negative_prompts=negative, title_card_prompts=title_card)
        return ClipScorer(ColourEncoder(), settings).footer

    first = footer(("red",), ("blue",))
    assert set(first) == {"model_name", "pretrained", "prompts_sha256", "precision"}
    assert all(isinstance(value, str) for value in first.values())
    assert first == footer(("red",), ("blue",))
    assert first["prompts_sha256"] != footer(("blue",), ("red",))["prompts_sha256"]
    assert first["prompts_sha256"] != footer(("red",), ("blue",), ("green",))["prompts_sha256"]
    assert (
        footer(("red", "blue"), ("green",))["prompts_sha256"] != footer(("red",), ("blue", "green"))["prompts_sha256"]
    )


def test_prompts_of_one_side_only_are_refused():
    rows = np.eye(3)
    with pytest.raises(ValueError, match="at least one"):
        clip_scores_from_embeddings(rows, positive=rows, negative=rows[:0])


@pytest.fixture(scope="module")
def settings(tiny_model):
    return ClipSettings(model=tiny_model.name, pretrained=None, checkpoint=tiny_model.checkpoint)


def test_the_scores_of_a_real_model_are_those_computed_by_hand(settings, tiny_model, pictures):
    import open_clip
    import torch
    from PIL import Image

    model, _, preprocess = open_clip.create_model_and_transforms(tiny_model.name, pretrained=str(tiny_model.checkpoint))
    model.eval()
    tokenizer = open_clip.get_tokenizer(tiny_model.name)
    with torch.inference_mode():
        images = model.encode_image(torch.stack([preprocess(Image.fromarray(p)) for p in pictures]), normalize=True)
        positive = model.encode_text(tokenizer(list(settings.positive_prompts)), normalize=True)
        negative = model.encode_text(tokenizer(list(settings.negative_prompts)), normalize=True)
    expected = (images @ positive.T).max(dim=1).values - (images @ negative.T).mean(dim=1)
    np.testing.assert_allclose(score_images(pictures, settings=settings), expected.numpy(), atol=5e-3)


def test_a_score_does_not_depend_on_its_neighbours(settings, pictures):
    together = score_images(pictures * 5, settings=settings)
    by_three = score_images(pictures * 5, settings=settings.model_copy(update={"batch_size": 3}))
    alone = [score_images([picture], settings=settings)[0] for picture in pictures] * 5
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(by_three, alone, atol=1e-4)


def test_a_model_is_loaded_once_for_several_sets_of_prompts(settings):
    first = load_clip_scorer(settings)
    other = load_clip_scorer(settings.model_copy(update={"positive_prompts": ("a cat",)}))
    assert load_clip_scorer(settings) is first
    assert other is not first
    assert other.encoder is first.encoder
    assert first.short_side == 48


def test_a_missing_checkpoint_is_named(tmp_path):
    settings = ClipSettings(checkpoint=tmp_path / "absent.safetensors")
    with pytest.raises(ModelUnavailableError, match=r"clip\.checkpoint names .*absent\.safetensors"):
        score_images([plain(1, 2, 3)], settings=settings)
