"""Libraries and data folders elsewhere: on another disk, and on a real S3 server over HTTP."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.errors import BadInputError, NetworkError, SettingsError, StorageError
from thumb_assets.library.backlog import backlog_of
from thumb_assets.pipeline.retry import run_with_retries
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror, MirroredOutputs
from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.remote import RemoteFolder, is_inside
from thumb_assets.store.sidecars import sidecars_of
from thumb_assets_tests.support.running import WITHOUT_MODELS, run_stages
from thumb_assets_tests.support.s3 import s3_server

MakeVideo = Callable[[str], Path]


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with s3_server(bucket="library") as url:
        yield url


@pytest.fixture
def disk_url(tmp_path: Path) -> str:
    """A URL whose folders `videos` and `outputs` are empty."""
    for name in ("videos", "outputs"):
        (tmp_path / "elsewhere" / name).mkdir(parents=True)
    return (tmp_path / "elsewhere").as_uri()


@pytest.fixture(params=["disk", "s3"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """As `disk_url`, and one on S3."""
    if request.param == "disk":
        return str(request.getfixturevalue("disk_url"))
    return f"{request.getfixturevalue('s3_url')}/{tmp_path.name}"


def settings_for(url: str, *more: str) -> Settings:
    return load_settings(overrides=[f'library.url="{url}/videos"', f'library.outputs_url="{url}/outputs"', *more])


def machine(folder: Path, settings: Settings) -> tuple[TableStore, Mirror]:
    folder.mkdir()
    store = TableStore(folder)
    return store, Mirror(settings.library, store)


def outputs_of(folder: Path) -> dict[str, bytes]:
    """All that was made, by path below the folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for name in ("tables", "stills", "crops")
        for path in (folder / name).rglob("*")
        if path.is_file()
    }


def test_the_same_tables_as_on_one_disk_and_any_machine_goes_on(
    elsewhere: str, synthetic_videos: MakeVideo, tmp_path: Path
) -> None:
    clip = synthetic_videos("cfr")
    remote, settings = RemoteFolder(f"{elsewhere}/videos"), settings_for(elsewhere)
    remote.put("show/clip.mp4", clip)
    store, mirror = machine(tmp_path / "machine", settings)
    assert mirror.update_library() == 0
    (video,) = Library(store.data_dir).scan()
    assert video.path == store.data_dir / "videos" / "remote" / "show" / "clip.mp4"
    # On one disk, at the same place: a path stands in the tables.
    alone = run_stages(store.data_dir, [video.video_id])
    assert {result.status for result in alone.values()} == {"done"}
    expected = outputs_of(store.data_dir)
    for name in ("tables", "stills"):
        shutil.rmtree(store.data_dir / name)

    mirror.announce([video])
    run_stages(store.data_dir, [video.video_id], settings=settings)
    shared = RemoteFolder(f"{elsewhere}/outputs")
    stored = {name: shared.read(name) for name in expected}
    assert stored == expected

    # Another machine at the same path, which knows neither the video nor its tables.
    shutil.rmtree(store.data_dir)
    store.data_dir.mkdir()
    results = run_stages(store.data_dir, [video.video_id], settings=settings)
    assert all(result.is_unchanged for result in results.values() if result.stage != "catalog")
    assert outputs_of(store.data_dir) == expected


def test_changed_and_removed_files_follow(elsewhere: str, synthetic_videos: MakeVideo, tmp_path: Path) -> None:
    remote, settings = RemoteFolder(f"{elsewhere}/videos"), settings_for(elsewhere)
    remote.put("a.mp4", synthetic_videos("cfr"))
    remote.put("b.mp4", synthetic_videos("multi_shot"))
    store, mirror = machine(tmp_path / "machine", settings)
    assert mirror.update_library(max_files=1) == 1
    assert mirror.update_library(max_files=1) == 0
    before = {video.path.name: video.video_id for video in Library(store.data_dir).scan()}
    remote.put("a.mp4", synthetic_videos("vfr"))
    remote.remove("b.mp4")
    mirror.update_library()
    after = {video.path.name: video.video_id for video in Library(store.data_dir).scan()}
    assert list(after) == ["a.mp4"]
    assert after["a.mp4"] != before["a.mp4"]
    remote.remove("a.mp4")
    with pytest.raises(BadInputError, match="holds no video"):  # never taken for "all removed"
        mirror.update_library()
    assert len(Library(store.data_dir).scan()) == 1


