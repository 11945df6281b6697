import subprocess
import sys
from pathlib import Path

import pytest

from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.docs import render
from thumb_assets.tables.contracts import TABLES, tables_of
from thumb_assets.tables.declaration import Embedding

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "tables.md"


def test_the_page_is_that_of_the_contracts():
    assert _PAGE.read_text(encoding="utf-8") == render(), (
        "docs/tables.md is stale: run `python -m thumb_assets_tests.golden`"
    )


def test_the_command_writes_the_page():
    command = [sys.executable, "-X", "utf8", "-m", "thumb_assets.stages.kit.docs"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.decode() == render()


def test_the_page_names_every_column():
    page = render()
    for table in TABLES.values():
        assert f"## {table.name}" in page
        assert all(f"| `{column.name}` |" in page for column in table.columns)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_declarations_hold_together(table):
    assert len(set(table.column_names)) == len(table.columns)
    assert table.key[0] == "video_id"
    assert not any(table.column(name).is_nullable for name in table.key)
    assert all(column.doc.endswith(".") for column in table.columns)
    assert sum(isinstance(column.type, Embedding) for column in table.columns) <= 1
    with pytest.raises(KeyError, match="no column nothing"):
        table.column("nothing")


def test_every_table_has_one_stage_but_those_that_the_store_people_and_the_survey_write():
    written = [name for names in map(tables_of, STAGES) for name in names]
    assert sorted([*written, "outcomes", "decisions", "recurrences"]) == sorted(TABLES)
