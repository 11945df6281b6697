"""Runs the two stages in a process that has them: `python -m thumb_assets_tests.toy.scenario STEP ...`."""

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

from thumb_assets.pipeline.isolate import run_isolated, warm_engine
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import load_settings
from thumb_assets.stages import STAGES, models_of_profiles
from thumb_assets.store.parquet import TableStore
from thumb_assets.weights.status import list_models

BEFORE = ("videos", "frames", "shots", "candidate_frames")
WANTED = (*BEFORE, "toy", "toy_note", "catalog")


def made(data_dir: Path, video_id: str, *overrides: str, stages: tuple[str, ...] = WANTED) -> dict[str, str]:
    """By stage, `made`, `unchanged`, or why it was not made."""
    results = run_isolated([video_id], stages, load_settings(overrides=overrides), TableStore(data_dir))
    return {
        result.stage: str(result.message) if result.status != "done" else "unchanged" if result.is_unchanged else "made"
        for result in results
    }


def runs(data_dir: Path, video_id: str, number: Path) -> dict[str, Any]:
    """Runs one after the other, each with one thing changed."""
    found: dict[str, Any] = {"first": made(data_dir, video_id), "again": made(data_dir, video_id)}
    found["settings of others"] = made(data_dir, video_id, "stills.format=png", "clip.batch_size=3")
    found["its settings"] = made(data_dir, video_id, "toy.scale=2")
    number.write_text("1")
    own = ("toy.scale=2", f"toy.model_path={number}")
    found["its model file, named"] = made(data_dir, video_id, *own)
    found["again with the file"] = made(data_dir, video_id, *own)
    number.write_text("12")
    found["its model file, replaced"] = made(data_dir, video_id, *own)
    found["its input"] = made(data_dir, video_id, *own, "candidates.uniform_interval_seconds=0.7")
    found["back"] = made(data_dir, video_id)
    found["rows"] = TableStore(data_dir).read("toy", video_id).num_rows
    with sqlite3.connect(data_dir / "catalog.sqlite") as catalog:
        found["rows of the catalog"] = catalog.execute("SELECT count(*) FROM toy").fetchone()[0]
        found["note of the catalog"] = catalog.execute("SELECT greatest FROM toy_note").fetchone()[0]
    return found


def derived() -> dict[str, Any]:
    """Places where the stages stand without being named there."""
    from thumb_assets.defs.assets import build_pipeline
    from thumb_assets.stages.kit.docs import render

    graph = build_pipeline(load_settings())
    spec = graph.specs_by_key[next(key for key in graph.keys if key.to_user_string() == "toy")]
    return {
        "order": list(STAGES),
        "on": list(default_stages(load_settings())),
        "off": list(default_stages(load_settings(overrides=["toy.is_on=false"]))),
        "inputs": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "columns": [column.name for column in spec.metadata["dagster/column_schema"].columns],
        "description": spec.description,
        "checks": sorted(check.name for check in graph.check_specs if check.asset_key == spec.key),
        "docs": [line for line in render().splitlines() if "toy" in line],
        "models": {status.name: [status.state, *status.profiles] for status in list_models(models_of_profiles())},
    }


def lineage(data_dir: Path, video_id: str) -> dict[str, Any]:
    """Columns of a materialisation by those that they come from."""
    from thumb_assets.defs.metadata import stage_metadata

    store = TableStore(data_dir)
    found = {}
    for result in run_isolated([video_id], ("toy", "toy_note"), load_settings(), store):
        columns = stage_metadata(result, store)["dagster/column_lineage"].deps_by_column
        found[result.stage] = {
            column: [f"{source.asset_key.to_user_string()}.{source.column_name}" for source in sources]
            for column, sources in columns.items()
        }
    return found


if __name__ == "__main__":
    step, *rest = sys.argv[1:]
    with warm_engine():
        if step == "runs":
            answer = runs(Path(rest[0]), rest[1], Path(rest[2]))
        elif step == "once":
            answer = {**made(Path(rest[0]), rest[1]), "lineage": lineage(Path(rest[0]), rest[1])}
        else:
            answer = derived()
    print(json.dumps(answer))
