"""Data folders that earlier versions made, under the present one: nothing that people said or models computed is lost.

`thumb_assets_tests/golden/old_library.py` made them and says what is in them.
"""

import re
import sqlite3
import tarfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from thumb_assets.cli import main
from thumb_assets.pipeline.stages import table_inputs
from thumb_assets.settings.load import load_settings
from thumb_assets.stages import STAGES
from thumb_assets.store.learned_head import read_learned_head
from thumb_assets.store.outbox import Outbox
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.contracts import stage_of

GOLDEN = Path(__file__).parent.parent / "golden"
FIRST, SECOND = "first-052bf3f6", "second-ca44a34c"
ARCHIVES = ("library-0.1", "library-before-the-house")
# By archive and video: what was decided of which frame.
DECIDED = {
    "library-0.1": {FIRST: {41: "pin", 77: "pin"}, SECOND: {45: "pin", 80: "ban"}},
    "library-before-the-house": {FIRST: {41: "pin", 77: "pin"}, SECOND: {45: "cover", 80: "ban"}},
}
# Tables whose stage has another version since.
CHANGED_BY_CODE = {
    "library-0.1": {
        "videos",
        "frames",
        "shots",
        "candidate_frames",
        "appearance",
        "selections",
        "rejections",
        "stills",
    },
    "library-before-the-house": {
        "candidate_frames",
        "selections",
        "rejections",
    },  # rejections name the setting that decides
}
# 0.1 kept no settings.
SETTINGS = ("selection.top_k=3", "selection.min_gap_seconds=0.2", "selection.learned=force", "chapters.is_on=true")
OF_0_1 = (*SETTINGS, "candidates.every_num_frames=8")
# Tables of stages that were asked for once by `--set`, which 0.1 did not remember. The address of a judge and where
# stills are published are no values of a table, and are never remembered.
ASKED_FOR = {"crops", "judgements", "published"}
FORGOTTEN = {"library-0.1": ASKED_FOR, "library-before-the-house": {"judgements", "published"}}
NAMED = {
    "library-0.1": [part for setting in OF_0_1 for part in ("--set", setting)],
    "library-before-the-house": [],
}


