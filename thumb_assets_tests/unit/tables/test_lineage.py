"""Where columns come from."""

import pytest

from thumb_assets.tables import LINEAGE, TABLES


@pytest.mark.parametrize("table_name", LINEAGE)
def test_every_column_that_is_named_exists(table_name: str) -> None:
    for column, sources in LINEAGE[table_name].items():
        assert TABLES[table_name].column(column)
        for source_table, source_column in sources:
            assert TABLES[source_table].column(source_column)


def test_the_scores_of_selections_lead_to_the_measurements() -> None:
    named = set(LINEAGE["selections"])
    contract = TABLES["selections"]
    scores = {name for name in contract.column_names if name.endswith(("_percentile", "_score", "_bonus"))}
    if "judgements" not in TABLES:  # where nothing judges, the column comes from nowhere
        scores.remove("judge_percentile")
    assert scores <= named
