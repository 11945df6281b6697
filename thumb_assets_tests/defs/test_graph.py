"""The asset graph as people see it; regenerate the snapshot with `python -m thumb_assets_tests.golden.asset_graph`."""

import json

import dagster as dg

from thumb_assets.definitions import defs
from thumb_assets.tables import STAGES, TABLES
from thumb_assets_tests.golden.asset_graph import SNAPSHOT, describe_graph


def test_graph_is_the_snapshot() -> None:
    assert describe_graph() == json.loads(SNAPSHOT.read_text())


def test_asset_keys_are_the_stages_and_tell_their_columns() -> None:
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert set(specs) == {*STAGES, "library_report"}
    for stage, spec in specs.items():
        assert spec.description
        if stage in TABLES:
            schema = spec.metadata["dagster/column_schema"]
            assert isinstance(schema, dg.TableSchema)
            assert [column.name for column in schema.columns] == list(TABLES[stage].column_names)


def test_definitions_load() -> None:
    dg.Definitions.validate_loadable(defs)
