"""Names of files that hold control characters and markup: no output of any command obeys them."""

import csv
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.export.chapters import render_ffmetadata, render_webvtt
from thumb_assets.store.outbox import Outbox
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.table_file import write_table_file
from thumb_assets.tables.contracts import TABLES
from thumb_assets_tests.support.hostile import FORGED, NAME, unsafe_characters

STAGES = "videos,frames,shots,candidate_frames,sharpness,appearance,selections,chapters,stills"
COMMANDS = [
    ("show", "a"),
    ("show", "a", "--why"),
    ("show", "a", "--why", "--frame", "3"),
    ("chapters", "a"),
    ("chapters", "a", "--format", "webvtt"),
    ("chapters", "a", "--format", "ffmetadata"),
    ("survey",),
    ("what-if", "--set", "selection.top_k=1"),
    ("pin", "a", "3"),
    ("unpin", "a", "3"),
    ("ban", "a", "3"),
    ("learn",),
    ("learn", "--labels", f"missing/{NAME}.csv"),
    ("outbox",),
    ("prune", "--dry-run"),
    ("prune",),
    ("backfill", "--dry-run"),
    ("report",),
    ("run",),
    ("run", f"missing/{NAME}.mp4", "--set", "video.is_isolated=false"),
    ("run", "--stages", NAME),
    ("run", "--set", NAME),
    ("show", NAME),
    ("chapters", "a", "--format", NAME),
    ("chapters", "a", "--output", f"missing/{NAME}.csv"),
    ("presets", NAME),
    ("models", "fetch", NAME),
    (NAME,),
]


@pytest.fixture(scope="module")
def library(synthetic_videos: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data folder whose library holds a video and a broken file of hostile names, and what its run printed."""
    data_dir = tmp_path_factory.mktemp("hostile") / "data"
    folder = data_dir / "videos" / NAME[:60]
    folder.mkdir(parents=True)
    shutil.copyfile(synthetic_videos("multi_shot"), folder / f"{NAME}.mp4")
    (folder / f"{NAME}.broken.mp4").write_bytes(b"no video" * 100)
    (folder / f"{NAME}.lost.mp4").symlink_to(folder / "nowhere")
    options = ["--stages", STAGES, "--set", "chapters.is_on=true", "--set", "video.is_isolated=false"]
    result = CliRunner().invoke(main, ["-v", "run", *options, "--data-dir", str(data_dir)])
    outbox = Outbox(TableStore(data_dir).outbox_path)
    outbox.add_request("event", b"{}", now=time.time())
    outbox.postponed("event", reason=f"no answer from {NAME}", next_at=time.time())
    return data_dir, result.output


def assert_harmless(output: str) -> None:
    assert unsafe_characters(output) == []
    assert not [
        line for line in output.splitlines() if re.match(rf"\s*(failed|{FORGED})", line) and "owned" not in line
    ]


def test_a_run_escapes_the_names_it_prints(library: tuple[Path, str]) -> None:
    _, output = library
    assert_harmless(output)
    assert "Traceback" in output
    assert r"a\x1b]0;owned\x07\x1b[2K\r\nerror: forged\u2028failed: forged\x9b1m\u202egpj.\u2066 [red]x[bold]" in output


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command)[:24].partition(NAME[:3])[0])
def test_no_command_prints_what_a_terminal_obeys(library: tuple[Path, str], command: tuple[str, ...]) -> None:
    data_dir, _ = library
    where = [] if command[0] in {"models", "presets", NAME} else ["--data-dir", str(data_dir)]
    settings = ["--stages", STAGES, "--set", "video.is_isolated=false"] if command == ("run",) else []
    result = CliRunner().invoke(main, [*command, *where, *settings])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.output
    assert_harmless(result.output)
    report = data_dir / "report.html"
    if command == ("report",):
        assert unsafe_characters(report.read_text()) == []
        assert "<script>" not in report.read_text()


def test_titles_of_chapters_stay_on_their_line() -> None:
    row = {"video_id": "a", "chapter_index": 0, "start_pts_seconds": 0.0, "end_seconds": 2.0, "title": NAME}
    contract = TABLES["chapters"]
    chapters = pa.Table.from_pylist([{column.name: row.get(column.name) for column in contract.columns}])
    webvtt, metadata = render_webvtt(chapters), render_ffmetadata(chapters)
    assert_harmless(webvtt)
    assert unsafe_characters(metadata) == []
    assert len(webvtt.splitlines()) == 5
    assert all(line.endswith("\\") for line in metadata.split("title=")[1].split("\n")[:-2])
    assert "<script>" not in webvtt


def test_a_table_for_spreadsheets_holds_no_formula(tmp_path: Path) -> None:
    texts = ['=HYPERLINK("http://evil")', "+1", "-1", "@x", "plain", None]
    table = pa.table({"title": pa.array(texts, pa.string()), "score": pa.array([-1.0] * 6)})
    write_table_file(tmp_path / "table.csv", table)
    rows = list(csv.DictReader((tmp_path / "table.csv").open()))
    assert [row["title"] for row in rows] == ['\'=HYPERLINK("http://evil")', "'+1", "'-1", "'@x", "plain", ""]
    assert {row["score"] for row in rows} == {"-1"}