def thumb_assets(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


Key = tuple[str, str]  # table and video_id
Footers = Mapping[Key, Mapping[str, str]]


@dataclass(frozen=True)
class Place:
    """An unpacked data folder."""

    name: str
    store: TableStore

    def tables(self) -> dict[Key, bytes]:
        return {(path.parent.name, path.stem): path.read_bytes() for path in self.store.tables_dir.rglob("*.parquet")}

    def footers(self) -> Footers:
        return {
            (path.parent.name, path.stem): {
                key.decode(): value.decode() for key, value in pq.read_metadata(path).metadata.items()
            }
            for path in self.store.tables_dir.rglob("*.parquet")
        }

    def rows(self, table: str, video_id: str) -> list[dict[str, Any]]:
        return self.store.read(table, video_id).to_pylist()

    def all_rows(self, table: str) -> dict[str, list[dict[str, Any]]]:
        return {video_id: self.rows(table, video_id) for video_id in self.store.video_ids(table)}


@pytest.fixture(params=ARCHIVES)
def place(request: pytest.FixtureRequest, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    with tarfile.open(GOLDEN / f"{request.param}.tar.xz") as archive:
        archive.extractall(data_dir, filter="data")
    monkeypatch.setenv("THUMB_ASSETS_DATA_DIR", str(data_dir))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return Place(request.param, TableStore(data_dir))


def embeddings_of(place: Place) -> dict[tuple[str, int], NDArray[np.float32]]:
    return {
        (video_id, row["frame_index"]): np.asarray(row["embedding"], np.float32)
        for video_id, rows in place.all_rows("clip_scores").items()
        for row in rows
    }


def reasons(place: Place, table: str, video_id: str, before: Footers, after: Footers) -> list[str]:
    """Facts that differ from those that the earlier version made a table of; while there are none, it is current."""
    stage = str(stage_of(table))
    was, now = before.get((table, video_id), {}), after[table, video_id]
    found = [name for name in ("code_version", "tool_versions", "settings_sha256") if was.get(name) != now.get(name)]
    inputs = [(name, video_id) for name in table_inputs(stage, load_settings())]
    found += [name for name, _ in inputs if content(before, name, video_id) != content(after, name, video_id)]
    # The copy lies elsewhere than the folder that the earlier version worked in.
    return [*found, "path"] if STAGES[stage].has_paths else found


def content(footers: Footers, table: str, video_id: str) -> str | None:
    return footers.get((table, video_id), {}).get("content_sha256")


def assert_as_decided(place: Place) -> None:
    """Pins are selected, covers are rank 1, bans are not selected; the tables and the command say what was decided."""
    wanted = DECIDED[place.name]
    found = {
        video_id: {row["frame_index"]: row["decision"] for row in place.rows("decisions", video_id)}
        for video_id in place.store.video_ids("decisions")
    }
    assert found == wanted
    for video_id, frames in wanted.items():
        chosen = [row["frame_index"] for row in sorted(place.rows("selections", video_id), key=lambda row: row["rank"])]
        for frame, decision in frames.items():
            assert (frame in chosen) == (decision != "ban")
            assert decision != "cover" or chosen[0] == frame
    listed = thumb_assets("decisions")
    assert listed.exit_code == 0, listed.output
    for video_id, frames in wanted.items():
        for frame, decision in frames.items():
            assert re.search(rf"{video_id} .* {frame} .* {decision} +in force", listed.output), listed.output


def assert_people_s_files_are_there(place: Place) -> None:
    """The learned scorer, labels, what the judge answered, webhooks, chapters' switch and the other settings."""
    head, folder = read_learned_head(place.store), place.store.data_dir
    assert head is not None
    assert head.head.embedding_model.startswith("thumb-mini")
    assert head.facts["num_videos"] == 2
    assert len((folder / "labels.csv").read_text().splitlines()) > 10
    assert [request.event_id for request in Outbox(folder / "outbox.sqlite").requests("received")] == ["event-1"]
    with closing(sqlite3.connect(place.store.judge_cache_path)) as answers:
        assert answers.execute("SELECT count(*) FROM answers").fetchone()[0] > 0
    if place.name != "library-0.1":
        shown = thumb_assets("settings", "show").output
        for setting in SETTINGS:
            name, _, value = setting.partition("=")
            assert re.search(rf"{name} +{value} ", shown), shown


def test_what_is_there_is_shown_before_anything_runs(place: Place) -> None:
    assert_as_decided(place)
    assert_people_s_files_are_there(place)
    for video_id in (FIRST, SECOND):
        shown = thumb_assets("show", video_id)
        assert shown.exit_code == 0, shown.output
        assert "pinned" in shown.output or "cover" in shown.output


def test_a_run_loses_nothing_and_makes_only_what_the_version_changed(place: Place) -> None:
    before, tables, forgotten = place.footers(), place.tables(), FORGOTTEN[place.name]
    embeddings, recurrences = embeddings_of(place), place.all_rows("recurrences")
    ran = thumb_assets("run", *NAMED[place.name])
    assert ran.exit_code == 0, ran.output
    assert "2 videos done, 0 failed" in ran.output
    after = place.footers()
    by_code: set[str] = set()
    for (table, video_id), footer in after.items():
        if "stage_key" in footer and table not in forgotten:
            is_current = footer["stage_key"] == before.get((table, video_id), {}).get("stage_key")
            why = reasons(place, table, video_id, before, after)
            assert is_current == (not why), (table, video_id, why)
            by_code |= {table} if "code_version" in why else set()
            assert not is_current or place.tables()[table, video_id] == tables[table, video_id]
    assert by_code >= CHANGED_BY_CODE[place.name]
    assert set(before) <= set(after), "no table is gone"
    assert {table for table, _ in before} >= ASKED_FOR
    for key in before:
        assert key[0] not in forgotten or place.tables()[key] == tables[key]
    assert place.all_rows("recurrences") == recurrences != {}
    kept = embeddings_of(place)
    for frame in embeddings.keys() & kept.keys():
        np.testing.assert_allclose(kept[frame], embeddings[frame], atol=0.02)
    assert_as_decided(place)
    assert_people_s_files_are_there(place)
    for rows in place.all_rows("selections").values():
        assert all(row["learned_percentile"] is not None for row in rows), "what was learned counts"
    again = thumb_assets("run", *NAMED[place.name])
    assert again.exit_code == 0, again.output
    assert {key: footer.get("stage_key") for key, footer in place.footers().items()} == {
        key: footer.get("stage_key") for key, footer in after.items()
    }
    for video_id in (FIRST, SECOND):
        why = thumb_assets("show", video_id, "--why")
        assert why.exit_code == 0, why.output
    checked = thumb_assets("check")
    assert checked.exit_code == 0, checked.output
    assert "2 videos checked: no damage found" in checked.output