def test_subtitles_beside_a_video_come_with_it(disk_url: str, synthetic_videos: MakeVideo, tmp_path: Path) -> None:
    remote, settings = RemoteFolder(f"{disk_url}/videos"), settings_for(disk_url)
    remote.put("show/clip.mp4", synthetic_videos("cfr"))
    for name in ("show/clip.en.srt", "show/clip.vtt", "show/other.srt", "clip.srt"):
        remote.put(name, name.encode())
    store, mirror = machine(tmp_path / "one", settings)
    mirror.update_library()
    folder = store.data_dir / "videos" / "remote"
    assert sorted(path.name for path in sidecars_of(folder / "show" / "clip.mp4")) == ["clip.en.srt", "clip.vtt"]
    assert not (folder / "clip.srt").exists()
    mirror.announce(Library(store.data_dir).scan())
    (video,) = Library(store.data_dir).scan()
    other, its_mirror = machine(tmp_path / "other", settings)
    its_mirror.bring(video.video_id)
    assert (other.data_dir / "videos" / "remote" / "show" / "clip.en.srt").read_text() == "show/clip.en.srt"
    remote.remove("show/clip.vtt")
    mirror.update_library()
    assert [path.name for path in sidecars_of(folder / "show" / "clip.mp4")] == ["clip.en.srt"]


def test_what_was_made_of_a_file_that_is_gone_is_pruned_there_too(
    synthetic_videos: MakeVideo, tmp_path: Path, disk_url: str
) -> None:
    settings = settings_for(disk_url)
    remote = RemoteFolder(f"{disk_url}/videos")
    for name in ("cfr", "vfr"):
        remote.put(f"{name}.mp4", synthetic_videos(name))
    store, mirror = machine(tmp_path / "machine", settings)
    mirror.update_library()
    videos = {video.path.name: video for video in Library(store.data_dir).scan()}
    mirror.announce(videos.values())
    run_stages(store.data_dir, [video.video_id for video in videos.values()], WITHOUT_MODELS, settings=settings)
    kept, gone = videos["cfr.mp4"].video_id, videos["vfr.mp4"].video_id
    remote.remove("vfr.mp4")
    overrides = [f"library.url={disk_url}/videos", f"library.outputs_url={disk_url}/outputs"]
    command = ["prune", "--data-dir", str(store.data_dir), *(part for each in overrides for part in ("--set", each))]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    names = [file.name for file in RemoteFolder(f"{disk_url}/outputs").files()]
    assert not any(gone in name for name in names)
    assert f"tables/stills/{kept}.parquet" in names
    assert f"sources/{kept}.json" in names


def test_a_file_that_is_not_as_its_manifest_says_counts_as_not_there(
    synthetic_videos: MakeVideo, tmp_path: Path, disk_url: str
) -> None:
    settings = settings_for(disk_url)
    RemoteFolder(f"{disk_url}/videos").put("clip.mp4", synthetic_videos("cfr"))
    store, mirror = machine(tmp_path / "machine", settings)
    mirror.update_library()
    (video,) = Library(store.data_dir).scan()
    run_stages(store.data_dir, [video.video_id], settings=settings)
    expected = outputs_of(store.data_dir)
    half = tmp_path / "elsewhere" / "outputs" / "tables" / "frames" / f"{video.video_id}.parquet"
    half.write_bytes(half.read_bytes()[:100])
    for name in ("tables", "stills"):
        shutil.rmtree(store.data_dir / name)
    MirroredOutputs(RemoteFolder(f"{disk_url}/outputs"), store).pull(video.video_id)
    assert not store.has("frames", video.video_id)
    assert store.has("stills", video.video_id)
    run_stages(store.data_dir, [video.video_id], WITHOUT_MODELS, settings=settings)
    assert half.read_bytes() == expected[f"tables/frames/{video.video_id}.parquet"]


