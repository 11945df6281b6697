"""`thumb-assets backfill` and `prune` as a person types them, over a library folder."""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result
from dagster._daemon.types import DaemonHeartbeat

from thumb_assets.cli import main
from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.instance import open_instance
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.parquet import TableStore

MakeVideo = Callable[[str], Path]
STAGES = "videos,frames,shots,candidate_frames,sharpness,selections,stills"


def thumb_assets(*arguments: object) -> Result:
    command = [str(argument) for argument in arguments]
    if command[0] == "backfill":
        command[1:1] = ["--set", "video.is_isolated=false", "--set", "backfill.retry_seconds=[]", "--assets", STAGES]
    result = CliRunner().invoke(main, command)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def library(synthetic_videos: MakeVideo, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of three videos of which nothing was run; commands take its data folder."""
    monkeypatch.setenv("THUMB_ASSETS_DATA_DIR", str(data_dir))
    folder = data_dir / "videos"
    folder.mkdir()
    for name in ("cfr", "multi_shot", "vfr"):
        shutil.copyfile(synthetic_videos(name), folder / f"{name}.mp4")
    return folder


def done(data_dir: Path) -> set[str]:
    return {video_id.rpartition("-")[0] for video_id in TableStore(data_dir).video_ids("stills")}


def test_a_dry_run_says_what_is_left_and_does_nothing(library: Path, data_dir: Path) -> None:
    (library / "bad.mp4").write_bytes(b"no video")
    result = thumb_assets("backfill", "--dry-run")
    assert result.exit_code == 0
    assert re.search(r"4\s+missing", result.output)
    assert "1 of them unreadable" in result.output
    assert "GB of disk" in result.output
    assert done(data_dir) == set()
    assert not (data_dir / "dagster").exists()


def test_a_limit_takes_the_first(library: Path, data_dir: Path) -> None:
    assert thumb_assets("backfill", "--limit", 1).exit_code == 0
    assert done(data_dir) == {"cfr"}
    assert thumb_assets("backfill", "--limit", 1).exit_code == 0
    assert done(data_dir) == {"cfr", "multi_shot"}
    assert library.is_dir()


@pytest.mark.slow
def test_what_failed_for_good_is_told_apart(library: Path, data_dir: Path) -> None:
    (library / "bad.mp4").write_bytes(b"no video")
    assert thumb_assets("backfill").exit_code == 1
    assert done(data_dir) == {"cfr", "multi_shot", "vfr"}
    left = thumb_assets("backfill", "--dry-run", "--failed").output
    assert re.search(r"3\s+done", left)
    assert re.search(r"1\s+failed, not retried automatically", left)
    assert "no video of 4 is stale" in thumb_assets("backfill", "--stale").output
    assert "no video of 4 is missing; 1 video is failed (--failed)" in thumb_assets("backfill").output


@pytest.mark.slow
def test_other_settings_make_videos_stale(library: Path, data_dir: Path) -> None:
    assert thumb_assets("backfill").exit_code == 0
    arguments = ("backfill", "--stale", "--set", "stills.format=png")
    assert re.search(r"3\s+stale", thumb_assets(*arguments, "--dry-run").output)
    assert thumb_assets(*arguments, "--limit", 2).exit_code == 0
    assert len(list((data_dir / "stills").rglob("*.png"))) > 0
    assert re.search(r"1\s+stale", thumb_assets(*arguments, "--dry-run").output)
    assert library.is_dir()


def test_a_launched_backfill_waits_for_the_daemon(library: Path, data_dir: Path) -> None:
    with open_instance(TableStore(data_dir)) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "BACKFILL", "id", errors=[]))
    result = thumb_assets("backfill", "--launch")
    assert result.exit_code == 0, result.output
    assert "3 videos" in result.output
    assert done(data_dir) == set()
    with open_instance(TableStore(data_dir)) as instance:
        (backfill,) = instance.get_backfills()
        assert backfill.title == "thumb_backfill"
        assert len(instance.get_dynamic_partitions("videos")) == 3
    assert library.is_dir()


def test_prune_removes_what_was_made_of_files_that_are_gone(library: Path, data_dir: Path) -> None:
    assert thumb_assets("backfill").exit_code == 0
    assert "nothing to remove" in thumb_assets("prune").output
    (library / "vfr.mp4").unlink()
    (made,) = (data_dir / "stills").glob("vfr-*")
    (data_dir / "stills" / f".tmp-{made.name}-0123456789abcdef").mkdir()  # as a killed run leaves it
    dry = thumb_assets("prune", "--dry-run")
    assert "would be removed" in dry.output
    assert "vfr-" in dry.output
    assert done(data_dir) == {"cfr", "multi_shot", "vfr"}
    assert thumb_assets("prune").exit_code == 0
    assert done(data_dir) == {"cfr", "multi_shot"}
    assert not [path for path in data_dir.rglob("*vfr-*") if "dagster" not in path.parts]
    rows = Catalog(TableStore(data_dir).catalog_path).query("SELECT DISTINCT video_id FROM frames")
    assert {row["video_id"].rpartition("-")[0] for row in rows} == {"cfr", "multi_shot"}
    with open_instance(TableStore(data_dir)) as instance:
        assert len(instance.get_dynamic_partitions("videos")) == 2
    assert "nothing to remove" in thumb_assets("prune").output


@pytest.mark.slow
def test_prune_waits_for_what_is_under_way(library: Path, data_dir: Path) -> None:
    assert thumb_assets("backfill", "--limit", 2).exit_code == 0
    before = done(data_dir)
    (library / "cfr.mp4").unlink()
    job = build_definitions(resource=ThumbAssetsResource(data_dir=str(data_dir))).resolve_job_def("thumbnails")
    with open_instance(TableStore(data_dir)) as instance:
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        result = thumb_assets("prune")
        assert result.exit_code == 1
        assert f"run {run.run_id[:8]}" in result.output
        assert "wait until it is done" in result.output
        assert done(data_dir) == before
        assert len(instance.get_dynamic_partitions("videos")) == 2
        assert thumb_assets("prune", "--dry-run").exit_code == 0
        instance.report_run_canceled(run)
    assert thumb_assets("prune").exit_code == 0
    assert done(data_dir) == before - {"cfr"}


def test_a_launch_without_a_daemon_says_so(library: Path, data_dir: Path) -> None:
    result = thumb_assets("backfill", "--launch")
    assert result.exit_code == 1
    assert "daemon does not run: start `thumb-assets ui`" in result.output
    with open_instance(TableStore(data_dir)) as instance:
        assert instance.get_backfills() == []
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - 3600, "BACKFILL", "id", errors=[]))
        assert thumb_assets("backfill", "--launch").exit_code == 1
        assert instance.get_backfills() == []
    assert library.is_dir()


def test_a_launch_of_what_the_daemon_has_not_says_so(library: Path, data_dir: Path) -> None:
    command = ["backfill", "--launch", "--set", 'crops.aspect_ratios=["1:1"]']
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert "crops: off in the library's settings" in result.output
    assert library.is_dir()
    assert data_dir.is_dir()


@pytest.mark.slow
def test_prune_takes_a_library_that_went_missing_for_a_mistake(library: Path, data_dir: Path) -> None:
    assert thumb_assets("backfill").exit_code == 0
    for name in ("vfr", "cfr"):
        (library / f"{name}.mp4").unlink()
    result = thumb_assets("prune")
    assert result.exit_code == 1
    assert "not mounted" in result.output
    assert len(done(data_dir)) == 3
    assert thumb_assets("prune", "--force").exit_code == 0
    assert done(data_dir) == {"multi_shot"}
    (library / "multi_shot.mp4").unlink()
    result = thumb_assets("prune", "--force")
    assert result.exit_code == 1
    assert done(data_dir) == {"multi_shot"}


def test_prune_leaves_what_this_machine_never_saw(library: Path, data_dir: Path) -> None:
    assert thumb_assets("backfill").exit_code == 0
    before = done(data_dir)
    assert before
    elsewhere = data_dir.with_name("elsewhere")
    shutil.move(data_dir / "library.sqlite", data_dir / "lost.sqlite")  # as its own message advises where it is damaged
    first = min(library.iterdir())
    first.rename(elsewhere)
    result = thumb_assets("prune")
    assert "never seen" in result.output
    assert done(data_dir) == before
    assert thumb_assets("prune", "--force").exit_code == 0
    assert done(data_dir) < before
