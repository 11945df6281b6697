import pytest

from thumb_assets.errors import SettingsError
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.settings.presets import load_presets
from thumb_assets.settings.selection import SelectionSettings

NAMES = tuple(load_presets(Settings))


def lines_of(error: pytest.ExceptionInfo[SettingsError]) -> list[str]:
    return str(error.value).splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_is_valid_and_says_what_it_is_for(name):
    preset = load_presets(Settings)[name]
    assert preset.about
    settings = load_settings(overrides=[f"selection.preset={name}"])
    asked = {**preset.values, "selection": {**preset.values.get("selection", {}), "preset": name}}
    assert settings == Settings.model_validate(asked)
    assert settings != Settings.model_validate({"selection": {"preset": name}}), "a preset changes something"


def test_the_presets_that_are_promised_are_there():
    assert {"clean_composition", "face", "action", "high_contrast", "dataset"} <= set(NAMES)


def test_what_is_set_beside_a_preset_wins_in_any_order():
    preset = load_presets(Settings)["clean_composition"].values["selection"]
    overrides = ["selection.preset=clean_composition", "selection.weights.clip=0.9", "selection.top_k=7"]
    for ordered in (overrides, overrides[::-1]):
        settings = load_settings(overrides=ordered).selection
        assert (settings.weights.clip, settings.top_k) == (0.9, 7)
        assert settings.weights.stillness == preset["weights"]["stillness"]
        assert settings.reject.max_text_share == preset["reject"]["max_text_share"]
        assert settings.reject.min_luma_mean == SelectionSettings().reject.min_luma_mean


def test_no_preset_changes_nothing():
    assert load_settings(overrides=["selection.preset=null"]).selection == SelectionSettings()


def test_a_preset_goes_over_the_profile_and_beneath_what_is_set():
    preset = load_presets(Settings)["dataset"].values["selection"]
    both = load_settings("dataset", ["selection.preset=dataset"]).selection
    assert both.top_k == preset["top_k"] != load_settings("dataset").selection.top_k
    assert load_settings("dataset", ["selection.preset=dataset", "selection.top_k=4"]).selection.top_k == 4


def test_what_is_set_beside_a_preset_does_not_stay_in_it():
    (name, weights) = next(
        (name, preset.values["selection"]["weights"])
        for name, preset in load_presets(Settings).items()
        if "weights" in preset.values.get("selection", {})
    )
    before = dict(weights)
    load_settings(
        overrides=[f"selection.preset={name}", "selection.weights.clip=0.123", "selection.weights.text=0.321"]
    )
    assert load_presets(Settings)[name].values["selection"]["weights"] == before


@pytest.mark.parametrize("name", ["~nobody-of-that-name/mine.yaml", "a\0b.yaml"])
def test_a_file_that_cannot_be_named_gets_one_line(name):
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(overrides=[f"selection.preset={name}"])


def test_a_profile_keeps_its_other_settings():
    profile, preset = load_settings("gpu"), load_settings("gpu", ["selection.preset=face"])
    assert preset.clip == profile.clip
    assert preset.selection.face_bonus == load_presets(Settings)["face"].values["selection"]["face_bonus"]


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_a_file_of_one_s_own_is_a_preset(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    path.write_text("about: mine\nselection:\n  top_k: 9\n  reject: {max_motion: 5}\n", encoding="utf-8")
    settings = load_settings(overrides=[f"selection.preset={path}", "selection.reject.max_motion=6"]).selection
    assert (settings.top_k, settings.reject.max_motion) == (9, 6.0)
    assert settings.preset == str(path)


def test_an_unknown_name_is_one_line_with_those_there_are():
    with pytest.raises(SettingsError, match="preset 'sunset' does not exist; choose one of clean_composition") as error:
        load_settings(overrides=["selection.preset=sunset"])
    assert len(lines_of(error)) == 1
    with pytest.raises(SettingsError, match="preset '5' does not exist"):
        load_settings(overrides=["selection.preset=5"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("about: x\nselection: {topk: 2}\n", r"selection\.topk does not exist; did you mean selection\.top_k"),
        ("about: x\nselection: {weights: {clip: -1}}\n", r"selection\.weights\.clip must be a number, at least 0"),
        ("about: x\nselection: {weights: 5}\n", r"selection\.weights is a section"),
        ("about: x\nselection: 5\n", "selection is a section"),
        ("about: x\nsafety: {is_on: perhaps}\n", r"safety\.is_on must be true or false"),
        ("about: x\nsparse: {is_on: true}\niqa: {scope: every_frame}\n", "every_frame needs every frame"),
        ("about: x\n", "sets nothing"),
        ("selection: {top_k: 2}\n", "about: Field required"),
        ("about: x\nselection: {preset: face}\n", "a preset cannot name another one"),
        ("about: x\nselection: {top_k: 2}\nextra: 1\n", "extra does not exist"),
        ("", "the file: "),
        ("- 1\n- 2\n", "the file: "),
        ("about: [\n", "is no YAML"),
        ("about: x\nselection:\n\ttop_k: 2\n", "is no YAML"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path, text, words):
    path = tmp_path / "wrong.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=words) as error:
        load_settings(overrides=[f"selection.preset={path}"])
    assert len(lines_of(error)) == 1
    assert str(path) in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    folder = tmp_path / "folder.yaml"
    folder.mkdir()
    for path in (tmp_path / "absent.yaml", binary, folder):
        with pytest.raises(SettingsError, match=r"\.yaml: cannot be read") as error:
            load_settings(overrides=[f"selection.preset={path}"])
        assert len(lines_of(error)) == 1
        assert str(path) in str(error.value)


def test_a_preset_sets_whatever_sections_it_names(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_text(
        "about: mine\nstills: {format: png}\ncrops: {aspect_ratios: ['1:1']}\njudge: {extra_body: {seed: null}}\n"
    )
    beneath = {"stills": {"jpeg_quality": 80}, "judge": {"extra_body": {"temperature": 1}}}
    settings = load_settings(overrides=[f"selection.preset={path}", "stills.bit_depth=16"], beneath=beneath)
    assert (settings.stills.format, settings.stills.jpeg_quality, settings.stills.bit_depth) == ("png", 80, 16)
    assert settings.crops.aspect_ratios == ("1:1",)
    assert settings.judge.extra_body == {"seed": None}, "a table that is a value is replaced, as in every other layer"


def test_brand_safe_has_pictures_looked_at():
    settings = load_settings(overrides=["selection.preset=brand_safe"])
    assert settings.safety.is_on
    assert settings.selection.reject.max_unsafe_probability < 1
    assert not load_settings().safety.is_on
    assert not load_settings(overrides=["selection.preset=brand_safe", "safety.is_on=false"]).safety.is_on
