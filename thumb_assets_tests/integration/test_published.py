"""The stage `published` through the engine: a row of a database, a request, and where the other side is down."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from thumb_assets.errors import SettingsError
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.environment import PUBLISH_SQL_URL_VARIABLE, PUBLISH_TOKEN_VARIABLE
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.receiver import Receiver, receiver
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

STAGES = [*WITHOUT_MODELS, "published"]
SQL = ("publish.target=sql", 'publish.sql_columns={"thumbnail": "path", "frame": "frame_index"}')


@pytest.fixture
def clip(synthetic_videos: Callable[[str], Path]) -> Path:
    return synthetic_videos("multi_shot")


@pytest.fixture
def cms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cms.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE videos (file_name TEXT, thumbnail TEXT, frame INTEGER)")
        connection.execute("INSERT INTO videos VALUES ('multi_shot.mp4', NULL, NULL)")
    monkeypatch.setenv(PUBLISH_SQL_URL_VARIABLE, f"sqlite:///{path}")
    return path


@pytest.fixture
def other() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def publish(data_dir: Path, video_id: str, *overrides: str) -> StageResult:
    results = run_stages(data_dir, [video_id], STAGES, settings=load_settings(overrides=overrides))
    return results[(video_id, "published")]


def row_of(cms: Path) -> tuple[object, ...]:
    with sqlite3.connect(cms) as connection:
        return tuple(connection.execute("SELECT * FROM videos").fetchone())


def test_it_is_left_out_unless_a_target_is_set() -> None:
    assert "published" not in default_stages(load_settings())
    assert "published" in default_stages(load_settings(overrides=["publish.target=sql"]))


@pytest.mark.parametrize("override", ["publish.target=http", 'publish.sql_columns={"a": "secret"}'])
def test_settings_that_cannot_be_are_refused(override: str) -> None:
    with pytest.raises(SettingsError):
        load_settings(overrides=[override])


def test_the_best_still_goes_into_the_row_and_only_again_when_it_changed(clip: Path, cms: Path, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [clip])
    result = publish(data_dir, video_id, *SQL)
    assert result.status == "done", result.message
    store = TableStore(data_dir)
    best = store.read("stills", video_id).sort_by("rank").to_pylist()[0]
    path = str(store.stills_dir(video_id) / best["file_name"])
    assert row_of(cms) == ("multi_shot.mp4", path, best["frame_index"])
    (told,) = store.read("published", video_id).to_pylist()
    assert (told["target"], told["key"], told["file_sha256"]) == ("sql", "multi_shot.mp4", best["file_sha256"])
    assert publish(data_dir, video_id, *SQL).is_unchanged
    assert not publish(data_dir, video_id, *SQL, "selection.top_k=1", "stills.jpeg_quality=60").is_unchanged


def test_a_database_that_is_not_there_fails_for_now_and_the_stills_stay(
    clip: Path, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (video_id,) = register(data_dir, [clip])
    monkeypatch.delenv(PUBLISH_SQL_URL_VARIABLE, raising=False)
    unset = publish(data_dir, video_id, *SQL)
    assert isinstance(unset.error, SettingsError)
    monkeypatch.setenv(PUBLISH_SQL_URL_VARIABLE, f"sqlite:///{tmp_path}/nowhere/cms.sqlite")
    down = publish(data_dir, video_id, *SQL)
    assert down.status == "failed"
    assert down.error is not None
    assert not down.error.is_permanent
    assert TableStore(data_dir).has("stills", video_id)
    assert not TableStore(data_dir).has("published", video_id)


def test_all_stills_go_to_an_address(
    clip: Path, data_dir: Path, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PUBLISH_TOKEN_VARIABLE, "the token of the test")
    (video_id,) = register(data_dir, [clip])
    overrides = (
        "publish.target=http",
        f'publish.http_url="{other.url}/films/{{key}}/thumbnails"',
        "publish.key=file_stem",
        'publish.stills_url="https://cdn.example/stills"',
        'publish.allowed_hosts=["127.0.0.1"]',
    )
    other.statuses = [503, 200]
    down = publish(data_dir, video_id, *overrides)
    assert down.error is not None
    assert not down.error.is_permanent
    assert publish(data_dir, video_id, *overrides).status == "done"
    _, request = other.received
    assert (request.method, request.path) == ("PUT", "/films/multi_shot/thumbnails")
    assert request.headers["authorization"] == "Bearer the token of the test"
    sent = json.loads(request.body)
    assert [still["rank"] for still in sent["stills"]] == [1, 2, 3]
    assert sent["stills"][0]["url"].startswith(f"https://cdn.example/stills/{video_id}/{video_id}_f")
    assert TableStore(data_dir).read("published", video_id).num_rows == 3
    for path in data_dir.rglob("*"):  # no secret lies anywhere
        assert not path.is_file() or b"the token of the test" not in path.read_bytes(), path


def test_a_video_without_a_still_any_more_names_none(clip: Path, cms: Path, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [clip])
    publish(data_dir, video_id, *SQL)
    assert row_of(cms)[1] is not None
    ends = "selection.window_seconds=[900, 901]"  # no candidate lies there
    assert publish(data_dir, video_id, *SQL, ends).status == "done"
    assert row_of(cms) == ("multi_shot.mp4", None, None)
    assert TableStore(data_dir).read("published", video_id).num_rows == 0


def test_a_row_that_was_never_given_a_still_stays_as_it_is(clip: Path, cms: Path, data_dir: Path) -> None:
    with sqlite3.connect(cms) as connection:
        connection.execute("UPDATE videos SET thumbnail = 'drawn by hand.jpg'")
    (video_id,) = register(data_dir, [clip])
    assert publish(data_dir, video_id, *SQL, "selection.window_seconds=[900, 901]").status == "done"
    assert row_of(cms) == ("multi_shot.mp4", "drawn by hand.jpg", None)


def test_a_request_without_stills_says_why(clip: Path, data_dir: Path, other: Receiver) -> None:
    (video_id,) = register(data_dir, [clip])
    overrides = (
        "publish.target=http",
        f'publish.http_url="{other.url}/films/{{key}}"',
        'publish.allowed_hosts=["127.0.0.1"]',
        "selection.window_seconds=[900, 901]",
    )
    assert publish(data_dir, video_id, *overrides).status == "done"
    (request,) = other.received
    sent = json.loads(request.body)
    assert sent["stills"] == []
    assert "nothing in this video is worth keeping" in sent["reason"]
    assert "outside window" in sent["reason"]
