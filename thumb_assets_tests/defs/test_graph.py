"""The asset graph as people see it; regenerate the snapshot with `python -m thumb_assets_tests.golden.asset_graph`."""

import json
from pathlib import Path

import dagster as dg
import pytest

from thumb_assets.definitions import defs
from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.checks import CHECKS
from thumb_assets.defs.provenance import require_in_graph, stages_of, upstream_stages
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.errors import SettingsError
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import load_settings
from thumb_assets.stages import STAGES
from thumb_assets.tables.contracts import TABLES
from thumb_assets_tests.golden.asset_graph import SNAPSHOT, describe_graph


def test_graph_is_the_snapshot() -> None:
    assert describe_graph() == json.loads(SNAPSHOT.read_text())


def test_asset_keys_are_the_stages_and_tell_their_columns() -> None:
    specs = {spec.key.to_user_string(): spec for spec in defs().resolve_all_asset_specs()}
    around = {"decisions", "recurrences", "learned_head", "library_percentiles", "survey", "library_report", "dataset"}
    assert set(specs) == {*default_stages(load_settings()), *around}
    for stage, spec in specs.items():
        assert spec.description
        if stage in TABLES:
            schema = spec.metadata["dagster/column_schema"]
            assert isinstance(schema, dg.TableSchema)
            assert [column.name for column in schema.columns] == list(TABLES[stage].column_names)


def test_definitions_load() -> None:
    dg.Definitions.validate_loadable(defs())
    assert defs().get_repository_def().get_all_jobs()  # refuses what `validate_loadable` does not, such as equal names


def graph_of(data_dir: Path, *overrides: str) -> dict[str, tuple[set[str], set[str]]]:
    """The inputs and the checks of each asset."""
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=list(overrides))
    graph = build_definitions(resource=resource).resolve_asset_graph()
    checks = {key: [check.name for check in graph.get(key).check_keys] for key in graph.get_all_asset_keys()}
    return {
        key.to_user_string(): ({each.to_user_string() for each in graph.get(key).parent_keys}, set(checks[key]))
        for key in graph.get_all_asset_keys()
    }


def test_what_is_off_is_no_asset_and_no_input(data_dir: Path) -> None:
    graph = graph_of(data_dir)
    is_off = set(STAGES) - set(default_stages(load_settings()))
    assert {"judgements", "crops"} <= is_off
    assert not is_off & set(graph)
    assert not is_off & {each for inputs, _ in graph.values() for each in inputs}


def test_what_is_turned_on_is_an_asset_with_its_checks(data_dir: Path) -> None:
    graph = graph_of(data_dir, 'crops.aspect_ratios=["1:1"]', "chapters.is_on=true")
    assert {"crops", "chapters"} <= graph["catalog"][0]
    for stage in ("crops", "chapters"):
        inputs, checks = graph[stage]
        assert inputs == set(upstream_stages(stage)) & set(graph)
        assert checks == set(CHECKS[stage])


def test_a_loaded_code_location_runs_what_it_has(data_dir: Path) -> None:
    repository = build_definitions(resource=ThumbAssetsResource(data_dir=str(data_dir))).get_repository_def()
    missing: list[str] = []
    settings = load_settings(overrides=["chapters.is_on=true"])
    assert stages_of(repository, settings, on_missing=missing.append) == default_stages(load_settings())
    assert [line.split()[0] for line in missing] == ["chapters"]


def test_a_daemon_is_not_asked_for_what_is_no_asset() -> None:
    require_in_graph(["stills"], load_settings())
    with pytest.raises(SettingsError, match="crops: off in the library's settings"):
        require_in_graph(["stills", "crops"], load_settings())
