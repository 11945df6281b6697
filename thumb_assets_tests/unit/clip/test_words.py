"""A model is asked for no word that it does not know: it would answer with something else, silently."""

from dataclasses import replace

import pytest

from thumb_assets.clip.scorer import load_clip_scorer
from thumb_assets.errors import SettingsError
from thumb_assets.pipeline.guidance import Guides, require_known_words
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.tiny_clip import TinyModel
from thumb_assets_tests.unit.select.builders import Case, candidates_table, clip_table

CASE = Case(candidates_table({0: 0.0, 1: 1.0, 2: 2.0}), clip_scores=clip_table(dict.fromkeys(range(3), 0.2)))
# Words can be of the model alone.
NO_WORDS = ("subtitles.is_on=false", "texts.is_on=false")
UNKNOWN = [
    ("selection.looking_for=a bird", "'bird'"),
    ("selection.avoid=two cars, blurry", "'cars'"),
    ('clip.positive_prompts=["a picture of the sea"]', "'sea'"),
    ('clip.negative_prompts=["a blurry frame", "Berlin"]', "'Berlin'"),
    ('clip.title_card_prompts=["рыба"]', "'рыба'"),
]


@pytest.mark.parametrize(("override", "word"), UNKNOWN)
def test_a_word_that_the_model_does_not_know_is_an_error_before_the_work(override: str, word: str) -> None:
    with pytest.raises(SettingsError, match=rf"thumb-mini does not know the word {word}.*--profile cpu") as error:
        require_known_words(load_settings(overrides=[override, *NO_WORDS]))
    assert "\n" not in str(error.value)


def test_a_word_that_only_subtitles_may_have_is_an_error_of_the_videos_without_any(data_dir) -> None:
    settings = load_settings(overrides=["selection.looking_for=a bird"])
    require_known_words(settings)
    footer = load_clip_scorer(load_settings().clip).footer
    guidance = Guides(settings, TableStore(data_dir)).of_video("clip-0a1b2c3d", footer)
    said = replace(CASE.measured, texts=(("", "A bird!", ""),))
    guidance.require_matched(said)
    assert guidance.said(said).tolist() == [0, 1, 0]
    with pytest.raises(SettingsError, match="does not know the word 'bird'"):
        guidance.require_matched(CASE.measured)


def test_looking_for_such_a_word_never_reorders_silently(data_dir) -> None:
    settings = load_settings(overrides=["selection.looking_for=a bird", *NO_WORDS])
    footer = load_clip_scorer(load_settings().clip).footer
    with pytest.raises(SettingsError, match="does not know the word 'bird'"):
        Guides(settings, TableStore(data_dir)).of_video("clip-0a1b2c3d", footer)


def test_words_that_it_knows_are_read() -> None:
    known = ["selection.looking_for=a sharp, beautiful frame", "selection.avoid=a title card with text"]
    require_known_words(load_settings(overrides=known))
    require_known_words(load_settings())


def test_a_model_of_all_words_is_asked_any(tiny_model: TinyModel) -> None:
    clip = [f"clip.model={tiny_model.name}", f"clip.checkpoint={tiny_model.checkpoint}", "clip.pretrained=null"]
    require_known_words(load_settings(overrides=[*clip, "selection.looking_for=a bird"]))
