"""Guidance of a choice: the library's scores if they are of the same kind, words if the model is the same."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thumb_assets.clip.scorer import load_clip_scorer
from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.pipeline.guidance import Guides, guides_sha256
from thumb_assets.pipeline.stages import stage_key
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.stages.selections import words_without_say
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.survey import reference_path, write_reference

VIDEO = "clip-0a1b2c3d"
CLIP = {"model_name": "made-up", "pretrained": "none", "prompts_sha256": "c"}
VALUES = {"sharpness": np.array([1.0, 2.0]), "clip": np.array([0.1, 0.2])}
WORDS = ["selection.looking_for=a sharp frame", "selection.avoid=a title card"]


@pytest.fixture
def store(data_dir: Path) -> TableStore:
    store = TableStore(data_dir)
    write_reference(store, VALUES, clip=CLIP)
    return store


def library_of(store: TableStore, footer: dict[str, str] | None, *overrides: str) -> set[str]:
    settings = load_settings(overrides=overrides)
    return set(Guides(settings, store).of_video(VIDEO, footer).library)


def test_scores_of_clip_count_beside_those_of_the_same_model_and_prompts(store: TableStore) -> None:
    assert library_of(store, {**CLIP, "precision": "fp32"}) == {"sharpness", "clip"}
    for key in CLIP:
        assert library_of(store, {**CLIP, key: "another"}) == {"sharpness"}
    assert library_of(store, None) == {"sharpness"}


def test_without_a_survey_or_a_share_the_library_has_no_say(store: TableStore, data_dir: Path) -> None:
    assert library_of(store, CLIP, "selection.library_weight=0") == set()
    assert library_of(TableStore(data_dir / "another"), CLIP) == set()


def test_damaged_scores_have_no_say_and_a_note_says_so(store: TableStore) -> None:
    reference_path(store).write_bytes(b"junk")
    assert library_of(store, CLIP) == set()
    (note,) = Guides(load_settings(overrides=["selection.library_weight=0.5"]), store).notes
    assert note.startswith(f"{reference_path(store)}: is damaged")
    assert note.endswith("until then frames are chosen without it")
    assert library_of(store, CLIP, "selection.library_weight=0") == set()


def test_words_are_read_by_the_model_of_the_embeddings(store: TableStore) -> None:
    settings = load_settings(overrides=WORDS)
    scorer = load_clip_scorer(settings.clip)
    guided = Guides(settings, store).of_video(VIDEO, scorer.footer)
    for words, text in ((guided.looking_for, "a sharp frame"), (guided.avoid, "a title card")):
        assert words is not None
        np.testing.assert_array_equal(words, scorer.encoder.encode_texts([text]))
    one = Guides(load_settings(overrides=WORDS[:1]), store).of_video(VIDEO, scorer.footer)
    assert one.avoid is None


def test_words_of_another_model_are_refused_in_one_line(store: TableStore) -> None:
    with pytest.raises(
        SettingsError, match=r"clip-0a1b2c3d: its embeddings are of the model made-up \(none\)"
    ) as error:
        Guides(load_settings(overrides=[*WORDS, "subtitles.is_on=false", "texts.is_on=false"]), store).of_video(
            VIDEO, CLIP
        )
    assert "\n" not in str(error.value)


def test_words_without_embeddings_have_no_say_and_that_is_said(store: TableStore) -> None:
    settings = load_settings(overrides=WORDS)
    guided = Guides(settings, store).of_video(VIDEO, None)
    assert (guided.looking_for, guided.avoid) == (None, None)
    note = words_without_say(settings, None, None, has_text=False)
    assert note is not None
    assert "selection.looking_for and selection.avoid have no say" in note
    assert words_without_say(settings, CLIP, None, has_text=False) is None
    assert words_without_say(load_settings(), None, None, has_text=False) is None


def test_words_that_only_subtitles_were_held_against_are_noted(store: TableStore) -> None:
    settings = load_settings(overrides=WORDS)
    unread = Guides(settings, store).of_video(VIDEO, CLIP).unread
    note = words_without_say(settings, CLIP, unread, has_text=True)
    assert note is not None
    assert note.startswith("only subtitles and writing were searched for selection.looking_for")
    assert "clip-0a1b2c3d: its embeddings are of the model made-up" in note
    assert "no embeddings" in (words_without_say(settings, None, None, has_text=True) or "")


def test_a_model_that_is_not_allowed_reads_no_words(store: TableStore) -> None:
    overrides = [*WORDS, "clip.model=MobileCLIP-S1", "clip.pretrained=datacompdr", "models.licence=commercial"]
    overrides += ["subtitles.is_on=false", "texts.is_on=false"]
    with pytest.raises(ModelUnavailableError):
        Guides(load_settings(overrides=overrides), store).of_video(VIDEO, CLIP)


def key_of(store: TableStore, settings: Settings) -> str:
    inputs = {"candidate_frames": hashlib.sha256(b"").hexdigest()}
    return stage_key("selections", settings, source=("a", "b"), inputs=inputs, guides=guides_sha256(settings, store))


def test_selections_are_made_anew_after_a_survey_that_found_other_scores(store: TableStore) -> None:
    settings = load_settings()
    first = key_of(store, settings)
    write_reference(store, VALUES, clip=CLIP)
    assert key_of(store, settings) == first
    write_reference(store, {"sharpness": np.array([1.0, 3.0])}, clip={})
    assert key_of(store, settings) != first
    without = load_settings(overrides=["selection.library_weight=0"])
    before = key_of(store, without)
    write_reference(store, None, clip={})
    assert key_of(store, without) == before


def test_what_guides_a_run_is_what_its_tables_say_they_are_made_of(store: TableStore) -> None:
    """A survey beside the run writes other scores between two looks at the file."""
    settings = load_settings()
    others = [{"sharpness": np.array([5.0])}]

    class GuidesBesideASurvey(Guides):
        def _read(self, sha256: Any) -> Any:
            found = super()._read(sha256)
            if others:
                write_reference(store, others.pop(), clip={})
            return found

    guides = GuidesBesideASurvey(settings, store)
    assert guides.sha256 == guides_sha256(settings, store)
    np.testing.assert_array_equal(guides.of_video(VIDEO, None).library["sharpness"], [5.0])
    write_reference(store, VALUES, clip=CLIP)
    np.testing.assert_array_equal(guides.of_video(VIDEO, None).library["sharpness"], [5.0])
    assert guides.sha256 != guides_sha256(settings, store)
