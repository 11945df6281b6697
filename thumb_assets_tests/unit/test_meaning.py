"""The meaning of texts as vectors."""

from pathlib import Path

import numpy as np
import pytest

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.meaning import SentenceEncoder
from thumb_assets.select.words import LikenessOfMeaning
from thumb_assets.stages.selections import MODELS_OF_WORDS
from thumb_assets.weights.resolve import resolve_file

SAID = ["Children learn to read at the age of six.", "", "It will rain all weekend.", "The rocket lifts off."]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    try:
        return SentenceEncoder(*(resolve_file(name, allow_download=False) for name in MODELS_OF_WORDS))
    except ModelUnavailableError as error:
        pytest.skip(str(error))


def test_likenesses_are_those_that_the_authors_publish(encoder):
    vectors = encoder.encode(["That is a happy person", "That is a very happy person", "Today is a sunny day"])
    assert vectors[0] @ vectors.T == pytest.approx([1.0, 0.9429, 0.2569], abs=1e-4)


def test_a_text_has_the_same_meaning_alone_and_among_others(encoder):
    texts = ["short", "a text that is quite a bit longer than the other one, and so they are padded", ""]
    together = encoder.encode(texts)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, atol=1e-5)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert encoder.encode([]).shape == (0, 384)


def test_case_and_accents_are_passed_over_and_long_texts_cut(encoder):
    same = encoder.encode(["Kraków\u200b", "KRAKOW"])
    np.testing.assert_allclose(same[0], same[1], atol=1e-5)
    assert np.isfinite(encoder.encode(["word " * 100_000, "x" * 100_000, "\x00\ufffd 日本語 🎉"])).all()


def test_words_of_other_languages_fall_into_many_pieces(encoder):
    assert encoder.pieces_per_word("we have to spend less money next year") == 1
    assert encoder.pieces_per_word("das ist ein ganz gewöhnlicher deutscher Satz über den Haushalt") > 1.7
    assert encoder.pieces_per_word("هذا نص عربي") > 1.7
    assert encoder.pieces_per_word("12 !?") == 0


@pytest.mark.parametrize(("query", "place"), [("primary school", 0), ("weather forecast", 2), ("space launch", 3)])
def test_a_text_is_found_by_its_meaning(encoder, query, place):
    likeness = LikenessOfMeaning(encoder)(query, SAID)
    assert likeness.argmax() == place
    assert (likeness[1], likeness.min() >= 0, likeness.max() <= 1) == (0, True, True)


def test_its_own_words_are_as_like_as_can_be(encoder):
    assert LikenessOfMeaning(encoder)("rocket", SAID).tolist()[3] == 1
    assert not LikenessOfMeaning(encoder)("quantum mechanics", SAID).any()


@pytest.mark.parametrize(
    ("query", "texts", "reason"),
    [
        ("weather", ["Morgen regnet es", "Gestern war die Sitzung des Haushaltsausschusses"], "there is not English"),
        ("天気", SAID, "the words are not English"),
        ("weather", ["明日は雨です"], "there is not English"),
    ],
)
def test_what_is_not_english_is_compared_by_its_words(encoder, query, texts, reason):
    likeness = LikenessOfMeaning(encoder)
    assert reason in (likeness.why_plain(query, texts) or "")
    assert not likeness(query, texts).any()
    assert likeness.why_plain("weather", SAID) is None


def test_other_files_are_refused_in_one_line(tmp_path: Path):
    for name in ("weights", "words"):
        (tmp_path / name).write_bytes(b"junk")
    with pytest.raises(ModelUnavailableError, match="are not all-MiniLM-L6-v2") as error:
        SentenceEncoder(tmp_path / "weights", tmp_path / "words")
    assert "\n" not in str(error.value)
