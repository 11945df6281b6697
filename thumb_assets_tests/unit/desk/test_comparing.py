"""Settings that can be tried at the desk."""

from pathlib import Path

import pytest

from benchmarks.what_if import write_library
from thumb_assets.desk.comparing import overrides_of, presets, values_of, without_data
from thumb_assets.errors import SettingsError
from thumb_assets.settings.load import load_settings
from thumb_assets.store.kept_candidates import KeptCandidates
from thumb_assets.store.parquet import TableStore


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


@pytest.mark.parametrize("is_few", [True, False])
def test_weights_of_what_nobody_measured_are_named(data_dir: Path, is_few: bool) -> None:
    store = TableStore(data_dir)
    write_library(store, 2, 9)
    video_ids = store.video_ids("candidate_frames") if is_few else None
    found = without_data(store, video_ids, kept=KeptCandidates(store))
    assert {"selection.weights.judge", "selection.weights.learned"} <= set(found)
    assert not {f"selection.weights.{name}" for name in ("sharpness", "clip", "text", "words")} & set(found)
