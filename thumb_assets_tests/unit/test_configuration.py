"""The settings of a library: which layer wins, what a wrong file says, what an edit keeps."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thumb_assets.errors import SettingsError
from thumb_assets.settings.config import flat, nested, read_configuration, read_settings, settings_path, variable_of
from thumb_assets.settings.edit import set_in_file, unset_in_file
from thumb_assets.settings.load import PROFILES, Settings

# Settings that some profile sets and others that none does, each with values that are always valid.
VALUES: dict[str, list[Any]] = {
    "selection.top_k": [1, 5, 10, "auto"],
    "stills.format": ["jpeg", "png"],
    "clip.batch_size": [1, 32, 64],
    "faces.detector": ["none", "yunet"],
    "candidates.uniform_interval_seconds": [0.5, None],
    "selection.weights.sharpness": [0.0, 0.7],
    "iqa.metrics": [["piqe"], ["musiq"]],
    "backfill.cron": ["0 3 * * *"],
    "video.is_isolated": [True, False],
}
layer = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()})


@contextmanager
def environment(values: dict[str, Any]) -> Iterator[None]:
    """The variables as a shell would have them."""
    texts = {
        variable_of(name): value if isinstance(value, str) else json.dumps(value) for name, value in values.items()
    }
    os.environ.update(texts)
    try:
        yield
    finally:
        for name in texts:
            del os.environ[name]


def value_of(settings: Settings, name: str) -> Any:
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return list(value) if isinstance(value, tuple) else value


@settings(max_examples=40)
@given(
    profile_in_file=st.none() | st.sampled_from(sorted(PROFILES)),
    profile=st.none() | st.sampled_from(sorted(PROFILES)),
    in_file=layer,
    in_environment=layer,
    options=layer,
)
def test_the_highest_layer_that_names_a_setting_decides(
    tmp_path_factory: pytest.TempPathFactory,
    profile_in_file: str | None,
    profile: str | None,
    in_file: dict[str, Any],
    in_environment: dict[str, Any],
    options: dict[str, Any],
) -> None:
    data_dir = tmp_path_factory.mktemp("data")
    lines = [f"{name}={json.dumps(value)}" for name, value in in_file.items()]
    set_in_file(data_dir, [*lines, *([f"profile={profile_in_file}"] if profile_in_file else [])])
    with environment(in_environment):
        overrides = [f"{name}={json.dumps(value)}" for name, value in options.items()]
        configuration = read_configuration(data_dir, profile=profile, overrides=overrides)
    of_profile = dict(flat(PROFILES[profile or profile_in_file or "default"]))
    built_in = Settings()
    for name in VALUES:
        layers = {
            f"profile {profile or profile_in_file}": of_profile,
            str(settings_path(data_dir)): in_file,
            "environment": in_environment,
            "--set": options,
        }
        naming = [(origin, values[name]) for origin, values in layers.items() if name in values]
        expected = naming[-1][1] if naming else value_of(built_in, name)
        assert value_of(configuration.settings, name) == expected
        assert configuration.origins.get(name) == (naming[-1][0] if naming else None)
        below = [
            values[name] for values in (dict(flat(PROFILES[profile_in_file or "default"])), in_file) if name in values
        ]
        assert value_of(configuration.library, name) == (below[-1] if below else value_of(built_in, name))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[selection]\ntop_k = 0\n", "thumb_assets.toml: setting selection: top_k is a number from 1"),
        (
            "[selection]\ntopk = 3\n",
            "thumb_assets.toml: setting selection.topk does not exist; did you mean selection.top_k?",
        ),
        ("[selecton]\ntop_k = 3\n", "thumb_assets.toml: setting selecton"),
        ("[stills]\nformat = 'tiff'\n", "thumb_assets.toml: setting stills.format must be one of jpeg, png"),
        ("profile = 'fastest'\n", "thumb_assets.toml: profile 'fastest' does not exist"),
        ("[selection\n", "thumb_assets.toml: is no TOML"),
        ("selection = 3\n", "thumb_assets.toml: setting selection is a section"),
        (
            "[sparse]\nis_on = true\n[iqa]\nscope = 'every_frame'\n",
            "thumb_assets.toml: settings: iqa.scope every_frame needs",
        ),
        (b"\xff\xfe", "thumb_assets.toml: cannot be read"),
    ],
)
def test_a_wrong_file_is_one_line_with_file_and_key(data_dir: Path, text: str | bytes, words: str) -> None:
    settings_path(data_dir).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as error:
        read_settings(data_dir)
    assert words in str(error.value)
    assert str(data_dir) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("THUMB_ASSETS_SELECTION__TOP_K", "0", "environment (THUMB_ASSETS_SELECTION): setting selection: top_k"),
        ("THUMB_ASSETS_STILLS__FORMAT", "tiff", "environment (THUMB_ASSETS_STILLS__FORMAT): setting stills.format"),
        ("THUMB_ASSETS_SELECTON__TOP_K", "5", "THUMB_ASSETS_SELECTON__TOP_K: there is no section 'selecton'"),
        ("THUMB_ASSETS_IQA__METRICS", "[piqe", "environment: "),
    ],
)
def test_a_wrong_variable_is_named(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as error:
        read_settings(data_dir)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_folders_and_secrets_are_no_settings(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA_DIR", "MODELS_DIR", "JUDGE_KEY", "PUBLISH_SQL_URL", "PUBLISH_TOKEN"):
        monkeypatch.setenv(f"THUMB_ASSETS_{name}", "/somewhere")
    assert read_settings(data_dir) == Settings()


def test_the_highest_preset_lies_beneath_its_own_layer(data_dir: Path) -> None:
    set_in_file(data_dir, ["selection.preset=clean_composition", "selection.top_k=7"])
    of_file = read_configuration(data_dir)
    assert of_file.settings.selection.top_k == 7
    changed = {name for name, origin in of_file.origins.items() if origin.startswith("preset clean_composition")}
    assert changed
    none = read_settings(data_dir, overrides=["selection.preset=null"])
    assert none.selection == Settings().selection.model_copy(update={"top_k": 7})


def test_paths_are_those_of_who_names_them(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    set_in_file(data_dir, ["clip.checkpoint=mine.safetensors"])
    assert read_settings(data_dir).clip.checkpoint == tmp_path / "mine.safetensors"
    settings_path(data_dir).write_text("[clip]\ncheckpoint = 'beside.safetensors'\n")
    assert read_settings(data_dir).clip.checkpoint == data_dir / "beside.safetensors"


COMMENTED = """# our library
profile = "sparse"  # fast

