"""Lineage of columns."""

from pathlib import Path

import pytest

from thumb_assets.select.choose import sources_of_selections
from thumb_assets.select.components import COMPONENTS
from thumb_assets.select.rules import REASONS, RULES
from thumb_assets.stages import STAGES
from thumb_assets.tables.contracts import TABLES


@pytest.mark.parametrize("table_name", [name for name in TABLES if TABLES[name].lineage])
def test_every_column_that_is_named_exists(table_name: str) -> None:
    for column, sources in TABLES[table_name].lineage.items():
        assert TABLES[table_name].column(column)
        for source_table, source_column in sources:
            assert TABLES[source_table].column(source_column)


def test_the_columns_of_selections_come_from_what_the_rules_and_components_read() -> None:
    contract, sources = STAGES["selections"].contracts[0], sources_of_selections()
    scores = {name for name in contract.column_names if name.endswith(("_percentile", "_score", "_bonus"))}
    assert scores <= set(sources)
    for column, named in sources.items():
        assert contract.column(column)
        for source in named:
            table_name, _, name = source.partition(".")
            assert TABLES[table_name].column(name), source
    assert {source for rule in RULES for source in rule.sources} <= set(sources["rank"])


def test_every_component_and_reason_has_its_place_in_the_tables() -> None:
    columns = [column for column in TABLES["selections"].columns if column.name.endswith("_percentile")]
    assert [column.name for column in columns] == [each.column for each in COMPONENTS]
    assert all(column.doc.endswith(".") for column in columns)
    page = (Path(__file__).resolve().parents[3] / "docs" / "selection.md").read_text(encoding="utf-8")
    assert [reason for reason in REASONS if f"| `{reason}` |" not in page] == []


def test_the_scores_of_selections_lead_to_the_measurements() -> None:
    contract = TABLES["selections"]
    scores = {name for name in contract.column_names if name.endswith(("_percentile", "_score", "_bonus"))}
    assert scores <= set(TABLES["selections"].lineage)


def test_a_combined_score_comes_from_all_that_its_parts_come_from() -> None:
    lineage = TABLES["selections"].lineage
    parts = {
        source for name, sources in lineage.items() if name.endswith(("_percentile", "_bonus")) for source in sources
    }
    assert parts == set(lineage["combined_score"])
    assert parts < set(lineage["rank"])
