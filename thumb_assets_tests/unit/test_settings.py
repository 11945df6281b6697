from pathlib import Path

import pytest
from pydantic import ValidationError

from thumb_assets.errors import SettingsError
from thumb_assets.settings import PROFILES, Settings, data_dir, load_settings, settings_sha256


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_loads(profile: str) -> None:
    assert isinstance(load_settings(profile), Settings)


def test_dataset_profile_scores_every_frame() -> None:
    assert load_settings("dataset").iqa.scope == "every_frame"


def test_overrides_are_parsed_as_json_else_as_text() -> None:
    settings = load_settings(
        overrides=["selection.top_k=7", "shots.detector=content", 'iqa.metrics=["niqe","piqe"]', "clip.pretrained=null"]
    )
    assert settings.selection.top_k == 7
    assert settings.shots.detector == "content"
    assert settings.iqa.metrics == ("niqe", "piqe")
    assert settings.clip.pretrained is None


def test_an_override_may_name_a_nested_section() -> None:
    assert load_settings(overrides=["selection.weights.clip=0"]).selection.weights.clip == 0


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("selection.topk=3", "selection.topk"),
        ("nowhere.x=3", "nowhere"),
        ("selection.top_k=0", "greater than or equal to 1"),
        ("selection.top_k", "section.name=value"),
        ("top_k=3", "section.name=value"),
    ],
)
def test_a_wrong_override_is_one_clear_line(override: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(overrides=[override])
    assert "\n" not in str(caught.value)


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="default"):
        load_settings("fastest")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        load_settings().selection.top_k = 5  # type: ignore[misc]


def test_hash_follows_values_not_batches() -> None:
    default = load_settings()
    other_batch = load_settings(overrides=["clip.batch_size=1", "clip.on_unavailable=error"])
    other_model = load_settings(overrides=["clip.model=RN50"])
    assert settings_sha256(default.clip) == settings_sha256(other_batch.clip)
    assert settings_sha256(default.clip) != settings_sha256(other_model.clip)


def test_data_dir_order(tmp_path: Path) -> None:
    environ = {"THUMB_ASSETS_DATA_DIR": str(tmp_path / "named")}
    assert data_dir(tmp_path / "given", environ) == tmp_path / "given"
    assert data_dir(None, environ) == tmp_path / "named"
    assert data_dir(None, {}) == Path.cwd() / "data"