[selection]
# three were too few
top_k = 4

[stills]
format = "png"
"""


def test_an_edit_keeps_comments_and_order(data_dir: Path) -> None:
    path = settings_path(data_dir)
    path.write_text(COMMENTED)
    set_in_file(data_dir, ["selection.top_k=5", "selection.weights.clip=0.5"])
    text = path.read_text()
    assert text.startswith(COMMENTED.replace("top_k = 4", "top_k = 5").partition("\n[stills]")[0].rstrip())
    assert read_settings(data_dir).selection.weights.clip == 0.5
    assert unset_in_file(data_dir, ["selection.weights", "stills.format", "stills.bit_depth"]) == [
        "selection.weights",
        "stills.format",
    ]
    assert "[stills]" not in path.read_text()
    assert "# three were too few" in path.read_text()
    assert read_settings(data_dir).sparse.is_on


@pytest.mark.parametrize("wrong", ["selection.top_k=0", "selection.topk=3", "profile=fastest", "iqa.scope=every_frame"])
def test_a_wrong_edit_changes_nothing(data_dir: Path, wrong: str) -> None:
    settings_path(data_dir).write_text(COMMENTED)
    with pytest.raises(SettingsError):
        set_in_file(data_dir, ["selection.min_gap_seconds=2", wrong])
    assert settings_path(data_dir).read_text() == COMMENTED
    assert {path.name for path in data_dir.iterdir()} <= {"thumb_assets.toml", ".thumb_assets.toml.lock"}


def test_a_wrong_line_can_be_taken_out(data_dir: Path) -> None:
    settings_path(data_dir).write_text(COMMENTED + 'fromat = "png"\n')
    with pytest.raises(SettingsError, match="fromat"):
        set_in_file(data_dir, ["selection.top_k=5"])
    assert unset_in_file(data_dir, ["stills.fromat"]) == ["stills.fromat"]
    assert settings_path(data_dir).read_text() == COMMENTED


def test_flat_and_nested_are_opposites() -> None:
    values = Settings().model_dump(mode="json")
    assert nested(dict(flat(values))) == values
