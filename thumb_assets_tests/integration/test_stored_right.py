"""Stored results are used while they are unchanged; anything else is made again, and comes out the same."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.contracts import TABLES, tables_of
from thumb_assets_tests.support.running import register, run_stages
from thumb_assets_tests.support.stored import DAMAGES

MakeVideo = Callable[[str], Path]
SETTINGS = ["chapters.is_on=true", 'crops.aspect_ratios=["1:1"]', 'iqa.metrics=["entropy"]']
TABLES_MADE = [
    name for stage in default_stages(load_settings(overrides=SETTINGS)) for name in tables_of(stage) if stage != "faces"
]


@dataclass
class Place:
    """A data folder with one video that was run, and what its tables held then."""

    data_dir: Path
    video_id: str
    settings: Settings
    before: dict[str, pa.Table]

    @property
    def store(self) -> TableStore:
        return TableStore(self.data_dir)

    def run(self, stages: list[str] | None = None) -> dict[str, StageResult]:
        names = stages or default_stages(self.settings)
        results = run_stages(self.data_dir, [self.video_id], names, settings=self.settings)
        return {stage: result for (_, stage), result in results.items()}

    def tables(self) -> dict[str, pa.Table]:
        return {name: self.store.read(name, self.video_id) for name in TABLES_MADE}


@pytest.fixture(scope="module")
def place(synthetic_videos: MakeVideo, tmp_path_factory: pytest.TempPathFactory) -> Place:
    pytest.importorskip("pyiqa")
    data_dir = tmp_path_factory.mktemp("stored") / "data"
    data_dir.mkdir()
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    place = Place(data_dir, video_id, load_settings(overrides=SETTINGS), {})
    results = place.run()
    assert {result.status for result in results.values()} == {"done"}
    place.before = place.tables()
    return place


def is_as_before(place: Place, made: str) -> None:
    """A run makes the damaged table again, all tables are as they were, and the next run has nothing to do."""
    results = place.run()
    assert {result.status for result in results.values()} == {"done"}, results
    assert not results[stage_of(made)].is_unchanged
    after = place.tables()
    for name, table in place.before.items():
        # How a still was fetched may be another way, and a model's last digits follow the size of its batches.
        columns = list(TABLES[name].key) if name == made else TABLES[name].column_names
        assert after[name].select(columns).equals(table.select(columns)), name
    place.before[made] = after[made]
    assert all(result.is_unchanged for stage, result in place.run().items() if stage != "catalog")


def stage_of(table_name: str) -> str:
    return str(TABLES[table_name].stage)


def damaged(place: Place, table_name: str, damage: str) -> None:
    path = place.store.table_path(table_name, place.video_id)
    if place.before[table_name].num_rows == 0 and damage in {"flipped", "altered"}:
        pytest.skip("there is nothing in it")
    DAMAGES[damage](path)


@pytest.mark.parametrize("table_name", TABLES_MADE)
def test_a_table_of_other_rows_is_made_again(place: Place, table_name: str) -> None:
    damaged(place, table_name, "altered")
    is_as_before(place, table_name)


@pytest.mark.parametrize("damage", sorted(DAMAGES.keys() - {"altered"}))
def test_scores_that_cannot_be_read_are_made_again(place: Place, damage: str) -> None:
    damaged(place, "sharpness", damage)
    is_as_before(place, "sharpness")


@pytest.mark.slow
@pytest.mark.parametrize("damage", sorted(DAMAGES.keys() - {"altered"}))
@pytest.mark.parametrize("table_name", TABLES_MADE)
def test_a_table_that_cannot_be_read_is_made_again(place: Place, table_name: str, damage: str) -> None:
    damaged(place, table_name, damage)
    is_as_before(place, table_name)


def test_scores_of_other_content_fail_a_choice_that_would_be_made_of_them(place: Place) -> None:
    """If the run does not make the scores themselves again, it says which stage does."""
    damaged(place, "sharpness", "altered")
    place.store.delete("rejections", place.video_id)
    (failed,) = [result for result in place.run(["selections"]).values() if result.status == "failed"]
    assert "sharpness" in str(failed.message)
    assert "its rows are not those that were written; run the stage 'sharpness' again" in str(failed.message)
    is_as_before(place, "sharpness")


@pytest.mark.parametrize("stage", ["stills", "crops", "chapters"])
def test_a_file_with_one_other_byte_is_written_again(place: Place, stage: str) -> None:
    folder = place.store.files_dir(stage, place.video_id)
    assert folder is not None
    path = min(folder.iterdir())
    right = path.read_bytes()
    path.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    is_as_before(place, stage)
    assert (folder / path.name).read_bytes() == right


def check(place: Place, *arguments: str) -> tuple[int, str]:
    """Exit code and output of `thumb-assets check`."""
    options = ["--data-dir", str(place.data_dir), *(word for override in SETTINGS for word in ("--set", override))]
    outcome = CliRunner().invoke(main, ["check", *arguments, *options, "--set", "video.is_isolated=false"])
    return outcome.exit_code, outcome.output


def test_check_finds_every_fault_and_repairs_it(place: Place) -> None:
    code, output = check(place)
    assert (code, "1 video checked: no damage found" in output) == (0, True), output
    damaged(place, "sharpness", "altered")
    damaged(place, "appearance", "truncated")
    damaged(place, "shots", "deleted")
    # The cover is a link to one of them, where the disk has links.
    still = min(each for each in place.store.stills_dir(place.video_id).glob("*_f*") if each.stat().st_nlink == 1)
    right, times = still.read_bytes(), still.stat()
    still.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    os.utime(still, ns=(times.st_atime_ns, times.st_mtime_ns))
    code, output = check(place, place.video_id[:5])
    lines = [line for line in output.splitlines() if line.startswith("fault: ")]
    assert code == 1
    assert len(lines) == 4, output
    for path in (
        *(place.store.table_path(name, place.video_id) for name in ("sharpness", "appearance", "shots")),
        still,
    ):
        assert any(str(path) in line for line in lines)
    assert "`thumb-assets check --repair` makes these again" in output
    code, output = check(place, "--repair")
    assert (code, "all faults are repaired" in output) == (0, True), output
    assert still.read_bytes() == right
    assert all(result.is_unchanged for stage, result in place.run().items() if stage != "catalog")


def test_check_holds_the_catalog_against_the_tables(place: Place) -> None:
    with closing(sqlite3.connect(place.store.catalog_path)) as connection:
        connection.execute("UPDATE sharpness SET laplacian_variance = laplacian_variance + 1")
        connection.commit()
    code, output = check(place)
    assert (code, "are not those of the tables sharpness" in output) == (1, True), output
    assert check(place, "--repair")[0] == 0
    assert check(place)[0] == 0


def test_a_run_says_what_it_found_damaged(place: Place) -> None:
    damaged(place, "sharpness", "altered")
    note = str(place.run()["sharpness"].metrics["note"])
    path = place.store.table_path("sharpness", place.video_id)
    assert note == f"{path}: its rows are not those that were written; made again"
