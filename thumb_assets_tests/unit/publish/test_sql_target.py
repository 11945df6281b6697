"""The picked still in a row of a database: SQLite here, PostgreSQL with `-m operations`."""

import sqlite3
from pathlib import Path

import pytest

from thumb_assets.errors import BadInputError, NetworkError, SettingsError
from thumb_assets.publish.sql_target import publish_to_sql
from thumb_assets.settings.operation import PublishSettings

STILL = {"path": "/data/stills/a/a.jpg", "frame_index": 7, "combined_score": 0.5}
SETTINGS = PublishSettings(sql_columns={"thumbnail": "path", "frame": "frame_index"})


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "cms.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE videos (file_name TEXT, thumbnail TEXT, frame INTEGER, title TEXT)")
        rows = [("a.mp4", "A"), ("b.mp4", "B"), ("twice.mp4", "C"), ("twice.mp4", "D")]
        connection.executemany("INSERT INTO videos (file_name, title) VALUES (?, ?)", rows)
    return path


def rows_of(database: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(database) as connection:
        return connection.execute("SELECT * FROM videos ORDER BY title").fetchall()


def test_the_row_gets_the_still_and_keeps_the_rest(database: Path) -> None:
    for _ in range(2):  # again changes nothing
        publish_to_sql(f"sqlite:///{database}", SETTINGS, key="a.mp4", still=STILL)
    first, second, *_ = rows_of(database)
    assert first == ("a.mp4", "/data/stills/a/a.jpg", 7, "A")
    assert second == ("b.mp4", None, None, "B")


def test_no_row_and_two_rows_are_errors_and_change_nothing(database: Path) -> None:
    before = rows_of(database)
    for key, number in (("gone.mp4", 0), ("twice.mp4", 2)):
        with pytest.raises(BadInputError, match=f"{number} rows have file_name"):
            publish_to_sql(f"sqlite:///{database}", SETTINGS, key=key, still=STILL)
    assert rows_of(database) == before


def test_a_key_is_never_read_as_sql(database: Path) -> None:
    with pytest.raises(BadInputError, match="0 rows"):
        publish_to_sql(f"sqlite:///{database}", SETTINGS, key="' OR '1'='1", still=STILL)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SETTINGS.model_copy(update={"sql_table": "films"}), "does not exist"),
        (SETTINGS.model_copy(update={"sql_key_column": "id"}), "has no column 'id'"),
        (SETTINGS.model_copy(update={"sql_columns": {"poster": "path"}}), "has no column 'poster'"),
    ],
)
def test_a_wrong_table_or_column_is_named(settings: PublishSettings, message: str, database: Path) -> None:
    with pytest.raises(SettingsError, match=message):
        publish_to_sql(f"sqlite:///{database}", settings, key="a.mp4", still=STILL)


@pytest.mark.parametrize(
    "url",
    [
        *("", "no address with hunter2", "nosuch://u:hunter2@host/db", "sqlite:///nowhere/at/all"),
        *("postgresql://u:pass@hunter2@host:port/db", "sqlite://u:p:hunter2@host:hunter2/db"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(url: str) -> None:
    with pytest.raises((SettingsError, NetworkError)) as caught:
        publish_to_sql(url, SETTINGS, key="a.mp4", still=STILL)
    assert "hunter2" not in str(caught.value)


def test_a_password_in_the_query_of_an_address_is_not_shown(database: Path) -> None:
    url = f"sqlite:///file:{database}?uri=true&password=hunter2"
    with pytest.raises(BadInputError, match="0 rows") as caught:
        publish_to_sql(url, SETTINGS, key="gone.mp4", still=STILL)
    assert str(database) in str(caught.value)
    assert "hunter2" not in str(caught.value)
