"""`thumb-assets settings`, and what the other commands do with a library's settings, as a person types them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from thumb_assets.cli import main
from thumb_assets.settings.config import SETTINGS_FILE
from thumb_assets.settings.edit import set_in_file
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import WITHOUT_MODELS

STAGES = ",".join(WITHOUT_MODELS)


def thumb_assets(data_dir: Path, *arguments: object) -> Result:
    command = [*(str(argument) for argument in arguments), "--data-dir", str(data_dir)]
    result = CliRunner().invoke(main, command)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def suffixes(data_dir: Path) -> set[str]:
    return {path.suffix for path in (data_dir / "stills").rglob("*.*") if path.suffix in {".jpg", ".png"}}


def test_show_set_and_unset(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = thumb_assets(data_dir, "settings", "show")
    assert "all settings have their built-in values" in empty.output
    done = thumb_assets(data_dir, "settings", "set", "selection.top_k=5", "profile=dataset", "backfill.cron=1 2 * * *")
    assert done.exit_code == 0
    assert "backfill.cron: a running `thumb-assets ui`" in done.output
    monkeypatch.setenv("THUMB_ASSETS_STILLS__FORMAT", "jpeg")
    shown = thumb_assets(data_dir, "settings", "show").output
    assert re.search(rf"selection\.top_k +5 +{re.escape(str(data_dir / SETTINGS_FILE))}", shown)
    assert re.search(r"iqa\.scope +every_frame +profile dataset", shown)
    assert re.search(r"stills\.format +jpeg +environment", shown)
    assert "clip.model" not in shown
    assert re.search(r"clip\.model +thumb-mini +built-in", thumb_assets(data_dir, "settings", "show", "clip").output)
    hidden = thumb_assets(data_dir, "settings", "set", "stills.format=png")
    assert "THUMB_ASSETS_STILLS__FORMAT in the environment overrides the file" in hidden.output
    gone = thumb_assets(data_dir, "settings", "unset", "selection.top_k", "selection.max_k")
    assert "selection.max_k is not set in" in gone.output
    assert re.search(r"selection\.top_k +10 +profile dataset", thumb_assets(data_dir, "settings", "show").output)


def test_a_wrong_setting_is_wrong_usage(data_dir: Path) -> None:
    for command in (["settings", "set", "selection.topk=5"], ["settings", "set", "selection.top_k=0"]):
        result = thumb_assets(data_dir, *command)
        assert result.exit_code == 2
        assert len(result.output.splitlines()) == 1
    assert not (data_dir / SETTINGS_FILE).exists()
    (data_dir / SETTINGS_FILE).write_text("[stills]\nformat = 'tiff'\n")
    for command in (["run"], ["backfill", "--dry-run"], ["settings", "show"]):
        result = thumb_assets(data_dir, *command)
        assert result.exit_code == 2
        assert f"{data_dir / SETTINGS_FILE}: setting stills.format" in result.output


def test_a_run_says_how_its_settings_differ_and_what_it_replaces(
    synthetic_videos: Callable[[str], Path], data_dir: Path
) -> None:
    set_in_file(data_dir, ["video.is_isolated=false"])
    path = synthetic_videos("multi_shot")
    first = thumb_assets(data_dir, "run", path, "--stages", STAGES, "--set", "stills.format=png")
    assert first.exit_code == 0, first.output
    differs = [line for line in first.output.splitlines() if "differs from the library's settings" in line]
    assert len(differs) == 1
    assert f"`thumb-assets settings set stills.format=png --data-dir {data_dir}`" in differs[0]
    plain = thumb_assets(data_dir, "run", "--stages", STAGES)
    assert "differs" not in plain.output
    assert "1 video made with stills.format=png, as an earlier run asked for: not changed" in plain.output
    assert suffixes(data_dir) == {".png"}
    dry = thumb_assets(data_dir, "backfill", "--stale", "--dry-run", "--assets", STAGES)
    assert "1 video made with stills.format=png; the settings say jpeg" in dry.output
    assert "nothing to do" not in dry.output
    assert "nothing to do" in thumb_assets(data_dir, "backfill", "--dry-run", "--assets", STAGES).output
    thumb_assets(data_dir, "settings", "set", "stills.format=png")
    thumb_assets(data_dir, "run", "--stages", STAGES)
    thumb_assets(data_dir, "settings", "unset", "stills.format")
    changed = thumb_assets(data_dir, "run", "--stages", STAGES)
    assert "replaced stills of 1 video: stills.format=jpeg (was png)" in changed.output
    assert suffixes(data_dir) == {".jpg"}


def test_a_stage_that_an_earlier_run_asked_for_is_kept_current(
    synthetic_videos: Callable[[str], Path], data_dir: Path
) -> None:
    set_in_file(data_dir, ["video.is_isolated=false"])
    path = synthetic_videos("multi_shot")
    assert thumb_assets(data_dir, "run", path, "--set", "chapters.is_on=true").exit_code == 0
    store = TableStore(data_dir)
    (video_id,) = store.video_ids("chapters")
    before = store.read("chapters", video_id)
    set_in_file(data_dir, ["candidates.uniform_interval_seconds=0.2"])
    again = thumb_assets(data_dir, "run")
    assert again.exit_code == 0, again.output
    assert "chapters.is_on=true" in again.output
    after = store.read("chapters", video_id)
    assert sum(after["num_candidates"].to_pylist()) == store.read("candidate_frames", video_id).num_rows
    assert sum(after["num_candidates"].to_pylist()) > sum(before["num_candidates"].to_pylist())
    off = thumb_assets(data_dir, "run", "--set", "chapters.is_on=false")
    assert off.exit_code == 0, off.output


def test_what_is_applied_for_good_stays(synthetic_videos: Callable[[str], Path], data_dir: Path) -> None:
    set_in_file(data_dir, ["video.is_isolated=false"])
    thumb_assets(data_dir, "run", synthetic_videos("multi_shot"), "--stages", STAGES)
    applied = thumb_assets(data_dir, "what-if", "--apply", "--set", "selection.top_k=1")
    assert applied.exit_code == 0, applied.output
    assert "top_k = 1" in (data_dir / SETTINGS_FILE).read_text()
    store = TableStore(data_dir)
    (video_id,) = store.video_ids("selections")
    before = store.table_path("selections", video_id).stat().st_mtime_ns
    assert thumb_assets(data_dir, "run", "--stages", STAGES).exit_code == 0
    assert store.read("selections", video_id).num_rows == 1
    assert store.table_path("selections", video_id).stat().st_mtime_ns == before
    assert "nothing to do" in thumb_assets(data_dir, "backfill", "--stale", "--dry-run", "--assets", STAGES).output
    one = thumb_assets(data_dir, "what-if", video_id, "--apply", "--set", "selection.top_k=2")
    assert "these videos keep the settings" in one.output
    assert thumb_assets(data_dir, "run", "--stages", STAGES).exit_code == 0
    assert store.read("selections", video_id).num_rows == 2
