"""Damage to the catalog, the learned scorer or a survey keeps no video from being run."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest

from thumb_assets.pipeline.cataloguing import Cataloguing
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.job import VideoJob
from thumb_assets.pipeline.result import StageResult
from thumb_assets.settings.load import load_settings
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.library import Library
from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.survey import reference_path
from thumb_assets_tests.support.events import Heard
from thumb_assets_tests.support.running import register

MakeVideo = Callable[[str], Path]
STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "selections", "catalog")


def garbage(path: Path) -> None:
    path.write_bytes(b"no such format\n" * 1000)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir(parents=True)
    (path / "somebody's").write_text("own")


def other_schema(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE sharpness")
        connection.execute("CREATE TABLE sharpness (something TEXT)")
        connection.commit()


class Place:
    """A data folder with two videos that were run."""

    def __init__(self, data_dir: Path, video_ids: list[str]) -> None:
        self.store, self.video_ids = TableStore(data_dir), video_ids
        self.heard = Heard()

    def run(self) -> list[StageResult]:
        self.heard.notes.clear()
        settings = load_settings(overrides=["selection.library_weight=0.5"])
        return list(run(self.video_ids, STAGES, settings, self.store, events=self.heard))

    @property
    def notes(self) -> list[str]:
        return self.heard.notes

    @property
    def selected(self) -> list[int]:
        return [index for video_id in self.video_ids for index in self.frames_of(video_id)]

    def frames_of(self, video_id: str) -> list[int]:
        column = self.store.read("selections", video_id).column("frame_index")
        return [int(index) for index in column.to_pylist()]


@pytest.fixture(scope="module")
def place(synthetic_videos: MakeVideo, tmp_path_factory: pytest.TempPathFactory) -> Place:
    data_dir = tmp_path_factory.mktemp("extras") / "data"
    data_dir.mkdir()
    place = Place(data_dir, register(data_dir, [synthetic_videos("multi_shot"), synthetic_videos("cfr")]))
    assert {result.status for result in place.run()} == {"done"}
    return place


@pytest.mark.parametrize("damage", [garbage, truncate, empty, folder, other_schema])
def test_a_damaged_catalog_is_made_again_and_said_once(place: Place, damage: Callable[[Path], None]) -> None:
    damage(place.store.catalog_path)
    assert {result.status for result in place.run()} == {"done"}
    rows = Catalog(place.store.catalog_path).query("SELECT DISTINCT video_id FROM selections ORDER BY 1")
    assert [row["video_id"] for row in rows] == sorted(place.video_ids)
    if damage in {garbage, truncate, folder}:  # the others are databases, and are filled as new ones are
        (note,) = place.notes
        assert str(place.store.catalog_path) in note
        assert note.endswith("made again from the tables")
    if damage is folder:
        (kept,) = place.store.data_dir.glob("catalog.sqlite.*.folder")
        assert (kept / "somebody's").read_text() == "own"


@pytest.fixture
def locked(place: Place) -> Iterator[sqlite3.Connection]:
    """Somebody holds the catalog, as a program with an open transaction does."""
    with closing(sqlite3.connect(place.store.catalog_path, isolation_level=None, check_same_thread=False)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield holder


def test_a_locked_catalog_is_waited_for(place: Place, locked: sqlite3.Connection) -> None:
    timer = Timer(4, lambda: locked.execute("ROLLBACK"))
    timer.start()
    results = place.run()
    timer.join()
    assert {result.status for result in results} == {"done"}
    assert [note for note in place.notes if "another process holds it; waiting" in note] == place.notes[:1]


def test_a_catalog_that_stays_locked_is_waited_for_once_and_is_one_error(
    place: Place, locked: sqlite3.Connection
) -> None:
    jobs = [job_of(place, video_id) for video_id in place.video_ids]
    catalog = Cataloguing(place.store, place.heard, wait_seconds=1)
    place.notes.clear()
    began = time.monotonic()
    assert [catalog.index(job) for job in jobs] == [None, None]
    results = list(catalog.catch_up())
    assert [(result.stage, result.status) for result in results] == [("catalog", "failed")] * 2
    assert [result.blocked_by for result in results] == [None, "catalog"]
    assert "another process holds it; end that one" in str(results[0].message)
    assert not results[0].error.is_permanent
    assert time.monotonic() - began < 60
    assert len([note for note in place.notes if "waiting up to" in note]) == 2  # once, and once more at the end
    for video_id in place.video_ids:
        stored = {outcome.stage: outcome.status for outcome in read_outcomes(place.store, video_id)}
        assert stored["catalog"] == "failed"
    locked.execute("ROLLBACK")
    assert {result.status for result in place.run()} == {"done"}


def test_a_catalog_that_is_let_go_later_is_brought_up_to_date_at_the_end(
    place: Place, locked: sqlite3.Connection
) -> None:
    catalog = Cataloguing(place.store, place.heard, wait_seconds=0.2)
    assert catalog.index(job_of(place, place.video_ids[0])) is None
    locked.execute("ROLLBACK")
    (result,) = catalog.catch_up()
    assert (result.video_id, result.stage, result.status) == (place.video_ids[0], "catalog", "done")


def job_of(place: Place, video_id: str) -> VideoJob:
    video = Library(place.store.data_dir).find(video_id)
    return VideoJob(video, stages=STAGES, settings=load_settings(), store=place.store, guides={})


# What a choice is made with beside the video's own measurements, and how to do without.
EXTRAS: dict[str, tuple[Callable[[Place], Path], str]] = {
    "learned scorer": (lambda place: place.store.learned_head_path, "frames are chosen without it"),
    "survey": (lambda place: reference_path(place.store), "`thumb-assets survey`"),
    "recurrences": (lambda place: place.store.table_path("recurrences", place.video_ids[0]), "`thumb-assets survey`"),
}


@pytest.mark.parametrize("damage", [garbage, empty, folder])
@pytest.mark.parametrize("extra", EXTRAS)
def test_a_damaged_extra_has_no_say(place: Place, extra: str, damage: Callable[[Path], None]) -> None:
    path_of, advice = EXTRAS[extra]
    path = path_of(place)
    path.parent.mkdir(exist_ok=True)
    before = place.selected
    damage(path)
    try:
        assert {result.status for result in place.run()} == {"done"}
        assert place.selected == before
        (note,) = place.notes
        assert str(path) in note
        assert advice in note
    finally:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