def test_a_manifest_cannot_write_anywhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "outputs"
    (folder / "manifests").mkdir(parents=True)
    (folder / "evil.txt").write_text("evil")
    names = ["../evil.txt", "evil.txt", "stills/other-00000000/a.jpg", "tables/frames/other-00000000.parquet"]
    (folder / "manifests" / "clip-00000000.json").write_text(json.dumps(dict.fromkeys(names, "0" * 64)))
    store, _ = machine(tmp_path / "machine", load_settings())
    assert MirroredOutputs(RemoteFolder(folder.as_uri()), store).pull("clip-00000000") == 0
    assert list(store.data_dir.rglob("*")) == []


def test_a_service_that_is_not_there_is_a_passing_failure(
    synthetic_videos: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    settings = settings_for("s3://nobody")
    store, mirror = machine(tmp_path / "machine", settings)
    with pytest.raises(NetworkError, match="s3://nobody"):
        mirror.update_library()
    videos, _ = Library(store.data_dir).register([synthetic_videos("cfr")])
    results = run_stages(store.data_dir, [videos[0].video_id], settings=settings)
    failed = next(iter(results.values()))
    assert failed.status == "failed"
    assert failed.error is not None
    assert not failed.error.is_permanent
    (outcome,) = read_outcomes(store, videos[0].video_id)
    assert outcome.is_permanent is False


def test_what_cannot_be_brought_there_is_a_failure_and_goes_with_the_next_try(
    synthetic_videos: MakeVideo, tmp_path: Path, disk_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(disk_url)
    RemoteFolder(f"{disk_url}/videos").put("clip.mp4", synthetic_videos("multi_shot"))
    store, mirror = machine(tmp_path / "machine", settings)
    mirror.update_library()
    (video,) = Library(store.data_dir).scan()
    run_stages(store.data_dir, [video.video_id], settings=settings)
    other = settings_for(disk_url, "selection.top_k=1", "backfill.retry_seconds=[]", "video.is_isolated=false")

    def refuse(*_: object) -> None:
        raise NetworkError("elsewhere: does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(MirroredOutputs, "push", refuse)
        results = list(run_with_retries([video.video_id], WITHOUT_MODELS, other, store))
    assert [(result.stage, result.status) for result in results if result.error] == [("catalog", "failed")]
    assert store.read("stills", video.video_id).num_rows == 1
    (left,) = backlog_of([video], WITHOUT_MODELS, other, store)
    assert (left.work, left.is_permanent) == ("failed", False)
    list(run_with_retries([video.video_id], WITHOUT_MODELS, other, store))
    shared = RemoteFolder(f"{disk_url}/outputs")
    assert {name: shared.read(name) for name in outputs_of(store.data_dir)} == outputs_of(store.data_dir)
    assert store.read("stills", video.video_id).num_rows == 1


def test_a_disk_that_cannot_take_a_fetched_file_is_not_the_networks_fault(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    remote = RemoteFolder((tmp_path / "there").as_uri())
    remote.put("a.mp4", b"content")
    (tmp_path / "here").write_text("no folder")
    with pytest.raises(StorageError, match="here"):
        remote.get("a.mp4", tmp_path / "here" / "a.mp4")


@pytest.mark.parametrize("url", ["nosuch://bucket/x"])
def test_a_url_that_nobody_knows(url: str) -> None:
    with pytest.raises(SettingsError, match="nosuch"):
        RemoteFolder(url)


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "/a", "a//b", "a\\b", "C:/a", "a/./b", "a\0b"])
def test_names_that_lead_elsewhere(name: str) -> None:
    assert not is_inside(name)
