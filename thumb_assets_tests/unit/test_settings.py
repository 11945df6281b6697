from pathlib import Path

import pytest
from pydantic import ValidationError

from thumb_assets.errors import SettingsError
from thumb_assets.settings.environment import JUDGE_KEY_VARIABLE, data_dir, judge_key, models_cache_dir
from thumb_assets.settings.load import PROFILES, Settings, load_settings, settings_sha256


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_loads(profile: str) -> None:
    assert isinstance(load_settings(profile), Settings)


def test_dataset_profile_scores_every_frame() -> None:
    assert load_settings("dataset").iqa.scope == "every_frame"


@pytest.mark.parametrize(
    ("profile", "clip", "metrics"),
    [
        ("cpu", ("ViT-B-32-256", "datacomp_s34b_b86k"), ("musiq",)),
        ("gpu", ("ViT-L-14", "datacomp_xl_s13b_b90k"), ("topiq_nr",)),
    ],
)
def test_profiles_for_a_machine_name_their_models_themselves(
    profile: str, clip: tuple[str, str], metrics: tuple[str, ...]
) -> None:
    assert {"model", "pretrained"} <= set(PROFILES[profile]["clip"]), "not left to the defaults"
    settings = load_settings(profile)
    assert (settings.clip.model, settings.clip.pretrained) == clip
    assert settings.iqa.metrics == metrics
    assert settings.faces.detector == "yunet"


def test_an_override_wins_over_the_profile() -> None:
    settings = load_settings("gpu", ["clip.model=RN50", "clip.pretrained=openai"])
    assert (settings.clip.model, settings.clip.pretrained) == ("RN50", "openai")
    assert settings.clip.batch_size == load_settings("gpu").clip.batch_size


def test_the_default_profile_is_the_default_settings() -> None:
    assert load_settings() == Settings()
    assert Settings().models.licence == "research"


def test_the_licence_changes_no_value_and_so_no_hash() -> None:
    commercial = load_settings(overrides=["models.licence=commercial", 'models.allow=["piqe"]'])
    assert commercial.models.allow == ("piqe",)
    assert settings_sha256(commercial.iqa, commercial.clip) == settings_sha256(
        load_settings().iqa, load_settings().clip
    )
    with pytest.raises(SettingsError, match=r"models\.licence"):
        load_settings(overrides=["models.licence=any"])


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
        ("selection.top_k=0", "top_k is a number from 1 to 1000, or auto"),
        ("selection.top_k", "section.name=value"),
        ("top_k=3", "section.name=value"),
    ],
)
def test_a_wrong_override_is_one_clear_line(override: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(overrides=[override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["judge.url=http://127.0.0.1:8000/v1"], "judge.url needs judge.model"),
        (["judge.url=ftp://127.0.0.1/v1", "judge.model=m"], "of the form http"),
        (["judge.url=http://127.0.0.1:port/v1", "judge.model=m"], "of the form http"),
        (["judge.url=http:///v1", "judge.model=m"], "of the form http"),
        (["judge.url=http://user:secret@host/v1", "judge.model=m"], "THUMB_ASSETS_JUDGE_KEY"),
        (["judge.url=http://host/v1?key=secret", "judge.model=m"], "THUMB_ASSETS_JUDGE_KEY"),
        (["judge.max_candidates=65"], "at most 64"),
        (['judge.extra_body={"messages": []}'], "may not hold 'messages'"),
        (["judge.url=http://h/v1", "judge.model=m", "video.stall_seconds=30"], "judge.timeout_seconds must be less"),
    ],
)
def test_a_judge_that_cannot_be_is_refused(overrides: list[str], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(overrides=overrides)
    assert "secret" not in str(caught.value)


def test_the_judge_is_off_by_default_and_by_an_empty_url() -> None:
    assert load_settings().judge.url is None
    assert load_settings(overrides=["judge.url="]).judge.url is None
    assert load_settings(overrides=["judge.url=http://h/v1/", "judge.model=m"]).judge.url == "http://h/v1"


def test_the_judges_key_comes_from_the_environment() -> None:
    assert judge_key({}) is None
    assert judge_key({JUDGE_KEY_VARIABLE: " sk-1\n"}) == "sk-1"
    with pytest.raises(SettingsError, match=JUDGE_KEY_VARIABLE) as caught:
        judge_key({JUDGE_KEY_VARIABLE: "sk-\r\nX: 1"})
    assert "sk-" not in str(caught.value)


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


def test_models_from_plain_addresses_are_kept_in_the_users_cache(tmp_path: Path) -> None:
    assert models_cache_dir({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "thumb_assets" / "models"
    assert models_cache_dir({}) == Path.home() / ".cache" / "thumb_assets" / "models"


def test_aspect_ratios_are_whole_numbers_and_each_once() -> None:
    assert load_settings().crops.aspect_ratios == ()
    assert load_settings(overrides=['crops.aspect_ratios=["16:9","100:1"]']).crops.aspect_ratios == ("16:9", "100:1")


@pytest.mark.parametrize(
    ("ratios", "words"),
    [
        ('["16/9"]', "'16/9' is not W:H"),
        ('["0:1"]', "'0:1' is not W:H"),
        ('["101:1"]', "from 1 to 100"),
        ('["1.5:1"]', "is not W:H"),
        ('["-1:1"]', "is not W:H"),
        ('["1:1\\n"]', "is not W:H"),
        ('["1:1","4:5","1:1"]', "given twice"),
        ("16:9", "must be a list"),
    ],
)
def test_other_aspect_ratios_are_refused(ratios: str, words: str) -> None:
    with pytest.raises(SettingsError, match=r"crops\.aspect_ratios") as caught:
        load_settings(overrides=[f"crops.aspect_ratios={ratios}"])
    assert words in str(caught.value)


def test_a_file_that_names_the_former_way_of_proving_stays_valid():
    assert load_settings(overrides=["export.verification=seek"]).export.verification == "decode"
