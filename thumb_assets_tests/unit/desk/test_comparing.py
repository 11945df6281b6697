"""Settings that can be tried at the desk."""

import pytest

from thumb_assets.desk.comparing import overrides_of, presets, values_of
from thumb_assets.errors import SettingsError
from thumb_assets.settings.load import load_settings


def test_what_can_be_tried_can_be_set_to_what_it_is() -> None:
    settings = load_settings()
    values = values_of(settings)
    assert len(values) == 4 + len(settings.selection.weights.model_dump())
    assert load_settings(overrides=overrides_of(values)) == settings


def test_every_preset_can_be_tried() -> None:
    for name in presets():
        assert load_settings(overrides=overrides_of({"selection.preset": name})).selection.preset == name


@pytest.mark.parametrize(
    "changes",
    [
        {"judge.url": "http://evil.example"},
        {"export.ffmpeg_path": "/bin/sh"},
        {"selection.preset": "/etc/passwd.yaml"},
        {"selection.weights.nothing": 1},
        {"selection.top_k=1 --set judge.url": "x"},
    ],
)
def test_nothing_else_can_be_set(changes: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        overrides_of(changes)


def test_words_stay_words() -> None:
    (override,) = overrides_of({"selection.looking_for": '5" = "x"'})
    assert load_settings(overrides=[override]).selection.looking_for == '5" = "x"'
